"""In place of RKE2's Traefik, on every node without taints: port 443, certificates from Secrets, requests to pods by the Ingress objects.

Knows what the platform uses: hosts, path prefixes, one service and port each. Answers /ping, as the platform configures Traefik to.
"""
import base64
import os
import socket
import ssl
import tempfile
import threading
import time

from api import Refused
from pods import KUBELET_PORT
from pump import pump
from settings import say

PORT = 443
LARGEST_HEAD = 65536
FRESH_SECONDS = 2
DEFAULT_SECRET = ("kube-system", "platform-ingress")


class Routes:
    """What the API server says, asked again when it is older than a moment."""

    def __init__(self, api):
        self.api, self.known, self.lock = api, {}, threading.Lock()

    def get(self, path):
        with self.lock:
            found = self.known.get(path)
            if found is None or found[0] < time.monotonic():
                found = (time.monotonic() + FRESH_SECONDS, self.api.find(path) or {})
                self.known[path] = found
            return found[1]

    def ingresses(self):
        return self.get("/apis/networking.k8s.io/v1/ingresses").get("items", [])

    def secret_for(self, host):
        for each in self.ingresses():
            for entry in each["spec"].get("tls", []):
                if host in entry.get("hosts", []) and "secretName" in entry:
                    return each["metadata"]["namespace"], entry["secretName"]
        return DEFAULT_SECRET

    def pod_for(self, host, path):
        """(node's address, "namespace/pod:port"), or why there is none."""
        matches = [
            (len(entry.get("path", "/")), each["metadata"]["namespace"], entry["backend"]["service"])
            for each in self.ingresses() for rule in each["spec"].get("rules", []) if rule.get("host") == host
            for entry in rule["http"]["paths"] if path.startswith(entry.get("path", "/"))
        ]
        if not matches:
            return None, 404
        _, namespace, service = max(matches, key=lambda each: each[0])
        ports = self.get("/api/v1/namespaces/%s/services/%s" % (namespace, service["name"])).get("spec", {}).get("ports", [])
        wanted = service["port"]
        port = next((each for each in ports if each.get("name") == wanted.get("name", "") or each["port"] == wanted.get("number")), None)
        slices = self.get("/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices?labelSelector=kubernetes.io%%2Fservice-name%%3D%s" % (namespace, service["name"]))
        pods = [
            (end["addresses"][0], "%s/%s:%d" % (namespace, end["targetRef"]["name"], number["port"]))
            for each in slices.get("items", []) for number in each.get("ports") or [] if port and number.get("name", "") == port.get("name", "")
            for end in each.get("endpoints") or [] if end.get("conditions", {}).get("ready")
        ]
        return (pods[int.from_bytes(os.urandom(2), "big") % len(pods)], 200) if pods else (None, 503)


class Ingress:
    def __init__(self, api, files):
        self.routes, self.contexts = Routes(api), {}
        self.client = ssl.create_default_context(cafile=files["authority"])
        self.client.load_cert_chain(files["ownCertificate"], files["ownKey"])

    def context(self, namespace, name):
        secret = self.routes.get("/api/v1/namespaces/%s/secrets/%s" % (namespace, name))
        version = secret["metadata"]["resourceVersion"]
        if self.contexts.get((namespace, name), (None, None))[0] != version:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            with tempfile.NamedTemporaryFile() as handle:
                handle.write(base64.b64decode(secret["data"]["tls.crt"]) + b"\n" + base64.b64decode(secret["data"]["tls.key"]))
                handle.flush()
                context.load_cert_chain(handle.name)
            context.sni_callback = self.choose
            self.contexts[(namespace, name)] = (version, context)
        return self.contexts[(namespace, name)][1]

    def choose(self, connection, host, _):
        try:
            connection.context = self.context(*self.routes.secret_for(host))
        except (Refused, OSError, KeyError) as error:
            say("certificate for %s: %s" % (host, error))
        return None

    def serve(self, raw):
        with raw:
            raw.settimeout(30)
            with self.context(*DEFAULT_SECRET).wrap_socket(raw, server_side=True) as connection:
                self.answer(connection)

    def head(self, connection):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(8192)
            if not more or len(data) > LARGEST_HEAD:
                return None, b""
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        return head.decode("latin-1").split("\r\n"), rest

    def answer(self, connection):
        lines, rest = self.head(connection)
        if lines is None:
            return
        path = lines[0].split(" ")[1]
        headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:]}
        if path == "/ping" and "upgrade" not in headers and self.routes.pod_for(headers.get("host", ""), "/ping")[0] is None:
            return self.say(connection, 200, "OK")
        pod, status = self.routes.pod_for(headers.get("host", "").split(":")[0], path.split("?")[0])
        if pod is None:
            return self.say(connection, status, {404: "404 page not found", 503: "no available server"}[status])
        kept = [line for line in lines[1:] if line.partition(":")[0].lower() not in ("connection", "keep-alive")]
        kept += ["Connection: " + ("Upgrade" if "upgrade" in headers else "close")]
        with self.reach(*pod) as upstream:
            upstream.sendall(("\r\n".join([lines[0], *kept]) + "\r\n\r\n").encode("latin-1") + rest)
            pump(connection, upstream)

    def reach(self, address, place):
        raw = socket.create_connection((address, KUBELET_PORT), timeout=10)
        upstream = self.client.wrap_socket(raw, server_hostname=address)
        upstream.sendall(("CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (place, address)).encode())
        said = b""
        while b"\r\n\r\n" not in said:
            # One at a time: what follows is the pod's.
            more = upstream.recv(1)
            if not more:
                break
            said += more
        if b" 200 " not in said.split(b"\r\n")[0]:
            raise OSError("%s of %s: %s" % (place, address, said[:100]))
        return upstream

    def say(self, connection, status, text):
        connection.sendall(("HTTP/1.1 %d -\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (status, len(text), text)).encode())

    def one(self, raw):
        try:
            self.serve(raw)
        except (OSError, Refused, KeyError, ValueError, IndexError):
            # A load balancer's bare connection, a client that went, a cluster that is just starting.
            pass

    def listen(self, address):
        with socket.create_server((address, PORT), backlog=128) as server:
            while True:
                raw, _ = server.accept()
                threading.Thread(target=self.one, args=[raw], daemon=True).start()


def start(api, config, files):
    if not config.get("node-taint"):
        threading.Thread(target=Ingress(api, files).listen, args=[config["node-ip"]], daemon=True).start()
