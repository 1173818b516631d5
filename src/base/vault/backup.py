#!/usr/bin/env python3
"""Takes a snapshot of Vault and hands it to restic. The snapshot is encrypted by Vault's own keys before restic sees it."""
import json
import subprocess
import sys

from vault_api import must, request

RESTIC = "/usr/local/lib/platform/backups/restic.sh"

with open("/etc/platform/vault/accounts.json") as handle:
    account = json.load(handle)["platform-snapshot"]
login = must("let the snapshot's account in", "POST", "auth/approle/login", {"role_id": account["roleId"], "secret_id": account["secretId"]})
token = login["auth"]["client_token"]
status, snapshot = request("GET", "sys/storage/raft/snapshot", None, token, raw=True)
if status != 200:
    sys.exit("Vault answered %d when asked for a snapshot" % status)
must("end the session", "POST", "auth/token/revoke-self", {}, token)
# Whose hand-over opens it: a Vault that was made again has another one.
with open("/var/lib/platform/vault-stage") as handle:
    initialisation = "initialisation-" + handle.read().split()[-1]
command = [RESTIC, "vault", "backup", "--quiet", "--tag", "vault,%s" % initialisation, "--host", "vault", "--stdin", "--stdin-filename", "vault.snapshot"]
subprocess.run(command, input=snapshot, check=True)
with open("/etc/platform/backups/vault/retention-days") as handle:
    days = handle.read().strip()
subprocess.run([RESTIC, "vault", "forget", "--quiet", "--prune", "--tag", "vault", "--host", "vault", "--keep-within", days + "d"], check=True)
