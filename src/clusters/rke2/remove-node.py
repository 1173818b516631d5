#!/usr/bin/env python3
"""remove-node.py NODE, or remove-node-NODE.py: takes a node out of this server's cluster. Drained where it still answers, then forgotten,
by which RKE2 takes a server out of etcd too. A node that is not there is done with."""
import os
import re
import sys
import time

from rke2_node import fail, kubectl, ready, wait

DRAIN_SECONDS = 300
ROUND_SECONDS = 20
FORGET_SECONDS = 90


def drain():
    """Until the node is empty, or answers no more: the pods of a machine that is gone never say that they have ended."""
    end = time.monotonic() + DRAIN_SECONDS
    while ready(node)[0]:
        well, printed = kubectl(
            "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=%ds" % ROUND_SECONDS, timeout=ROUND_SECONDS + 30
        )
        if well:
            return
        if time.monotonic() > end:
            fail("%s could not be drained within %d s, so it stays: %s" % (node, DRAIN_SECONDS, "\n".join(printed.splitlines()[-5:])))


node = sys.argv[1] if len(sys.argv) > 1 else re.sub(r"^remove-node-|\.py$", "", os.path.basename(sys.argv[0]))
well, printed = kubectl("get", "node", node, "-o", "name", "--ignore-not-found")
if not well:
    # Not taken for done: as long as a server of the cluster lives somewhere, a node that it still knows must not be made again.
    fail(
        "the cluster cannot be asked about %s (%s). Bring this server up first; or remove the node on another one with remove-node.py; or, if the "
        "whole cluster is gone, `pulumi state delete` the resource %s-membership (docs/operations.md)" % (node, printed, node)
    )
if printed != "":
    drain()
    well, printed = kubectl("delete", "node", node, "--timeout=%ds" % FORGET_SECONDS, timeout=FORGET_SECONDS + 30)
    if not well:
        fail("%s could not be removed: %s" % (node, printed))
    wait(lambda: (kubectl("get", "node", node, "-o", "name", "--ignore-not-found") == (True, ""), ""), FORGET_SECONDS, lambda _: fail("%s is still there" % node))
print("report removed=%s" % node)
