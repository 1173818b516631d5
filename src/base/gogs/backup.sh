#!/usr/bin/env bash
# Backs up Gogs while it runs: first a consistent copy of its database, then the repositories, which may be newer but
# never older than what the database knows of.
set -euo pipefail

restic=/usr/local/lib/platform/backups/restic.sh
# Beside what Gogs owns, and without the modules it could put in Python's way.
install -d -m 0700 -o gogs -g gogs /var/lib/platform-gogs-backup
runuser -u gogs -- python3 -I - <<'PYTHON'
import sqlite3
source = sqlite3.connect("file:/srv/gogs/data/gogs.db?mode=ro", uri=True, timeout=60)
target = sqlite3.connect("/var/lib/platform-gogs-backup/gogs.db")
with target:
    source.backup(target)
PYTHON
"$restic" gogs backup --quiet --tag "gogs,machine-$(cat /etc/machine-id)" --host gogs /var/lib/platform-gogs-backup/gogs.db /srv/gogs/repositories /srv/gogs/custom /etc/gogs/app.ini
"$restic" gogs forget --quiet --prune --tag gogs --host gogs --keep-within "$(cat /etc/platform/backups/gogs/retention-days)d"
