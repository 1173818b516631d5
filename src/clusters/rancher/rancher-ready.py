#!/usr/bin/env python3
"""Waits until Helm has installed Rancher as asked, its pods run, and it answers under its name through the load balancers."""
import base64
import gzip
import json

from rancher_cluster import answer, available, check_name, look, pods, settings, wait

INSTALL_SECONDS = 1200
ANSWER_SECONDS = 300
NAMESPACE = "cattle-system"
CHART = ("helmcharts.helm.cattle.io", "rancher", "--namespace", "kube-system")

wanted = settings("ready")


def release():
    """Helm's own note of its newest release: {"info": {"status"}, "config": the values, "chart": {"metadata"}}; None before the first."""
    secrets = (look("secret", "--namespace", NAMESPACE, "--selector", "owner=helm,name=rancher") or {}).get("items", [])
    if not secrets:
        return None
    newest = max(secrets, key=lambda each: int(each["metadata"]["labels"]["version"]))
    # Helm packs it, and Kubernetes encodes what Helm has encoded.
    return json.loads(gzip.decompress(base64.b64decode(base64.b64decode(newest["data"]["release"]))))


def within(part, whole):
    """Whether everything that was asked for is there: the controller adds values of its own."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(within(value, whole.get(key)) for key, value in part.items())
    return part == whole


def installed():
    found = release()
    if found is None:
        return False, "Helm has not begun"
    version, status = found["chart"]["metadata"]["version"], found["info"]["status"]
    if version != wanted["version"] or not within(wanted["values"], found.get("config")):
        return False, "Helm has version %s with other values than now wanted of version %s" % (version, wanted["version"])
    return status == "deployed", "Helm says %s: %s" % (status, found["info"].get("description", ""))


def controller():
    """What RKE2's Helm controller says of its own work."""
    conditions = (look(*CHART) or {}).get("status", {}).get("conditions", [])
    said = ["    chart: %s %s" % (each.get("type"), each.get("message", "")) for each in conditions if each.get("status") == "True"]
    return "\n".join(said + [pods("kube-system", "helmcharts.helm.cattle.io/chart=rancher")])


def pong():
    status, text = answer(wanted["host"], "/ping")
    return (status, text) == (200, "pong"), "https://%s/ping answered %s" % (wanted["host"], status or text)


check_name(wanted["host"], wanted["address"])
wait(installed, INSTALL_SECONDS, "Helm's installation of Rancher", controller)
for name in ("rancher", "rancher-webhook"):
    wait(lambda: available(NAMESPACE, name), INSTALL_SECONDS, "deployment %s" % name, lambda: pods(NAMESPACE, "app=" + name))
wait(pong, ANSWER_SECONDS, "Rancher's answer through the load balancers", lambda: "The pods run: look at LBLAN's back end middleware, and at the cluster's ingress.")
print("report answers=pong as %s" % wanted["host"])
