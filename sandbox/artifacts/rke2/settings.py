"""RKE2's configuration as the stand-in reads it: /etc/rancher/rke2/config.yaml and the files beside it, keys that RKE2 does not know refused."""
import glob
import json
import os
import pkgutil
import sys

DATA = "/var/lib/rancher/rke2"
CONFIG = "/etc/rancher/rke2/config.yaml"
PROGRAMS = "/var/cache/platform/artifacts/kubernetes"
IMAGES = "/var/cache/platform/artifacts/images"
SUPERVISOR_PORT = 9345
API_PORT = 6443


def say(text):
    print(text, flush=True)


def fatal(text):
    say('level=fatal msg="%s"' % text)
    sys.exit(1)


def scalar(text):
    text = text.strip()
    if text[:1] in "\"'" and text[-1:] == text[:1]:
        return text[1:-1]
    return {"true": True, "false": False}.get(text, int(text) if text.isdigit() else text)


def parse(text, path):
    """The part of YAML that the platform writes: keys with a value or a list of values."""
    found, key = {}, None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.lstrip().startswith("- ") and key is not None:
            found[key].append(scalar(line.lstrip()[2:]))
        elif not line[0].isspace() and ":" in line:
            key, _, value = line.partition(":")
            found[key] = scalar(value) if value.strip() else []
        else:
            fatal("%s line %d: not understood: %s" % (path, number, line))
    return found


def load(role):
    keys = json.loads(pkgutil.get_data(__name__, "keys.json"))
    merged = {}
    for path in [CONFIG] + sorted(glob.glob(CONFIG + ".d/*.yaml")):
        if not os.path.exists(path):
            continue
        with open(path) as handle:
            merged.update(parse(handle.read(), path))
    unknown = sorted(set(merged) - set(keys[role]))
    if unknown:
        fatal("unknown configuration keys for rke2 %s: %s" % (role, ", ".join(unknown)))
    for key in ("token", "node-name", "node-ip"):
        if not merged.get(key):
            fatal("the stand-in wants %s" % key)
    return merged


def critical(config):
    keys = json.loads(pkgutil.get_data(__name__, "keys.json"))["sameOnAllServers"]
    return {key: config.get(key) for key in keys}
