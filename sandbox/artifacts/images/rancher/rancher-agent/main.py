"""What runs in the sandbox's pods of image rancher/rancher-agent: a stand-in for Rancher's cluster agent.

It insists on what the real one insists on, then stays connected. It manages nothing: Rancher learns only that it is there.
"""
import base64
import hashlib
import http.client
import http.server
import json
import os
import socket
import ssl
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.environ.get("SANDBOX_ROOT", "")
ACCOUNT = ROOT + "/var/run/secrets/kubernetes.io/serviceaccount/"
RETRY_SECONDS = 5
# The server sends something every five.
SILENCE_SECONDS = 20


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connected = False

    def do_GET(self):
        status = 404 if self.path != "/health" else 200 if Handler.connected else 503
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def read(path):
    with open(path) as handle:
        return handle.read().strip()


def fatal(message):
    print("ERROR: " + message, flush=True)
    sys.exit(1)


def fetch(url, context):
    handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    with urllib.request.build_opener(*handlers).open(url, timeout=30) as answer:
        return answer.read().decode()


def address(url):
    """(host, port) of https://host[:port]"""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        fatal("%s is to be an address that starts with https://" % url)
    return parts.hostname, parts.port or 443


def authority(server, checksum):
    """Rancher's own word for its authority, believed because the manifest names its checksum. None where the manifest names none."""
    loose = ssl.create_default_context()
    loose.check_hostname, loose.verify_mode = False, ssl.CERT_NONE
    host, port = address(server)
    try:
        socket.getaddrinfo(host, port)
        if fetch(server + "/ping", loose) != "pong":
            fatal("%s/ping is not accessible (it does not answer pong)" % server)
        if not checksum:
            return None
        text = json.loads(fetch(server + "/v3/settings/cacerts", loose))["value"]
    except socket.gaierror as error:
        fatal("%s/ping is not accessible (Could not resolve host: %s: %s)" % (server, host, error.strerror))
    except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
        fatal("%s is not accessible (%s)" % (server, error))
    found = hashlib.sha256((text + "\n").encode()).hexdigest()
    if found != checksum:
        fatal("Configured cacerts checksum (%s) does not match given --ca-checksum (%s)" % (found, checksum))
    return text


def trust(text, strict):
    """Of that authority alone."""
    if text is None and not strict:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=text or "")
    except (ssl.SSLError, ValueError) as error:
        fatal("Strict CA verification is enabled but encountered error finding root CA: %s" % error)
    return context


def check(server, context, strict):
    """Without strict verification a failure only postpones the connection: it is never made to an unverified server."""
    try:
        fetch(server, context)
    except urllib.error.HTTPError:
        pass
    except (OSError, http.client.HTTPException) as error:
        if strict:
            fatal("Could not securely connect to %s: %s" % (server, error))


def parameters():
    own = {
        "address": "%s:%s" % (os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]),
        "token": read(ACCOUNT + "token"),
        "caCert": base64.b64encode(read(ACCOUNT + "ca.crt").encode()).decode(),
    }
    return base64.b64encode(json.dumps({"cluster": own}).encode()).decode()


class Report:
    """One line for each change, however often it is tried again."""

    def __init__(self):
        self.last = None

    def say(self, text):
        if text != self.last:
            print(text, flush=True)
        self.last = text


def stay(url, token, context, path, report):
    """Connected until the server ends it or falls silent; why it is over."""
    host, port = address(url)
    connection = http.client.HTTPSConnection(host, port, context=context, timeout=SILENCE_SECONDS)
    try:
        connection.request("GET", path, headers={"X-API-Tunnel-Token": token, "X-API-Tunnel-Params": parameters()})
        answer = connection.getresponse()
        if answer.status != 200:
            return "%d %s" % (answer.status, answer.read(200).decode(errors="replace").strip())
        while answer.readline():
            Handler.connected = True
            report.say("connected to %s" % url)
        return "the server ended the connection"
    finally:
        Handler.connected = False
        connection.close()


def main():
    server = os.environ["CATTLE_SERVER"].rstrip("/")
    strict = os.environ.get("STRICT_VERIFY") == "true"
    health = http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["SANDBOX_PORT_8080"])), Handler)
    threading.Thread(target=health.serve_forever, daemon=True).start()
    context = trust(authority(server, os.environ.get("CATTLE_CA_CHECKSUM", "")), strict)
    check(server, context, strict)
    report, path = Report(), "/v3/connect/register"
    while True:
        try:
            url, token = read(ROOT + "/cattle-credentials/url").rstrip("/"), read(ROOT + "/cattle-credentials/token")
            why = stay(url, token, context, path, report)
        except ssl.SSLCertVerificationError as error:
            if strict:
                fatal("Could not securely connect to %s: %s" % (url, error))
            why = str(error)
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
        if report.last is not None and report.last.startswith("connected"):
            path = "/v3/connect"
        report.say("disconnected: " + why)
        time.sleep(RETRY_SECONDS)


if __name__ == "__main__":
    main()
