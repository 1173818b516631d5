"""What runs in the sandbox's pods of image rancher/rancher: a stand-in for Rancher 2.15's server, not Rancher."""
import base64
import http.server
import json
import os
import secrets
import sys
import threading
import time
import uuid

from api import Handler
from store import CLUSTERS, CRDS, FIXED, GROUP, ROOT, Refused, SECRETS, SPACE, STATE, fresh, kube, put_conditions, read, scrypt, watch

ARGUMENTS = {"--http-listen-port=80", "--https-listen-port=443", "--add-local=true", "--no-cacerts"}


def first_state():
    """The administrator has the password that was put there for this. A stand-in makes up none."""
    given = (kube("GET", SECRETS + "/bootstrap-secret") or {}).get("data", {}).get("bootstrapPassword")
    if not given:
        sys.exit("there is no Secret %s/bootstrap-secret with key bootstrapPassword: the administrator would have no password" % SPACE)
    password, salt = base64.b64decode(given).decode(), secrets.token_hex(16)
    user = {"id": fresh("user-", 5), "salt": salt, "hash": scrypt(password, salt), "mustChangePassword": password == "admin"}
    return {"user": user, "tokens": {}, "registration": {}, "settings": {"install-uuid": str(uuid.uuid4())}}


def prepare():
    """What is made here may be made by another replica in the same moment: such conflicts are fine."""
    if "--no-cacerts" not in sys.argv:
        FIXED["cacerts"] = read(ROOT + "/etc/rancher/ssl/cacerts.pem")
    FIXED["k8s-version"] = kube("GET", "/version")["gitVersion"]
    if kube("GET", STATE) is None:
        kube("POST", SECRETS, {"metadata": {"name": STATE.rpartition("/")[2]}, "stringData": {"state": json.dumps(first_state())}})
    loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": loose, "status": loose}}
    kube("POST", CRDS, {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "clusters." + GROUP}, "spec": {
        "group": GROUP, "scope": "Cluster", "names": {"kind": "Cluster", "listKind": "ClusterList", "plural": "clusters", "singular": "cluster"},
        "versions": [{"name": "v3", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]}})
    while kube("GET", CLUSTERS) is None:
        time.sleep(1)
    local = {"apiVersion": GROUP + "/v3", "kind": "Cluster", "metadata": {"name": "local"}, "spec": {"displayName": "local", "internal": True},
             "status": {"driver": "rke2"}}
    put_conditions(local, "True", "Connected", "Ready", "Updated", "Provisioned")
    kube("POST", CLUSTERS, local)
    app, webhook = {"app": "rancher-webhook"}, {"name": "rancher-webhook", "image": "rancher/rancher-webhook:stand-in"}
    kube("POST", "/apis/apps/v1/namespaces/%s/deployments" % SPACE, {"metadata": {"name": "rancher-webhook"}, "spec": {
        "replicas": 1, "selector": {"matchLabels": app}, "template": {"metadata": {"labels": app}, "spec": {"containers": [webhook]}}}})


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


def main():
    unknown = set(sys.argv[1:]) - ARGUMENTS
    if unknown:
        sys.exit("flag provided but not defined: " + ", ".join(sorted(unknown)))
    while True:
        try:
            prepare()
            break
        except (Refused, OSError) as error:
            print("cannot start yet: %s" % error, flush=True)
            time.sleep(3)
    threading.Thread(target=watch, daemon=True).start()
    Server(("127.0.0.1", int(os.environ["SANDBOX_PORT_80"])), Handler).serve_forever()


if __name__ == "__main__":
    main()
