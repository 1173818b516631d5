"""Rancher's API, as far as the rancher2 provider and cluster agents use it."""
import base64
import http.server
import json
import os
import re
import secrets
import select
import time
import urllib.parse

from manifest import manifest
from store import (
    CHUNK_SECONDS, CLUSTERS, FIXED, GROUP, LEAST_PASSWORD, MAX_BODY, METHODS, Refused, SIGN_SECONDS, STATE, VERSION, change, condition,
    digest, encoded, fresh, insist, kube, rewrite, scrypt, sign, stamp, unpack,
)

SESSION_MS, MAX_TOKEN_MS, KUBECONFIG_MS = 960 * 60000, 129600 * 60000, 43200 * 60000
SETTINGS = {"agent-tls-mode": "strict", "first-login": "true", "ingress-ip-domain": "sslip.io", "install-uuid": "", "server-url": "",
            "system-default-registry": "", "ui-default-landing": "vue"}
ACTIONS = {"user": ["setpassword"], "cluster": ["generateKubeconfig"]}
NOT_LOGGED_IN = {"type": "error", "status": "401", "message": "Unauthorized 401: must authenticate"}
KINDS = {kind.lower() + "s": kind for kind in METHODS}
SPEC = ("description", "enableNetworkPolicy", "agentEnvVars", "fleetWorkspaceName")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version, server_version, sys_version, timeout = "HTTP/1.1", "sandbox-stand-in-for-rancher/2.15.1", "", 90
    base, state, values, token_name = "", {}, {}, None

    def log_message(self, *_):
        pass

    def serve(self):
        url = urllib.parse.urlsplit(self.path)
        try:
            answer = self.route(url.path.strip("/"), dict(urllib.parse.parse_qsl(url.query)))
        except Refused as refused:
            why = ": %s" % refused if refused.status >= 500 else ""
            print("%d %s %s%s" % (refused.status, self.command, re.sub("^/+v3/import/.*", "/v3/import/...", url.path), why), flush=True)
            answer = refused.status, refused.body
        except OSError:
            # Whoever asked is gone.
            self.close_connection, answer = True, None
        if answer is not None:
            self.send(*answer)
    do_GET = do_POST = do_PUT = do_DELETE = serve

    def send(self, status, value):
        text = b"" if status == 204 else (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(value, str) else "application/json")
        self.send_header("X-API-Schemas", self.base + "/v3/schemas")
        if status == 413:
            self.send_header("Connection", "close")
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def content(self):
        size = self.headers.get("Content-Length", "0")
        insist("Transfer-Encoding" not in self.headers and size.isdecimal() and int(size) <= MAX_BODY,
               413, "RequestEntityTooLarge", "a body needs a Content-Length, of 1 MiB at most")
        try:
            body = json.loads(self.rfile.read(int(size)) or b"{}")
        except ValueError:
            body = None
        insist(isinstance(body, dict), 422, "InvalidBodyContent", "Failed to parse body")
        return body

    def route(self, path, query):
        body, parts = self.content(), path.split("/")
        plain = {"": "the sandbox's stand-in for Rancher %s" % VERSION, "ping": "pong", "healthz": "ok", "cacerts": FIXED["cacerts"] + "\n"}
        if self.command == "GET" and path in plain:
            return 200, plain[path]
        self.state = unpack(kube("GET", STATE))
        own = {name: os.environ.get("CATTLE_" + name.upper().replace("-", "_")) for name in SETTINGS}
        self.values = {**{name: own[name] or self.state["settings"].get(name, default) for name, default in SETTINGS.items()}, **FIXED}
        # Whoever comes by http is sent to https by the real one: that is the only scheme links may have by default.
        scheme = "http" if self.headers.get("X-Forwarded-Proto") == "http" else "https"
        self.base = self.values["server-url"].rstrip("/") or "%s://%s" % (scheme, self.headers.get("Host", ""))
        if path == "v1-public/login" and self.command == "POST":
            return self.login(body)
        if path in ("v3/connect", "v3/connect/register") and self.command == "GET":
            return self.tunnel()
        if path.startswith("v3/import/") and self.command == "GET":
            return self.imported(path[len("v3/import/"):])
        is_open = self.command == "GET" and parts[:2] == ["v3", "settings"] and re.fullmatch("cacerts|first-login|ui-.*", parts[-1])
        if not is_open:
            self.authenticate()
        if path == "v3":
            return 200, {"type": "apiRoot", "links": {name: "%s/v3/%s" % (self.base, name) for name in ("schemas", *KINDS)}}
        if path == "v3/schemas":
            return 200, {"type": "collection", "data": [self.schema(kind, methods) for kind, methods in METHODS.items()]}
        insist(parts[0] == "v3" and len(parts) in (2, 3) and parts[1].lower() in KINDS, 404, "NotFound", "not found")
        return self.resource(KINDS[parts[1].lower()], parts[2] if len(parts) == 3 else None, query, body)

    def resource(self, kind, name, query, body):
        items = self.views(kind)
        item = next((each for each in items if each["id"] == name), None)
        insist(name is None or item, 404, "NotFound", "%s %s not found" % (kind, name))
        action = query.get("action")
        if self.command == "GET" and item:
            return 200, item
        if self.command == "GET":
            wanted = {key: value for key, value in query.items() if key in ("id", "name", "username", "clusterId")}
            chosen = [each for each in items if all(each.get(key) == value for key, value in wanted.items())]
            return 200, {"type": "collection", "resourceType": kind, "links": {"self": self.link(kind)}, "data": chosen}
        is_known = item and action in ACTIONS.get(kind, []) if action else self.command in METHODS[kind] and bool(item) != (self.command == "POST")
        insist(is_known, 405, "MethodNotAllowed", "%s of %s is not known" % (action or self.command, kind))
        return getattr(self, "%s_%s" % ((action or self.command).lower(), kind.lower()))(item, body)

    def link(self, kind, name=None):
        return "%s/v3/%ss%s" % (self.base, kind.lower(), "" if name is None else "/" + name)

    def schema(self, kind, methods):
        links = {"self": "%s/v3/schemas/%s" % (self.base, kind), "collection": self.link(kind)}
        return {"id": kind, "type": "schema", "pluralName": kind + "s", "links": links, "actions": {},
                "collectionMethods": [each for each in methods if each in ("GET", "POST")],
                "resourceMethods": [each for each in methods if each != "POST"]}

    def view(self, kind, name, /, **fields):
        own = self.link(kind, name)
        actions = {each: "%s?action=%s" % (own, each) for each in ACTIONS.get(kind, [])}
        return {"id": name, "type": kind, "baseType": kind, "links": {"self": own}, "actions": actions, **fields}

    def views(self, kind):
        if kind == "cluster":
            return [self.cluster(each) for each in kube("GET", CLUSTERS)["items"]]
        if kind == "setting":
            return [self.setting(name) for name in self.values]
        if kind == "token":
            return [self.token(name, each) for name, each in self.state["tokens"].items()]
        if kind == "clusterRegistrationToken":
            return [self.registration(name, each) for name, each in self.state["registration"].items()]
        user = self.state["user"]
        shown = {"name": "Default Admin", "username": "admin", "enabled": True, "mustChangePassword": user["mustChangePassword"]}
        return [self.view("user", user["id"], **shown)] if kind == "user" else []

    def cluster(self, record):
        meta, spec, status, ready = record["metadata"], record.get("spec", {}), record.get("status", {}), condition(record, "Ready").get("status")
        state = "removing" if "deletionTimestamp" in meta else {None: "pending", "True": "active"}.get(ready, "unavailable")
        fields = {key: spec[key] for key in SPEC if key in spec}
        return self.view("cluster", meta["name"], state=state, name=spec.get("displayName", ""), driver=status.get("driver", ""),
                         labels=meta.get("labels", {}), annotations=meta.get("annotations", {}), created=meta.get("creationTimestamp"),
                         conditions=status.get("conditions", []), caCert=status.get("caCert", ""), **fields)

    def setting(self, name):
        source = "env" if os.environ.get("CATTLE_" + name.upper().replace("-", "_")) and name not in FIXED else "db"
        return self.view("setting", name, name=name, value=self.values[name], default=SETTINGS.get(name, ""), source=source,
                         customized=name in self.state["settings"])

    def token(self, name, record):
        return self.view("token", name, name=name, description=record["description"], ttl=record["ttl"], userId=self.state["user"]["id"],
                         created=stamp(record["created"]), expiresAt=stamp(record["expires"]), expired=record["expires"] <= time.time(),
                         enabled=True, current=name == self.token_name, authProvider="local")

    def registration(self, identity, token):
        cluster, _, name = identity.partition(":")
        url = "%s/v3/import/%s_%s.yaml" % (self.base, token, cluster) if self.values["server-url"] else ""
        return self.view("clusterRegistrationToken", identity, name=name, clusterId=cluster, token=token, state="active", manifestUrl=url,
                         command=url and "kubectl apply -f " + url, insecureCommand=url and "curl --insecure -sfL %s | kubectl apply -f -" % url,
                         nodeCommand=url and "# the sandbox's stand-in for Rancher imports clusters, it makes none")

    def authenticate(self):
        how, _, token = self.headers.get("Authorization", "").partition(" ")
        name, _, key = token.partition(":")
        known = self.state["tokens"].get(name)
        insist(how == "Bearer" and known and known["hash"] == digest(key) and known["expires"] > time.time(), 401, None, NOT_LOGGED_IN)
        self.token_name = name

    def new_token(self, description, milliseconds, prefix="token-"):
        """The token itself is in this answer only: what is kept is its digest."""
        name, key, now = fresh(prefix, 5), fresh("", 54), time.time()
        record = {"hash": digest(key), "description": description, "ttl": milliseconds, "created": now, "expires": now + milliseconds / 1000}
        change(lambda state: state["tokens"].update({name: record}))
        return {**self.token(name, record), "token": "%s:%s" % (name, key)}

    def login(self, body):
        user = self.state["user"]
        insist(body.get("type") == "localProvider", 422, "InvalidBodyContent", "the stand-in knows type localProvider only")
        right = secrets.compare_digest(scrypt(body.get("password"), user["salt"]), user["hash"]) and body.get("username") == "admin"
        insist(right, 401, "Unauthorized", "authentication failed")
        return 201, self.new_token(str(body.get("description", "")), SESSION_MS)

    def post_token(self, _item, body):
        asked = body.get("ttl") or 0
        insist(type(asked) is int, 422, "InvalidBodyContent", "ttl is to be a number of milliseconds")
        return 201, self.new_token(str(body.get("description", "")), asked if 0 < asked < MAX_TOKEN_MS else MAX_TOKEN_MS)

    def delete_token(self, item, _body):
        change(lambda state: state["tokens"].pop(item["id"], None))
        return 204, None

    def put_setting(self, item, body):
        name, value = item["id"], body.get("value")
        insist(name not in FIXED and item["source"] != "env", 405, "MethodNotAllowed", "%s is read-only" % name)
        insist(isinstance(value, str), 422, "InvalidBodyContent", "value is to be a text")
        change(lambda state: state["settings"].update({name: value}))
        return 200, {**item, "value": value, "customized": True}

    def setpassword_user(self, item, body):
        password, salt = body.get("newPassword"), secrets.token_hex(16)
        least = "Password must be at least %d characters" % LEAST_PASSWORD
        insist(isinstance(password, str) and len(password) >= LEAST_PASSWORD, 422, "InvalidBodyContent", least)
        news = {"salt": salt, "hash": scrypt(password, salt), "mustChangePassword": False}
        change(lambda state: (state["user"].update(news), state["settings"].update({"first-login": "false"})))
        return 200, {**item, "mustChangePassword": False}

    def filled(self, record, body):
        unknown = sorted(key for key, value in body.items() if value and key not in (*SPEC, "name", "labels", "annotations", "driver", "id", "type"))
        insist(not unknown, 422, "InvalidBodyContent", "the stand-in does not know a cluster's " + ", ".join(unknown))
        insist(body.get("driver") in (None, "", "imported", "rke2"), 422, "InvalidOption", "the stand-in knows imported clusters only")
        name = body.get("name", record["spec"].get("displayName"))
        insist(isinstance(name, str) and name, 422, "MissingRequired", "Cluster name")
        taken = [each["id"] for each in self.views("cluster") if each["name"] == name and each["id"] != record["metadata"]["name"]]
        insist(not taken, 422, "NotUnique", "Cluster name %s is taken" % name)
        record["spec"].update(displayName=name, **{key: body[key] for key in SPEC if key in body})
        record["metadata"].update({key: body[key] for key in ("labels", "annotations") if key in body})
        return record

    def post_cluster(self, _item, body):
        record = {"apiVersion": GROUP + "/v3", "kind": "Cluster", "metadata": {"name": fresh("c-", 5)}, "spec": {"fleetWorkspaceName": "fleet-default"}}
        made = kube("POST", CLUSTERS, self.filled(record, body))
        insist(made, 503, "ServerError", "the cluster's new id was taken")
        change(lambda state: state["registration"].update({record["metadata"]["name"] + ":default-token": fresh("", 54)}))
        return 201, self.cluster(made)

    def put_cluster(self, item, body):
        written = rewrite("%s/%s" % (CLUSTERS, item["id"]), lambda record: self.filled(record, body))
        insist(written, 404, "NotFound", "cluster %s not found" % item["id"])
        return 200, self.cluster(written)

    def delete_cluster(self, item, _body):
        insist(item["id"] != "local", 405, "MethodNotAllowed", "local cluster may not be deleted")
        kube("DELETE", "%s/%s" % (CLUSTERS, item["id"]))
        others = {"registration": {name: each for name, each in self.state["registration"].items() if name.partition(":")[0] != item["id"]}}
        change(lambda state: state.update(others))
        return 200, {**item, "state": "removing"}

    def generatekubeconfig_cluster(self, item, _body):
        name, token = item["name"], self.new_token("Kubeconfig token", KUBECONFIG_MS, "kubeconfig-user-")["token"]
        server = {"server": "%s/k8s/clusters/%s" % (self.base, item["id"]), "certificate-authority-data": encoded(self.values["cacerts"])}
        context = {"name": name, "context": {"user": name, "cluster": name}}
        config = {"apiVersion": "v1", "kind": "Config", "clusters": [{"name": name, "cluster": server}], "contexts": [context],
                  "users": [{"name": name, "user": {"token": token}}], "current-context": name}
        return 200, {"type": "generateKubeConfigOutput", "baseType": "generateKubeConfigOutput", "config": json.dumps(config, indent=2)}

    def post_clusterregistrationtoken(self, _item, body):
        cluster, name = body.get("clusterId"), body.get("name") or fresh("crt-", 5)
        insist(cluster in [each["id"] for each in self.views("cluster")], 422, "InvalidReference", "clusterId")
        identity, token = "%s:%s" % (cluster, name), fresh("", 54)
        insist(identity not in self.state["registration"], 409, "AlreadyExists", "%s already exists" % identity)
        change(lambda state: state["registration"].setdefault(identity, token))
        return 201, self.registration(identity, token)

    def registered(self, token, cluster=None):
        """The cluster that a registration token is for."""
        known = [name.partition(":")[0] for name, each in self.state["registration"].items() if digest(each) == digest(token)]
        return known[0] if known and cluster in (None, known[0]) else None

    def imported(self, name):
        token, _, cluster = name.removesuffix(".yaml").partition("_")
        insist(cluster and name.endswith(".yaml"), 404, None, "not found")
        record = kube("GET", "%s/%s" % (CLUSTERS, cluster)) if self.registered(token, cluster) else None
        insist(record, 400, None, "cluster not found or invalid token")
        return 200, manifest(self.base, token, self.values, record["spec"].get("agentEnvVars") or [])

    def tunnel(self):
        """The real one is a websocket. Here the answer stays open, a chunk every few seconds, for as long as the agent listens."""
        name = self.registered(self.headers.get("X-API-Tunnel-Token", ""))
        insist(name, 401, None, "failed authentication")
        try:
            agent = json.loads(base64.b64decode(self.headers.get("X-API-Tunnel-Params", ""), validate=True))["cluster"]
            is_whole = all(isinstance(agent[key], str) and agent[key] for key in ("address", "token", "caCert"))
        except (ValueError, KeyError, TypeError):
            is_whole = False
        insist(is_whole, 400, None, "the tunnel's parameters describe no cluster")
        insist(sign(name, agent), 401, None, "failed authentication")
        self.close_connection = True
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        signed = time.monotonic()
        while True:
            self.wfile.write(b"5\r\nping\n\r\n")
            # Nothing is expected: that there is something to read means that the agent is gone.
            if select.select([self.connection], [], [], CHUNK_SECONDS)[0]:
                return
            if time.monotonic() - signed >= SIGN_SECONDS:
                signed = time.monotonic()
                try:
                    if sign(name, agent) is None:
                        return
                except Refused as refused:
                    print("cluster %s is connected, which could not be noted: %s" % (name, refused), flush=True)
