"""What the scripts of a cluster's node share: its settings, its kubectl, waiting with an end."""
import json
import os
import subprocess
import sys
import time

KUBECTL = "/var/lib/rancher/rke2/bin/kubectl"
ADMINISTRATOR = "/etc/rancher/rke2/rke2.yaml"

# Nothing is known on a machine that has never been a node.
SETTINGS = {}
if os.path.exists("/etc/platform/rke2/settings.json"):
    with open("/etc/platform/rke2/settings.json") as handle:
        SETTINGS = json.load(handle)


def kubectl(*arguments, config=ADMINISTRATOR, timeout=60):
    """(whether it went well, what it printed)"""
    if not (os.path.exists(KUBECTL) and os.path.exists(config)):
        return False, "RKE2 has not written %s yet" % (config if os.path.exists(KUBECTL) else KUBECTL)
    command = [KUBECTL, "--kubeconfig", config, "--request-timeout=15s", *arguments]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    except subprocess.TimeoutExpired:
        return False, "kubectl %s did not end within %d s" % (arguments[0], timeout)
    return done.returncode == 0, done.stdout.decode(errors="replace").strip()


def ready(node, config=ADMINISTRATOR):
    """(whether the cluster calls the node ready, why not)"""
    well, printed = kubectl("get", "node", node, "-o", "json", config=config)
    if not well:
        return False, printed.splitlines()[-1] if printed else "no answer"
    conditions = {each["type"]: each for each in json.loads(printed)["status"].get("conditions", [])}
    found = conditions.get("Ready", {})
    return found.get("status") == "True", "node %s is not ready: %s" % (node, found.get("message") or "the kubelet has said nothing yet")


def wait(holds, seconds, give_up):
    """Asks again until it holds; `give_up` says what was waited for, and ends the program."""
    end = time.monotonic() + seconds
    while True:
        well, why = holds()
        if well:
            return
        if time.monotonic() > end:
            give_up(why)
        time.sleep(0.5)


def fail(message):
    print("%s of cluster %s: %s" % (SETTINGS.get("node", os.uname().nodename), SETTINGS.get("cluster", "(none yet)"), message))
    sys.exit(1)
