#!/usr/bin/env bash
# Backs up Gogs while it runs: first a consistent copy of its database, then the repositories, which may be newer but
# never older than what the database knows of.
set -euo pipefail

restic=/usr/local/lib/platform/backups/restic.sh
install -d -m 0700 -o gogs -g gogs /srv/gogs/backup
runuser -u gogs -- python3 - <<'PYTHON'
import sqlite3
source = sqlite3.connect("file:/srv/gogs/data/gogs.db?mode=ro", uri=True, timeout=60)
target = sqlite3.connect("/srv/gogs/backup/gogs.db")
with target:
    source.backup(target)
PYTHON
"$restic" gogs backup --quiet --tag gogs --host gogs /srv/gogs/backup/gogs.db /srv/gogs/repositories /srv/gogs/custom /etc/gogs/app.ini
"$restic" gogs forget --quiet --prune --tag gogs --host gogs --keep-within "$(cat /etc/platform/backups/gogs/retention-days)d"
