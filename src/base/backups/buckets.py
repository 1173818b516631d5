#!/usr/bin/env python3
"""Gives every client of the backup store its bucket, with versions kept and a policy that lets in that client alone."""
import json
import sys

from s3 import SETTINGS, call


def must(what, allowed, result):
    status, body = result
    if status not in allowed:
        sys.exit("the backup store answered %d when asked to %s: %s" % (status, what, body.decode(errors="replace")[:500]))
    return body


for bucket, policy in sorted(SETTINGS["buckets"].items()):
    if call("HEAD", "/" + bucket)[0] == 404:
        must("make the bucket " + bucket, (200, 201), call("PUT", "/" + bucket))
    versions = b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>'
    must("keep versions in " + bucket, (200,), call("PUT", "/" + bucket, {"versioning": ""}, versions))
    must("set the policy of " + bucket, (200, 204), call("PUT", "/" + bucket, {"policy": ""}, json.dumps(policy).encode()))

# Each client sees its own bucket and no other.
for bucket in SETTINGS["buckets"]:
    for other in SETTINGS["buckets"]:
        status, _ = call("GET", "/" + other, {"list-type": "2", "max-keys": "1"}, access="backup-" + bucket)
        if status != (200 if bucket == other else 403):
            sys.exit("client %s asked for bucket %s and got %d" % (bucket, other, status))
print("report buckets=%d" % len(SETTINGS["buckets"]))
