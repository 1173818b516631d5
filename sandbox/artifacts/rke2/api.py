"""The API server as controllers of the stand-in see it: calls with a certificate, and a watch that never ends."""
import json
import ssl
import time
import urllib.error
import urllib.request

from settings import say

SECONDS = 20
WATCH_SECONDS = 300


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__("%d %s" % (status, text[:300]))
        self.status = status


class Api:
    def __init__(self, server, authority, certificate, key):
        self.server = server
        self.context = ssl.create_default_context(cafile=authority)
        self.context.load_cert_chain(certificate, key)

    def open(self, method, path, body=None, kind="application/json", timeout=SECONDS):
        request = urllib.request.Request(self.server + path, method=method, data=None if body is None else json.dumps(body).encode())
        request.add_header("Content-Type", kind)
        try:
            return urllib.request.urlopen(request, timeout=timeout, context=self.context)
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")) from None

    def call(self, method, path, body=None, kind="application/json"):
        with self.open(method, path, body, kind) as answer:
            return json.load(answer)

    def find(self, path):
        """None where there is none."""
        try:
            return self.call("GET", path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def follow(self, path):
        """(type, object) for ever: what there is as ADDED, then every change. Objects may come again after an interruption."""
        mark = "&" if "?" in path else "?"
        while True:
            try:
                listed = self.call("GET", path)
                for each in listed["items"]:
                    yield "ADDED", each
                version = listed["metadata"]["resourceVersion"]
                query = "%swatch=true&resourceVersion=%s&timeoutSeconds=%d" % (mark, version, WATCH_SECONDS)
                with self.open("GET", path + query, timeout=WATCH_SECONDS + 30) as stream:
                    for line in stream:
                        event = json.loads(line)
                        if event["type"] == "ERROR":
                            break
                        yield event["type"], event["object"]
            except (OSError, ValueError, Refused) as error:
                say("watching %s: %s" % (path.split("?")[0], error))
                time.sleep(2)
