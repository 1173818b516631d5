#!/usr/bin/env python3
"""Gives this cluster to Rancher: applies the manifest that Rancher made for it, once, and waits until its agent is connected.

Rancher changes the agent itself later, so a cluster that has its agent is left alone: the first manifest again would cut it off.
"""
import json

from rancher_cluster import answer, available, check_name, fail, kubectl, look, pods, settings, wait

ANSWER_SECONDS = 300
AGENT_SECONDS = 900
NAMESPACE = "cattle-system"
AGENT = "cattle-cluster-agent"
# Ours, and nothing that Rancher makes anew: which of its clusters this one has become.
MARK = "platform-rancher-cluster"

wanted = settings("import")


def manifest():
    """Rancher's objects for this cluster, over a verified connection; its address holds the registration token."""
    prefix = "https://%s/" % wanted["host"]
    if not wanted["manifestUrl"].startswith(prefix) or "{token}" in wanted["manifestUrl"]:
        fail("Rancher gave no usable address for cluster %s's manifest: look at its server-url, which is to be %s" % (wanted["id"], prefix))
    status, text = answer(wanted["host"], wanted["manifestUrl"][len(prefix) - 1:])
    if status != 200:
        fail("Rancher answered %s when asked for the manifest of cluster %s: its registration token may have ended, run pulumi refresh" % (status or text, wanted["id"]))
    return text


def pong():
    status, text = answer(wanted["host"], "/ping")
    return (status, text) == (200, "pong"), "https://%s/ping answered %s" % (wanted["host"], status or text)


check_name(wanted["host"], wanted["address"])
wait(pong, ANSWER_SECONDS, "Rancher's answer", lambda: "Rancher must be reached from this node at %s:443: look at the firewalls between." % wanted["address"])
known = (look("configmap", MARK, "--namespace", NAMESPACE) or {}).get("data", {}).get("id")
if known != wanted["id"]:
    well, printed = kubectl("apply", "--filename", "-", text=manifest().encode())
    if not well:
        fail("the manifest of cluster %s could not be applied:\n%s" % (wanted["id"], printed[-2000:]))
    mark = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MARK, "namespace": NAMESPACE}, "data": {"id": wanted["id"]}}
    well, printed = kubectl("apply", "--filename", "-", text=json.dumps(mark).encode())
    if not well:
        fail("it could not be noted that cluster %s has its agent: %s" % (wanted["id"], printed))
wait(lambda: available(NAMESPACE, AGENT), AGENT_SECONDS, "Rancher's agent", lambda: pods(NAMESPACE, "app=" + AGENT))
print("report agent=available")
