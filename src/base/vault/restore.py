#!/usr/bin/env python3
"""restore.py [SNAPSHOT]: gives this machine's Vault the contents of a backup.

Takes the latest where all are of one initialisation; where Vault was made again, its own first backup is the latest and
seldom what is meant, so then the snapshot must be named. Works on an emptied machine too. What Vault holds now stays beside it. Afterwards Vault is sealed with the key of the
time of the backup: unseal it with the hand-over file of that time.
"""
import json
import os
import shutil
import subprocess
import sys
import time

from vault_api import SETTINGS, must, request

RESTIC = "/usr/local/lib/platform/backups/restic.sh"
RAFT = "/var/lib/vault/raft"
STAGE = "/var/lib/platform/vault-stage"
WAIT_SECONDS = 60


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


def backups(*which):
    """The newest backup of each initialisation of Vault, of all backups or of the one that is named."""
    command = [RESTIC, "vault", "snapshots", "--tag", "vault", "--host", "vault", "--json", *which]
    listed = json.loads(subprocess.run(command, stdout=subprocess.PIPE).stdout or "null") or []
    return {tag.partition("-")[2]: each for each in listed for tag in each["tags"] if tag.startswith("initialisation-")}


wanted = sys.argv[1] if len(sys.argv) > 1 else "latest"
newest = backups(*sys.argv[1:])
if len(newest) == 0:
    sys.exit("there is no backup %s of Vault; nothing was changed" % wanted)
if len(newest) > 1:
    lines = ["  %s of %s, initialised %s" % (each["short_id"], each["time"][:19], when) for when, each in newest.items()]
    sys.exit("the backups are of %d initialisations of Vault: name a snapshot; the newest of each:\n%s" % (len(newest), "\n".join(lines)))
found = subprocess.run([RESTIC, "vault", "dump", "--tag", "vault", "--host", "vault", wanted, "vault.snapshot"], stdout=subprocess.PIPE)
if found.returncode != 0 or len(found.stdout) == 0:
    sys.exit("there is no backup %s of Vault; nothing was changed" % wanted)

subprocess.run(["systemctl", "stop", "platform-vault"], check=True)
before = "%s.before-%s" % (RAFT, time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
if os.path.isdir(RAFT):
    os.rename(RAFT, before)
os.mkdir(RAFT, 0o750)
shutil.chown(RAFT, "vault", "vault")
subprocess.run(["systemctl", "start", "platform-vault"], check=True)
wait_for("answering", answers)

# A key for the empty server only: it lives as long as this program.
kind = "recovery" if SETTINGS["autoUnseal"] else "secret"
made = must("initialise the empty server", "PUT", "sys/init", {kind + "_shares": 1, kind + "_threshold": 1})
if not SETTINGS["autoUnseal"]:
    must("unseal the empty server", "PUT", "sys/unseal", {"key": made["keys_base64"][0]})
wait_for("active", lambda: request("GET", "sys/health")[0] == 200)
status, answer = request("POST", "sys/storage/raft/snapshot-force", found.stdout, made["root_token"], raw=True)
if status not in (200, 204):
    sys.exit("Vault answered %d to the snapshot: %s; what it held before is in %s" % (status, answer, before))
# Whatever a run that was cut off left there: the next one must not start over what is whole now.
with open(STAGE, "w") as handle:
    handle.write("done " + next(iter(newest)))
# It has another key now, which it does not know yet.
subprocess.run(["systemctl", "restart", "platform-vault"], check=True)
wait_for("answering", answers)
print("Vault holds backup %s and is sealed: unseal it with the hand-over file of that time. What it held before is in %s" % (wanted, before))
