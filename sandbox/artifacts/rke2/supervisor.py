"""What servers tell nodes that come with the right token: on port 9345, as RKE2's supervisor, over TLS of the cluster's own authority."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import ssl
import threading
import urllib.error
import urllib.request

import etcd
import pki
from settings import DATA, SUPERVISOR_PORT, critical, fatal

PASSWORDS = DATA + "/server/cred/node-passwords.json"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def full_token(password):
    return "K10%s::server:%s" % (digest(pki.read("server-ca.crt")), password)


def split_token(token):
    """(digest of the authority or None, password)"""
    if token.startswith("K10"):
        known, _, account = token[3:].partition("::")
        return known, account.partition(":")[2]
    return None, token


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    config = None
    password = None
    ready = False

    def answer(self, status, value):
        text = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def allowed(self):
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        try:
            password = base64.b64decode(value).decode().partition(":")[2]
        except ValueError:
            return False
        return kind == "Basic" and hmac.compare_digest(password, self.password)

    def do_GET(self):
        if self.path == "/cacerts":
            return self.answer(200, pki.read("server-ca.crt"))
        if not self.allowed():
            return self.answer(401, "token is not valid")
        if self.path == "/v1-rke2/readyz":
            return self.answer(200 if self.ready else 503, "ok" if self.ready else "not ready")
        if self.path == "/v1-rke2/server-bootstrap":
            return self.answer(200, {"files": {name: pki.read(name) for name in pki.shared()}, "critical": critical(self.config)})
        return self.answer(404, "not found")

    def do_POST(self):
        content = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        if not self.allowed():
            return self.answer(401, "token is not valid")
        if self.path == "/v1-rke2/etcd-join":
            initial = etcd.admit(content["name"], content["peer"])
            if initial is None:
                return self.answer(409, "duplicate node name found, please use a unique name for this node")
            return self.answer(200, {"initial": initial})
        if self.path == "/v1-rke2/etcd-promote":
            return self.answer(200, {"voting": etcd.count_vote(content["name"])})
        if self.path == "/v1-rke2/node":
            return self.node(content["name"], content["password"], content["ip"])
        return self.answer(404, "not found")

    def node(self, name, password, ip):
        """A kubelet's certificate, for whoever first had this name, as long as the node is known."""
        with open(PASSWORDS) as handle:
            known = json.load(handle)
        if known.setdefault(name, digest(password)) != digest(password):
            return self.answer(403, "node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match")
        with open(PASSWORDS + ".new", "w") as handle:
            json.dump(known, handle)
        os.rename(PASSWORDS + ".new", PASSWORDS)
        pki.client("nodes/" + name, "/O=system:nodes/CN=system:node:" + name)
        pki.client("nodes/kwok-" + name, "/O=system:masters/CN=kwok-" + name)
        pki.sign("nodes/serving-" + name, "server-ca", "/CN=system:node:" + name, ["serverAuth"], [ip], [name])
        self.answer(200, {
            "serverCa": pki.read("server-ca.crt"),
            "clientCa": pki.read("client-ca.crt"),
            "serving": [pki.read("nodes/serving-%s%s" % (name, kind)) for kind in (".crt", ".key")],
            "kubelet": [pki.read("nodes/%s%s" % (name, kind)) for kind in (".crt", ".key")],
            "kwok": [pki.read("nodes/kwok-%s%s" % (name, kind)) for kind in (".crt", ".key")],
        })

    def log_message(self, *_):
        pass


def forget(node):
    with open(PASSWORDS) as handle:
        known = json.load(handle)
    if known.pop(node, None) is not None:
        with open(PASSWORDS, "w") as handle:
            json.dump(known, handle)


def serve(config, password):
    Handler.config, Handler.password = config, password
    os.makedirs(os.path.dirname(PASSWORDS), mode=0o700, exist_ok=True)
    if not os.path.exists(PASSWORDS):
        with open(PASSWORDS, "w") as handle:
            handle.write("{}")
    server = http.server.ThreadingHTTPServer((config.get("bind-address", "0.0.0.0"), SUPERVISOR_PORT), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pki.TLS + "/serving-supervisor.crt", pki.TLS + "/serving-supervisor.key")
    # The handshake is each connection's own: a load balancer's bare check must not hold the others up.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class Registration:
    """A server as a node sees it, once its authority is the one that the token names."""

    def __init__(self, url, token):
        self.url = url
        known, self.password = split_token(token)
        loose = ssl.create_default_context()
        loose.check_hostname, loose.verify_mode = False, ssl.CERT_NONE
        self.authority = self.fetch("/cacerts", context=loose).decode()
        if known is not None and digest(self.authority) != known:
            fatal("token CA hash does not match the Cluster CA certificate hash: %s != %s" % (known, digest(self.authority)))
        self.context = ssl.create_default_context(cadata=self.authority)

    def fetch(self, path, body=None, context=None):
        request = urllib.request.Request(self.url + path, None if body is None else json.dumps(body).encode())
        if context is None:
            request.add_header("Authorization", "Basic " + base64.b64encode(("server:" + self.password).encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=30, context=context or self.context) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            fatal("failed to validate token or register at %s: %d %s" % (self.url, error.code, error.read().decode(errors="replace")))
        except OSError as error:
            fatal("failed to get CA certs or register at %s: %s" % (self.url, error))

    def ask(self, path, body=None):
        return json.loads(self.fetch(path, body))


def take(files):
    """The files that all servers have the same."""
    for name, text in files.items():
        path = "%s/%s" % (pki.TLS, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "w", opener=lambda each, flags: os.open(each, flags, 0o600)) as handle:
            handle.write(text)
