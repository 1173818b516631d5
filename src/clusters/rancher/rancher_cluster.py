"""What the scripts around Rancher share: kubectl on this server, deployments' health, Rancher's answer under its name."""
import json
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request

KUBECTL = ["/var/lib/rancher/rke2/bin/kubectl", "--kubeconfig", "/etc/rancher/rke2/rke2.yaml", "--request-timeout=30s"]
ROOT = "/usr/local/share/ca-certificates/platform-root.crt"
HTTPS = 443
LOOK_SECONDS = 180


def settings(name):
    with open("/etc/platform/rancher/%s.json" % name) as handle:
        return json.load(handle)


def kubectl(*arguments, text=None):
    """(whether it went well, what it printed)"""
    done = subprocess.run([*KUBECTL, *arguments], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode == 0, done.stdout.decode(errors="replace").strip()


def look(*arguments):
    """The object, or None where there is none. An API server that does not answer is no such answer."""
    end = time.monotonic() + LOOK_SECONDS
    while True:
        well, printed = kubectl("get", *arguments, "--ignore-not-found", "-o", "json")
        if well or "the server doesn't have a resource type" in printed:
            return json.loads(printed) if well and printed else None
        if time.monotonic() > end:
            fail("kubectl get %s has failed for %d s: %s" % (" ".join(arguments), LOOK_SECONDS, printed[-500:]))
        time.sleep(2)


def fail(message):
    print("%s: %s" % (os.uname().nodename, message))
    sys.exit(1)


def wait(holds, seconds, what, advice):
    """`holds` says whether, and why not."""
    end = time.monotonic() + seconds
    while True:
        well, why = holds()
        if well:
            return
        if time.monotonic() > end:
            fail("waited %d s in vain for %s: %s\n%s" % (seconds, what, why, advice()))
        time.sleep(1)


def available(namespace, name):
    found = look("deployment", name, "--namespace", namespace)
    if found is None:
        return False, "there is no deployment %s in %s yet" % (name, namespace)
    status, wanted = found.get("status", {}), found["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < found["metadata"]["generation"] or status.get("updatedReplicas", 0) < wanted:
        return False, "its newest pods are still to come"
    ready = status.get("availableReplicas", 0)
    return ready >= wanted, "%d of %d pods of %s are available" % (ready, wanted, name)


def pods(namespace, label):
    """What operators would look at first: each pod's state, and the last lines of those that do not run."""
    _, table = kubectl("get", "pods", "--namespace", namespace, "--selector", label, "-o", "wide")
    _, lines = kubectl("logs", "--namespace", namespace, "--selector", label, "--tail", "10", "--all-containers")
    return "\n".join("    " + line for line in (table + "\n" + lines).splitlines()[-40:])


def check_name(host, address):
    """The organisation's DNS must know Rancher: agents in pods ask nobody else."""
    try:
        found = sorted({each[4][0] for each in socket.getaddrinfo(host, HTTPS, socket.AF_INET)})
    except OSError as error:
        fail("DNS does not know %s (%s): load the plan's zone file into the organisation's DNS (npx platform plan), then run again" % (host, error))
    if found != [address]:
        fail("DNS says that %s is %s, and it is to be %s: load the plan's zone file into the organisation's DNS, then run again" % (host, ", ".join(found), address))


def answer(host, path):
    """(status, text) under Rancher's own name, its certificate verified; status 0 and why where there is none."""
    context = ssl.create_default_context(cafile=ROOT)
    try:
        with urllib.request.urlopen("https://%s%s" % (host, path), timeout=15, context=context) as found:
            return found.status, found.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)
