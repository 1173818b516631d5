"""A node without a kubelet: registered with its labels and taints, its status kept by kwok. Its certificate comes from a server."""
import json
import os
import pkgutil
import secrets
import subprocess
import time

import pki
import pods
from settings import API_PORT, DATA, PROGRAMS, say

PASSWORD = "/etc/rancher/node/password"
KUBELET = DATA + "/agent/kubelet.kubeconfig"
STAGES = DATA + "/agent/kwok-stages.yaml"
KWOK = DATA + "/agent/kwok.kubeconfig"


def own_password():
    if not os.path.exists(PASSWORD):
        os.makedirs(os.path.dirname(PASSWORD), exist_ok=True)
        with open(PASSWORD, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
            handle.write(secrets.token_hex(16))
    with open(PASSWORD) as handle:
        return handle.read()


def link_programs():
    folder = DATA + "/bin"
    os.makedirs(folder, exist_ok=True)
    if not os.path.islink(folder + "/kubectl"):
        os.symlink(PROGRAMS + "/kubectl", folder + "/kubectl")


def configure(given, server):
    os.makedirs(DATA + "/agent", mode=0o700, exist_ok=True)
    for name, text in (("server-ca.crt", given["serverCa"]), ("client-ca.crt", given["clientCa"]), ("serving.crt", given["serving"][0]),
                       ("serving.key", given["serving"][1]), ("own.crt", given["kwok"][0]), ("own.key", given["kwok"][1])):
        with open("%s/agent/%s" % (DATA, name), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
            handle.write(text)
    pki.kubeconfig(KUBELET, server, given["serverCa"], *given["kubelet"])
    pki.kubeconfig(KWOK, server, given["serverCa"], *given["kwok"])


def files():
    """This node's certificates, by what they are for."""
    names = {"authority": "server-ca.crt", "clients": "client-ca.crt", "certificate": "serving.crt", "key": "serving.key",
             "ownCertificate": "own.crt", "ownKey": "own.key"}
    return {key: "%s/agent/%s" % (DATA, name) for key, name in names.items()}


def kubectl(*arguments, text=None, config=KWOK):
    return subprocess.run(
        [PROGRAMS + "/kubectl", "--kubeconfig", config, "--request-timeout=10s", *arguments],
        input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
    )


def register(config, version):
    """As a kubelet does: the node is made with labels and taints, which later starts leave as they are."""
    name = config["node-name"]
    pairs = dict(each.split("=", 1) for each in config.get("node-label", []))
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", **pairs}
    if "cni" in config:
        labels.update({"node-role.kubernetes.io/control-plane": "true", "node-role.kubernetes.io/etcd": "true"})
    taints = []
    for each in config.get("node-taint", []):
        left, _, effect = each.partition(":")
        key, _, value = left.partition("=")
        taints.append({"key": key, "value": value, "effect": effect})
    node = {
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"rke2.io/hostname": name, "rke2.io/internal-ip": config["node-ip"]}},
        "spec": {"taints": taints},
    }
    while True:
        done = kubectl("create", "-f", "-", text=json.dumps(node).encode())
        printed = done.stdout.decode(errors="replace")
        if done.returncode == 0 or "AlreadyExists" in printed:
            break
        say("node not registered yet: %s" % printed.strip()[-200:])
        time.sleep(1)
    # What a kubelet says of its machine itself.
    status = {"status": {"nodeInfo": {"kubeletVersion": version}, "addresses": [
        {"type": "InternalIP", "address": config["node-ip"]}, {"type": "Hostname", "address": name}]}}
    kubectl("patch", "node", name, "--subresource=status", "--type=merge", "-p", json.dumps(status))


def kwok_arguments(config):
    name, ip = config["node-name"], config["node-ip"]
    # Pods with a program are this node's own.
    images = "|".join(pods.known_images()) or "none"
    with open(STAGES, "w") as handle:
        handle.write(pkgutil.get_data(__name__, "stages.yaml").decode().replace("IMAGES_WITH_A_PROGRAM", images))
    return ["--kubeconfig=" + KWOK, "--config=" + STAGES, "--manage-single-node=" + name, "--node-ip=" + ip, "--node-name=" + name,
            "--node-lease-duration-seconds=40", "--server-address=127.0.0.1:10247", "--cidr=10.42.0.0/16"]


def server_url(config):
    """Agents reach the API where they registered, as through RKE2's own balancer."""
    host = config["server"].split("//")[1].rsplit(":", 1)[0]
    return "https://%s:%d" % (host, API_PORT)
