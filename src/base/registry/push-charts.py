#!/usr/bin/env python3
"""Puts the Helm charts that this machine's template carries into the registry, as charts/NAME:VERSION, for clusters to take them from.

A chart that is there already with the same content is left alone; the same version with another content is refused: a version once
published is what clusters run.
"""
import base64
import glob
import hashlib
import json
import sys
import tarfile
import urllib.error
import urllib.request

# Every machine has it: cloud-init reads its own configuration with it.
import yaml

CHARTS = "/var/cache/platform/artifacts/charts/*.tgz"
REGISTRY = "http://127.0.0.1:5000"
CONFIG_TYPE = "application/vnd.cncf.helm.config.v1+json"
LAYER_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
SECONDS = 60

with open("/etc/platform/registry/writer.json") as handle:
    ACCOUNT = json.load(handle)


def call(method, path, body=None, kind="application/octet-stream", expect=(200, 201, 202)):
    """(status, headers, body); ends the program on any status that is not expected."""
    request = urllib.request.Request(path if path.startswith("http") else REGISTRY + path, method=method, data=body)
    pair = "%s:%s" % (ACCOUNT["name"], ACCOUNT["password"])
    request.add_header("Authorization", "Basic " + base64.b64encode(pair.encode()).decode())
    request.add_header("Content-Type", kind)
    request.add_header("Accept", MANIFEST_TYPE)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        if error.code in expect:
            return error.code, error.headers, error.read()
        sys.exit("the registry answered %d to %s %s: %s" % (error.code, method, path, error.read().decode(errors="replace")[:300]))


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def push_blob(repository, content):
    if call("HEAD", "/v2/%s/blobs/%s" % (repository, digest(content)), expect=(404,))[0] == 200:
        return
    _, headers, _ = call("POST", "/v2/%s/blobs/uploads/" % repository, b"")
    place = headers["Location"]
    call("PUT", "%s%sdigest=%s" % (place, "&" if "?" in place else "?", digest(content)), content)


def metadata(archive):
    with tarfile.open(archive) as tar:
        names = [each for each in tar.getnames() if each.count("/") == 1 and each.endswith("/Chart.yaml")]
        if len(names) != 1:
            sys.exit("%s is no packed chart: it has no Chart.yaml in its one folder" % archive)
        return yaml.safe_load(tar.extractfile(names[0]))


def descriptor(kind, content):
    return {"mediaType": kind, "digest": digest(content), "size": len(content)}


def push(archive):
    chart = metadata(archive)
    repository = "charts/" + chart["name"]
    # A plus sign is no part of a tag; Helm itself replaces it so.
    tag = chart["version"].replace("+", "_")
    with open(archive, "rb") as handle:
        layer = handle.read()
    config = json.dumps(chart, sort_keys=True).encode()
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": descriptor(CONFIG_TYPE, config), "layers": [descriptor(LAYER_TYPE, layer)],
    }).encode()
    status, _, known = call("GET", "/v2/%s/manifests/%s" % (repository, tag), expect=(404,))
    if status == 200:
        if json.loads(known)["layers"][0]["digest"] != digest(layer):
            sys.exit("chart %s %s in the registry differs from %s: give the changed chart a version of its own" % (chart["name"], chart["version"], archive))
        return
    push_blob(repository, config)
    push_blob(repository, layer)
    call("PUT", "/v2/%s/manifests/%s" % (repository, tag), manifest, MANIFEST_TYPE)


found = sorted(glob.glob(CHARTS))
for each in found:
    push(each)
print("report charts=%d" % len(found))
