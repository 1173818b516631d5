#!/usr/bin/env python3
"""Initialises Vault once: unseals it, gives the deployer its account, revokes the root token, and leaves the shares of
the unseal key in a hand-over file, each encrypted to one operator's public key. They are in clear only in the memory of
this program.

Cut off half-way it starts over, because a Vault that has not been handed over holds nothing yet. Later runs only look.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from vault_api import SETTINGS, must, request

STAGE = "/var/lib/platform/vault-stage"
HANDOVER = "/var/lib/platform/vault-handover.json"
WAIT_SECONDS = 60

with open("/etc/platform/vault/accounts.json") as handle:
    ACCOUNTS = json.load(handle)


def save(path, text):
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    os.rename(path + ".new", path)


def load(path):
    try:
        with open(path) as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def encrypt(text, key):
    """`text` for the holder of one public key, of age or of PGP, armoured."""
    if key.startswith("age1"):
        command = ["age", "--armor", "--recipient", key]
        done = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    else:
        with tempfile.TemporaryDirectory() as home:
            with open(home + "/key.asc", "w") as handle:
                handle.write(key)
            command = ["gpg", "--homedir", home, "--batch", "--armor", "--encrypt", "--recipient-file", home + "/key.asc"]
            done = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    if done.returncode != 0:
        sys.exit("cannot encrypt to the operator's key %s...: %s" % (key[:40].replace("\n", " "), done.stderr.decode(errors="replace").strip()[-300:]))
    return done.stdout.decode()


def status():
    return must("say whether it is sealed", "GET", "sys/seal-status")


def wait_for(what, holds):
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        if time.monotonic() > end:
            sys.exit("Vault is not %s after %d s: see `journalctl -u platform-vault`" % (what, WAIT_SECONDS))
        time.sleep(0.3)


def answers():
    try:
        return request("GET", "sys/seal-status")[0] == 200
    except OSError:
        return False


def start_over():
    """Empties what a run that was cut off has initialised: nothing was ever stored in it."""
    subprocess.run(["systemctl", "stop", "platform-vault"], check=True)
    shutil.rmtree("/var/lib/vault/raft")
    os.mkdir("/var/lib/vault/raft", 0o750)
    shutil.chown("/var/lib/vault/raft", "vault", "vault")
    subprocess.run(["systemctl", "start", "platform-vault"], check=True)
    wait_for("answering", answers)


def initialise():
    keys = SETTINGS["operatorKeys"]
    for key in keys:
        # Sooner than finding out with the only copy in hand.
        encrypt("test", key)
    threshold = len(keys) // 2 + 1
    save(STAGE, "initialising")
    kind = "recovery" if SETTINGS["autoUnseal"] else "secret"
    made = must("initialise", "PUT", "sys/init", {kind + "_shares": len(keys), kind + "_threshold": threshold})
    shares = made["recovery_keys_base64" if SETTINGS["autoUnseal"] else "keys_base64"]
    handover = {
        "what": "shares of the %s key of this platform's Vault, each for one operator" % ("recovery" if SETTINGS["autoUnseal"] else "unseal"),
        "initialisation": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "address": "https://%s:%d" % (SETTINGS["address"], SETTINGS["port"]),
        "serverName": SETTINGS["serverName"],
        "rootCertificate": SETTINGS["rootCertificate"],
        "threshold": threshold,
        "shares": [{"operatorKey": key, "encrypted": encrypt(share, key)} for key, share in zip(keys, shares)],
    }
    save(HANDOVER, json.dumps(handover, indent=2) + "\n")
    if not SETTINGS["autoUnseal"]:
        for share in shares[:threshold]:
            must("unseal", "PUT", "sys/unseal", {"key": share})
    wait_for("active", lambda: request("GET", "sys/health")[0] == 200)
    configure(made["root_token"])
    save(STAGE, "done " + handover["initialisation"])


def account(root, name, policy, bound):
    """A role that one program logs in with, by the ids that the platform's program has made for it."""
    must("set the policy " + name, "PUT", "sys/policies/acl/" + name, {"policy": policy}, root)
    role, ids = "auth/approle/role/" + name, ACCOUNTS[name]
    must("make the role " + name, "POST", role, {
        "token_policies": [name], "token_ttl": "20m", "token_max_ttl": "4h", "token_no_default_policy": True,
        "secret_id_bound_cidrs": bound, "token_bound_cidrs": bound, "secret_id_ttl": 0, "secret_id_num_uses": 0,
    }, root)
    must("set the id of role " + name, "POST", role + "/role-id", {"role_id": ids["roleId"]}, root)
    must("set the secret of role " + name, "POST", role + "/custom-secret-id", {"secret_id": ids["secretId"]}, root)


def configure(root):
    if SETTINGS["distribution"] == "vault":
        must("write an audit log", "PUT", "sys/audit/file", {"type": "file", "options": {"file_path": "/var/lib/vault/audit/audit.log"}}, root)
    must("let programs log in", "POST", "sys/auth/approle", {"type": "approle"}, root)
    must("make the store for credentials", "POST", "sys/mounts/" + SETTINGS["mount"], {
        "type": "kv", "options": {"version": "2"}, "description": "credentials of the platform, written by its program",
    }, root)
    account(root, "platform-snapshot", SETTINGS["policies"]["snapshot"], ["%s/32" % SETTINGS["address"]])
    # Where it may come from is for the firewall to say, which an edit can change: what is bound here nobody could loosen.
    account(root, "platform-deployer", SETTINGS["policies"]["deployer"], [])
    must("revoke its root token", "POST", "auth/token/revoke-self", {}, root)


stage = load(STAGE)
initialised = status()["initialized"]
if initialised and stage is None:
    sys.exit("this Vault was initialised by somebody else, so it is left alone: move /var/lib/vault/raft away to start anew, or restore a snapshot")
done = stage is not None and stage.startswith("done")
if not initialised and done:
    sys.exit("this Vault was in service and is empty now: restore a snapshot (docs/operations.md), or, if it is to start anew, remove %s" % STAGE)
if not done:
    if initialised:
        start_over()
    initialise()
if status()["sealed"]:
    sys.exit("Vault is sealed, as after every restart: unseal it (`npx platform unseal --handover FILE`), then run `pulumi up` again")
wait_for("active", lambda: request("GET", "sys/health")[0] == 200)

print("report sealed=no")
print("report initialisation=%s" % (load(STAGE) or "").partition(" ")[2])
