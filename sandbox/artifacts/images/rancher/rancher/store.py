"""What the replicas share, kept in the Kubernetes API they run on: clusters are custom resources, everything else is one Secret."""
import base64
import hashlib
import json
import os
import secrets
import ssl
import time
import urllib.error
import urllib.request

VERSION = "v2.15.1"
ROOT, SPACE = os.environ.get("SANDBOX_ROOT", ""), os.environ.get("CATTLE_NAMESPACE", "cattle-system")
ACCOUNT = ROOT + "/var/run/secrets/kubernetes.io/serviceaccount/"
SECRETS, STATE = "/api/v1/namespaces/%s/secrets" % SPACE, "/api/v1/namespaces/%s/secrets/sandbox-rancher-state" % SPACE
GROUP, RBAC = "management.cattle.io", "rbac.authorization.k8s.io"
CLUSTERS, CRDS = "/apis/%s/v3/clusters" % GROUP, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MAX_BODY, LEAST_PASSWORD = 1 << 20, 12
CHUNK_SECONDS, SIGN_SECONDS, SILENT_SECONDS = 5, 10, 30
# Read-only; what is empty here is known once this has started.
FIXED = {"cacerts": "", "k8s-version": "", "server-version": VERSION, "password-min-length": str(LEAST_PASSWORD)}
METHODS = {"setting": ["GET", "PUT"], "user": ["GET"], "token": ["GET", "POST", "DELETE"], "cluster": ["GET", "POST", "PUT", "DELETE"],
           "clusterRegistrationToken": ["GET", "POST"], "project": ["GET"], "node": ["GET"]}


class Refused(Exception):
    """Without a code, the answer is the message as it stands."""
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status = status
        self.body = {"type": "error", "baseType": "error", "code": code, "status": status, "message": message} if code else message


def insist(right, status, code, message):
    if not right:
        raise Refused(status, code, message)


def stamp(seconds=None):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def fresh(prefix, length):
    return prefix + "".join(secrets.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(length))


def digest(text):
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def scrypt(password, salt):
    return hashlib.scrypt(str(password).encode(errors="replace"), salt=salt.encode(), n=1 << 14, r=8, p=1).hex()


def read(path):
    with open(path) as handle:
        return handle.read().strip()


def kube(method, path, body=None):
    """The answer; None for what is not there, False for a conflict. The account's token may be replaced at any time."""
    url = "https://%s:%s%s" % (os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"], path)
    try:
        headers = {"Authorization": "Bearer " + read(ACCOUNT + "token"), "Content-Type": "application/json"}
        call = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers, method=method)
        verified = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ACCOUNT + "ca.crt"))
        with urllib.request.build_opener(urllib.request.ProxyHandler({}), verified).open(call, timeout=15) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 409 or error.code == 404 and method != "POST":
            return None if error.code == 404 else False
        said = "%s %s: %d %s" % (method, path, error.code, " ".join(error.read(500).decode(errors="replace").split()))
        raise Refused(422 if error.code == 422 else 503, "Kubernetes", said) from None
    except (OSError, ValueError) as error:
        raise Refused(503, "Kubernetes", "%s %s: %s" % (method, path, error)) from None


def rewrite(path, edit):
    """Reads, edits, writes; again if another replica wrote in between. None where there is nothing; no write if `edit` says False."""
    for _ in range(40):
        record = kube("GET", path)
        if record is None or edit(record) is False:
            return record
        written = kube("PUT", path, record)
        if written is not False:
            return written
        time.sleep(secrets.randbelow(200) / 1000)
    raise Refused(503, "Kubernetes", "%s is changed by others all the time" % path)


def unpack(secret):
    insist(secret, 503, "ServerError", "the Secret with this stand-in's state is gone")
    return json.loads(base64.b64decode(secret["data"]["state"]))


def change(work):
    """Expired tokens stay for an hour: the provider asks whether its own is one."""
    def edit(secret):
        state = unpack(secret)
        state["tokens"] = {name: each for name, each in state["tokens"].items() if each["expires"] > time.time() - 3600}
        work(state)
        secret["stringData"] = {"state": json.dumps(state)}
    unpack(rewrite(STATE, edit))


def condition(record, kind):
    return next((each for each in record.get("status", {}).get("conditions", []) if each["type"] == kind), {})


def put_conditions(record, value, *kinds, **why):
    status = record.setdefault("status", {})
    others = [each for each in status.get("conditions", []) if each["type"] not in kinds]
    status["conditions"] = others + [{"type": kind, "status": value, "lastUpdateTime": stamp(), **why} for kind in kinds]


def sign(name, agent):
    """An agent is there. None once its cluster is not."""
    def edit(record):
        put_conditions(record, "True", "Connected", "Ready", "Updated", "Provisioned")
        record["status"].update(driver="rke2", apiEndpoint="https://" + agent["address"], caCert=agent["caCert"])
    return rewrite("%s/%s" % (CLUSTERS, name), edit)


def expire(record):
    last = condition(record, "Connected")
    if record["metadata"]["name"] == "local" or last.get("status") != "True" or last["lastUpdateTime"] >= stamp(time.time() - SILENT_SECONDS):
        return False
    return put_conditions(record, "False", "Connected", "Ready", reason="Disconnected", message="Cluster agent is not connected")


def watch():
    while True:
        time.sleep(SIGN_SECONDS)
        try:
            for each in kube("GET", CLUSTERS)["items"]:
                rewrite("%s/%s" % (CLUSTERS, each["metadata"]["name"]), expire)
        except (Refused, TypeError) as error:
            print("cannot look after clusters: %s" % error, flush=True)
