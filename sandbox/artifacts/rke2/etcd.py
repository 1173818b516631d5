"""etcd's members, by etcd's own API: joined as learners, promoted when they have caught up, removed with their node."""
import json
import os
import secrets
import ssl
import time
import urllib.error
import urllib.request

from pki import TLS
from settings import DATA, fatal, say

FOLDER = DATA + "/server/db/etcd"
PROMOTE_SECONDS = 120


def call(path, body):
    context = ssl.create_default_context(cafile=TLS + "/etcd/server-ca.crt")
    context.load_cert_chain(TLS + "/etcd/client.crt", TLS + "/etcd/client.key")
    request = urllib.request.Request("https://127.0.0.1:2382/v3/%s" % path, json.dumps(body).encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=15, context=context) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise OSError(error.read().decode(errors="replace")) from None


def members():
    return call("cluster/member/list", {})["members"]


def node_of(member):
    """Members are called after their node, with something random behind it."""
    return member.get("name", "").rpartition("-")[0]


def own_name(node):
    """Made once, kept beside the data."""
    path = FOLDER + ".name"
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as handle:
            handle.write("%s-%s" % (node, secrets.token_hex(4)))
    with open(path) as handle:
        return handle.read()


def admit(name, peer):
    """On a server of the cluster: makes room for a new member. Returns what it starts with."""
    node = name.rpartition("-")[0]
    found = members()
    if any(node_of(each) == node and each["name"] != name for each in found):
        return None
    if not any(peer in each["peerURLs"] for each in found):
        found = call("cluster/member/add", {"peerURLs": [peer], "isLearner": True})["members"]
    return ",".join("%s=%s" % (each.get("name") or name, url) for each in found for url in each["peerURLs"])


def count_vote(name):
    """On a server of the cluster: whether the member votes, having asked etcd to let it. It must have caught up first."""
    own = next((each for each in members() if each.get("name") == name), None)
    if own is None:
        return False
    if own.get("isLearner"):
        try:
            call("cluster/member/promote", {"ID": own["ID"]})
        except OSError as error:
            say("%s is not promoted yet: %s" % (name, str(error)[:200]))
            return False
    return True


def promote(name, registration, seconds=PROMOTE_SECONDS):
    """A learner answers nobody, so the server that it registered with is asked."""
    end = time.monotonic() + seconds
    while not registration.ask("/v1-rke2/etcd-promote", {"name": name})["voting"]:
        if time.monotonic() > end:
            fatal("etcd did not promote this learner within %d s" % seconds)
        time.sleep(0.5)


def arguments(config, name, initial, state):
    ip = config["node-ip"]
    pair = lambda kind: [TLS + "/etcd/" + kind + each for each in (".crt", ".key")]
    server, peer = pair("server"), pair("peer")
    return [
        "--name=" + name, "--data-dir=" + FOLDER, "--initial-cluster=" + initial, "--initial-cluster-state=" + state,
        "--initial-advertise-peer-urls=https://%s:2380" % ip, "--listen-peer-urls=https://%s:2380" % ip,
        "--advertise-client-urls=https://%s:2379" % ip, "--listen-client-urls=https://%s:2379,https://127.0.0.1:2379" % ip,
        # As RKE2 has it: HTTP on a port of its own, which no other machine reaches.
        "--listen-client-http-urls=https://127.0.0.1:2382",
        "--cert-file=" + server[0], "--key-file=" + server[1], "--trusted-ca-file=" + TLS + "/etcd/server-ca.crt", "--client-cert-auth",
        "--peer-cert-file=" + peer[0], "--peer-key-file=" + peer[1], "--peer-trusted-ca-file=" + TLS + "/etcd/peer-ca.crt", "--peer-client-cert-auth",
        "--log-level=warn", "--heartbeat-interval=500", "--election-timeout=5000", "--snapshot-count=10000",
    ]


def stream(path):
    """Lines of an answer that has many."""
    context = ssl.create_default_context(cafile=TLS + "/etcd/server-ca.crt")
    context.load_cert_chain(TLS + "/etcd/client.crt", TLS + "/etcd/client.key")
    request = urllib.request.Request("https://127.0.0.1:2382/v3/" + path, b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=60, context=context) as answer:
        yield from answer
