#!/usr/bin/env python3
"""Starts RKE2 with its configuration and waits until the cluster itself calls the node ready, a server also a voting member of etcd.

A run that was cut off is simply run again: RKE2 goes on from what it has on disk. It is restarted only when its version or what it
reads has changed. The server that makes the cluster looks first whether there is one already: made again, it joins that.
"""
import base64
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import urllib.request

from rke2_node import ADMINISTRATOR, SETTINGS, fail, kubectl, ready, wait

SERVER = SETTINGS["role"] == "server"
UNIT = "rke2-server" if SERVER else "rke2-agent"
DATA = "/var/lib/rancher/rke2"
JOIN = "/etc/rancher/rke2/config.yaml.d/50-join.yaml"
RUNNING = "/var/lib/platform/rke2-running"
READ = [
    "/etc/rancher/rke2/config.yaml", "/etc/rancher/rke2/registries.yaml", "/etc/rancher/rke2/audit-policy.yaml",
    "/etc/rancher/rke2/pod-security.yaml", "/etc/default/" + UNIT, JOIN,
]
SUPERVISOR_PORT = 9345
START_SECONDS = 1200
# Images of the network and the helper jobs come over the network too.
GATE_SECONDS = 600
# Where etcd answers HTTP; its clients' port speaks gRPC only.
ETCD_HTTP_PORT = 2382
ADDRESS_SECONDS = 120
LEAST_FREE_GIB = 2
KUBELET = DATA + "/agent/kubelet.kubeconfig"


def reachable(address, port):
    try:
        socket.create_connection((address, port), timeout=3).close()
        return True
    except OSError:
        return False


def check_disk():
    os.makedirs(DATA, exist_ok=True)
    free = shutil.disk_usage(DATA).free / 2**30
    if free < LEAST_FREE_GIB:
        fail("%.1f GiB are free below %s, RKE2 wants %d at least: make room, or raise the machine's disk in platform:overrides" % (free, DATA, LEAST_FREE_GIB))


def decide_whom_to_join():
    """Only the server that makes the cluster has a choice, and only as long as it has no data of its own."""
    if not SETTINGS["makesCluster"] or os.path.isdir(DATA + "/server/db/etcd"):
        return
    if any(reachable(other, SUPERVISOR_PORT) for other in SETTINGS["otherServers"]):
        os.makedirs(os.path.dirname(JOIN), exist_ok=True)
        with open(JOIN, "w") as handle:
            handle.write("server: https://%s:%d\n" % (SETTINGS["api"], SUPERVISOR_PORT))


def check_address():
    if SETTINGS["makesCluster"] and not os.path.exists(JOIN):
        return
    wait(
        lambda: (reachable(SETTINGS["api"], SUPERVISOR_PORT), ""),
        ADDRESS_SECONDS,
        lambda _: fail(
            "nothing answers at %s:%d, the cluster's own address, after %d s: look at the load balancers that hold it and at the first server"
            % (SETTINGS["api"], SUPERVISOR_PORT, ADDRESS_SECONDS)
        ),
    )


def fingerprint():
    digest = hashlib.sha256(SETTINGS["version"].encode())
    for path in READ:
        if os.path.exists(path):
            with open(path, "rb") as handle:
                digest.update(handle.read())
    return digest.hexdigest()


def state():
    shown = subprocess.run(
        ["systemctl", "show", "--property=ActiveState,SubState,NRestarts", UNIT], stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    return dict(line.split("=", 1) for line in shown.split())


def last_lines():
    shown = subprocess.run(
        ["journalctl", "--unit", UNIT, "--no-pager", "--lines", "12", "--output", "cat"], stdout=subprocess.PIPE
    ).stdout.decode(errors="replace")
    return "\n".join("    " + line for line in shown.splitlines())


HINTS = [
    ("encrypted with different token", "its token is not the one the cluster's own data is encrypted with: a token is not changed by hand (docs/operations.md)"),
    ("token is not valid", "its token is not the cluster's"),
    ("token ca hash does not match", "the server it met is of another cluster than its token: look at who holds the cluster's address"),
    ("node password rejected", "the cluster still knows an earlier machine of this name: remove it on another server with remove-node.py (docs/operations.md)"),
    ("critical configuration", "its configuration differs from the other servers': all of them must have been brought up to date, one after the other"),
    ("duplicate node name", "the cluster still knows an earlier machine of this name: remove it on another server with remove-node.py (docs/operations.md)"),
    ("no space left", "its disk is full"),
    ("flag provided but not defined", "RKE2 does not know a key of its configuration: platform:versions.rke2 is older than the tested version"),
    ("unknown configuration key", "RKE2 does not know a key of its configuration: platform:versions.rke2 is older than the tested version"),
]


def not_started(why):
    lines = last_lines()
    hint = next((advice for sign, advice in HINTS if sign in lines.lower()), "its last lines say why")
    fail("%s has not come up (%s): %s\n%s" % (UNIT, why, hint, lines))


def start():
    wanted = fingerprint()
    known = open(RUNNING).read() if os.path.exists(RUNNING) else ""
    subprocess.run(["systemctl", "enable", "--quiet", UNIT], check=True)
    if state()["ActiveState"] == "active" and known == wanted:
        return wanted
    if os.path.exists(RUNNING):
        os.unlink(RUNNING)
    subprocess.run(["systemctl", "reset-failed", UNIT], stderr=subprocess.DEVNULL)
    subprocess.run(["systemctl", "restart", "--no-block", UNIT], check=True)

    def up():
        found = state()
        # It restarts itself for ever: three times is enough to know.
        if found["ActiveState"] == "failed" or int(found["NRestarts"]) >= 3:
            not_started("it ended %s times" % found["NRestarts"])
        return found["ActiveState"] == "active", "it is %s after %d s" % (found["SubState"], START_SECONDS)

    wait(up, START_SECONDS, not_started)
    return wanted


def member():
    """Whether etcd counts this server's vote, by etcd's own API."""
    folder = DATA + "/server/tls/etcd/"
    context = ssl.create_default_context(cafile=folder + "server-ca.crt")
    context.load_cert_chain(folder + "client.crt", folder + "client.key")
    request = urllib.request.Request("https://127.0.0.1:%d/v3/cluster/member/list" % ETCD_HTTP_PORT, data=b"{}", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            members = json.load(answer)["members"]
    except OSError as error:
        return False, "etcd does not answer: %s" % error
    own = [each for each in members if any("//%s:" % SETTINGS["ip"] in url for url in each.get("clientURLs", []))]
    if len(own) == 1 and not own[0].get("isLearner"):
        return True, ""
    return False, "etcd has %d members, of which this one is %s" % (len(members), "a learner" if own else "none")


def readyz():
    well, printed = kubectl("get", "--raw", "/readyz")
    return well and printed == "ok", "the API server is not ready: %s" % (printed.splitlines() or ["no answer"])[-1]


def gate(what, holds):
    wait(holds, GATE_SECONDS, lambda why: fail("%s is not so after %d s: %s\n%s" % (what, GATE_SECONDS, why, last_lines())))


def keep_taints():
    """A taint is read at a node's first registration only. One that an edit takes back is taken back here; to add one to a node in use evicts
    what runs on it at once, so that is a step of the migration (docs/operations.md)."""
    well, printed = kubectl("get", "node", SETTINGS["node"], "-o", "jsonpath={range .spec.taints[*]}{.key}={.value}:{.effect}{\"\\n\"}{end}")
    found = printed.split() if well else []
    ours = "CriticalAddonsOnly=true:NoExecute"
    if ours in found and ours not in SETTINGS["taints"]:
        kubectl("taint", "node", SETTINGS["node"], ours + "-")
    elif ours in SETTINGS["taints"] and ours not in found:
        print("report taint=missing: %s is still to be set on this node" % ours)


def report_access():
    """The token in its full form, which pins the cluster's authority, and the administrator's kubeconfig."""
    with open(DATA + "/server/token") as handle:
        token = handle.read().strip()
    with open(ADMINISTRATOR) as handle:
        kubeconfig = handle.read().replace("https://127.0.0.1:6443", "https://%s:6443" % SETTINGS["api"])
    with open(os.environ["PLATFORM_SECRET_REPORT"], "a") as handle:
        handle.write("token=%s\nkubeconfig=%s\n" % (token, base64.b64encode(kubeconfig.encode()).decode()))


check_disk()
decide_whom_to_join()
check_address()
started = start()
if SERVER:
    gate("the API server ready", readyz)
    gate("this server a voting member of etcd", member)
    gate("the node ready", lambda: ready(SETTINGS["node"]))
    keep_taints()
else:
    gate("the node ready", lambda: ready(SETTINGS["node"], KUBELET))
with open(RUNNING, "w") as handle:
    handle.write(started)
if SETTINGS["makesCluster"]:
    report_access()
print("report node=ready")
