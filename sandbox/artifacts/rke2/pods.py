"""In place of kubelet and containerd, for the few images that the sandbox has a program for: each such pod is a process of this node,
with its environment, its Secrets as files, an account's token, a port of this machine's own address for each of its ports, restarts and
a readiness probe. Other nodes reach it through port 10250, as the API server reaches its log. All other pods are kwok's."""
import base64
import http.server
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

from api import Refused
from pump import pump
from settings import IMAGES, say

FOLDER = "/run/platform-pods"
KUBELET_PORT = 10250
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_SECONDS = 3600
PROBE_SECONDS = 1
RESTART_SECONDS = 3


def repository(image):
    """registry:port/a/b:tag -> a/b, as far as the sandbox has a program of that name."""
    path = re.sub(r"(@sha256)?:[^/]*$", "", image)
    for candidate in (path, path.partition("/")[2]):
        if candidate and os.path.exists("%s/%s/main.py" % (IMAGES, candidate)):
            return candidate
    return None


def known_images():
    """Repositories with a program, for kwok to leave alone."""
    found = []
    for folder, _, names in os.walk(IMAGES):
        if "main.py" in names:
            found.append(os.path.relpath(folder, IMAGES))
    return sorted(found)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Pod:
    """One pod's process, from its first start to its end."""

    def __init__(self, node, pod):
        self.node, self.pod = node, pod
        self.namespace, self.name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self.container = pod["spec"]["containers"][0]
        self.root = "%s/%s" % (FOLDER, pod["metadata"]["uid"])
        self.ports = {each["containerPort"]: free_port() for each in self.container.get("ports", [])}
        probe = self.container.get("readinessProbe", {}).get("httpGet")
        if probe:
            self.ports.setdefault(self.number(probe["port"]), free_port())
        self.process, self.ready, self.restarts, self.ended = None, None, 0, False
        threading.Thread(target=self.live, daemon=True).start()

    def number(self, port):
        named = {each.get("name"): each["containerPort"] for each in self.container.get("ports", [])}
        return named.get(port, port)

    def path(self, kind, name):
        return "/api/v1/namespaces/%s/%s/%s" % (self.namespace, kind, name)

    def value(self, entry):
        source = entry.get("valueFrom", {})
        if "secretKeyRef" in source or "configMapKeyRef" in source:
            kind, place = ("secrets", source["secretKeyRef"]) if "secretKeyRef" in source else ("configmaps", source["configMapKeyRef"])
            text = self.node.api.call("GET", self.path(kind, place["name"])).get("data", {}).get(place["key"], "")
            return self.node.decode(text) if kind == "secrets" else text
        fields = {"metadata.name": self.name, "metadata.namespace": self.namespace, "status.podIP": self.node.ip}
        if "fieldRef" in source:
            return fields[source["fieldRef"]["fieldPath"]]
        return entry.get("value", "")

    def write(self, path, text):
        place = self.root + path
        os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
        with open(place + ".new", "w", opener=lambda each, flags: os.open(each, flags, 0o600)) as handle:
            handle.write(text)
        os.rename(place + ".new", place)

    def mount(self):
        volumes = {each["name"]: each for each in self.pod["spec"].get("volumes", [])}
        for each in self.container.get("volumeMounts", []):
            secret = volumes.get(each["name"], {}).get("secret")
            if secret is None:
                continue
            for key, text in self.node.api.call("GET", self.path("secrets", secret["secretName"])).get("data", {}).items():
                if "subPath" not in each:
                    self.write("%s/%s" % (each["mountPath"], key), self.node.decode(text))
                elif each["subPath"] == key:
                    self.write(each["mountPath"], self.node.decode(text))

    def give_token(self):
        account = self.pod["spec"].get("serviceAccountName", "default")
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": TOKEN_SECONDS}}
        token = self.node.api.call("POST", self.path("serviceaccounts", account) + "/token", body)["status"]["token"]
        for name, text in (("token", token), ("ca.crt", self.node.authority), ("namespace", self.namespace)):
            self.write("%s/%s" % (ACCOUNT, name), text)
        self.renew = time.monotonic() + TOKEN_SECONDS / 2

    def start(self):
        self.mount()
        self.give_token()
        host, port = urllib.parse.urlparse(self.node.api.server).netloc.split(":")
        environment = {each["name"]: self.value(each) for each in self.container.get("env", [])}
        environment.update({"SANDBOX_PORT_%d" % inside: str(outside) for inside, outside in self.ports.items()})
        environment.update({"SANDBOX_ROOT": self.root, "KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port,
                            "PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"})
        program = "%s/%s/main.py" % (IMAGES, repository(self.container["image"]))
        with open(self.root + "/log", "ab") as log:
            self.process = subprocess.Popen([sys.executable, program, *self.container.get("args", [])], env=environment, stdout=log, stderr=log)
        self.started = now()

    def probe(self):
        wanted = self.container.get("readinessProbe", {}).get("httpGet")
        if wanted is None:
            return True
        try:
            url = "http://127.0.0.1:%d%s" % (self.ports[self.number(wanted["port"])], wanted.get("path", "/"))
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status < 400
        except OSError:
            return False

    def report(self, running, ready, why=""):
        state = {"running": {"startedAt": self.started}} if running else {"waiting": {"reason": "CrashLoopBackOff", "message": why}}
        conditions = [{"type": kind, "status": "True" if ready or kind == "Initialized" else "False", "lastTransitionTime": now()}
                      for kind in ("Initialized", "ContainersReady", "Ready")]
        own = {"name": self.container["name"], "image": self.container["image"], "imageID": "", "ready": ready,
               "restartCount": self.restarts, "state": state}
        others = [{"name": each["name"], "image": each["image"], "imageID": "", "ready": True, "restartCount": 0, "state": {}}
                  for each in self.pod["spec"]["containers"][1:]]
        status = {"phase": "Running", "podIP": self.node.ip, "podIPs": [{"ip": self.node.ip}], "hostIP": self.node.ip,
                  "startTime": self.started, "conditions": conditions, "containerStatuses": [own, *others]}
        self.node.api.call("PATCH", self.path("pods", self.name) + "/status", {"status": status}, "application/merge-patch+json")

    def live(self):
        while not self.ended:
            try:
                if self.process is None:
                    self.started = now()
                    self.start()
                    self.ready = None
                code = self.process.poll()
                if code is not None:
                    self.restarts += 1
                    self.process = None
                    self.report(False, False, "ended with code %d: %s" % (code, self.log(5)))
                    time.sleep(RESTART_SECONDS)
                    continue
                if time.monotonic() > self.renew:
                    self.give_token()
                ready = self.probe()
                if ready != self.ready:
                    self.report(True, ready)
                    self.ready = ready
            except Refused as refused:
                if refused.status == 404 and self.node.gone(self):
                    break
                say("pod %s/%s: %s" % (self.namespace, self.name, refused))
            except OSError as error:
                say("pod %s/%s: %s" % (self.namespace, self.name, error))
            time.sleep(PROBE_SECONDS)
        self.end()

    def log(self, lines):
        try:
            with open(self.root + "/log", errors="replace") as handle:
                return "".join(handle.readlines()[-lines:])
        except OSError:
            return ""

    def end(self):
        self.ended = True
        process, self.process = self.process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.root, ignore_errors=True)


class Node:
    """The pods with a program on this node, by namespace and name."""

    def __init__(self, api, name, ip, authority):
        self.api, self.name, self.ip, self.authority, self.pods = api, name, ip, authority, {}
        self.decode = lambda text: base64.b64decode(text).decode()

    def follow(self):
        for kind, pod in self.api.follow("/api/v1/pods?fieldSelector=spec.nodeName%3D" + self.name):
            key = (pod["metadata"]["namespace"], pod["metadata"]["name"])
            known = self.pods.get(key)
            if known is not None and (kind == "DELETED" or known.pod["metadata"]["uid"] != pod["metadata"]["uid"] or "deletionTimestamp" in pod["metadata"]):
                known.ended = True
                del self.pods[key]
                known = None
            if known is None and kind != "DELETED" and "deletionTimestamp" not in pod["metadata"] and repository(pod["spec"]["containers"][0]["image"]):
                self.pods[key] = Pod(self, pod)

    def gone(self, pod):
        return self.api.find(pod.path("pods", pod.name)) is None

    def end(self):
        for pod in list(self.pods.values()):
            pod.end()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    node = None

    def found(self, namespace, name):
        return self.node.pods.get((namespace, name))

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        parts = url.path.strip("/").split("/")
        pod = self.found(*parts[1:3]) if parts[0] == "containerLogs" and len(parts) == 4 else None
        lines = int(urllib.parse.parse_qs(url.query).get("tailLines", ["1000"])[0])
        text = (pod.log(lines) if pod else "").encode()
        self.send_response(200 if parts[0] == "containerLogs" else 404)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_CONNECT(self):
        """namespace/pod:port: bytes to and from one of this node's pods."""
        place, _, port = self.path.rpartition(":")
        pod = self.found(*place.split("/"))
        outside = pod.ports.get(int(port)) if pod else None
        if outside is None:
            return self.send_error(404, "no such pod or port")
        with socket.create_connection(("127.0.0.1", outside), timeout=10) as other:
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            pump(self.connection, other)
        self.close_connection = True

    def log_message(self, *_):
        pass


def start(api, config, files):
    """`files`: what this node's port 10250 shows, and whom it believes."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER, mode=0o700)
    with open(files["authority"]) as handle:
        node = Node(api, config["node-name"], config["node-ip"], handle.read())
    Handler.node = node
    server = http.server.ThreadingHTTPServer((config["node-ip"], KUBELET_PORT), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files["certificate"], files["key"])
    context.load_verify_locations(files["clients"])
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=node.follow, daemon=True).start()
    return node
