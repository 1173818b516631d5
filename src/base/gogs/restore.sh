#!/usr/bin/env bash
# restore.sh [SNAPSHOT]: puts Gogs back to a backup. What was there before stays beside it. Takes the latest where all are of
# one machine; a machine that was made again has backed up its own empty Gogs since, so then the snapshot must be named.
set -euo pipefail

restic=/usr/local/lib/platform/backups/restic.sh
snapshot=${1:-latest}
if [ "$snapshot" = latest ]; then
  "$restic" gogs snapshots --tag gogs --host gogs --json | python3 -I -c '
import json, sys
newest = {tag: each for each in json.load(sys.stdin) or [] for tag in each["tags"] if tag.startswith("machine-")}
if len(newest) > 1:
    print("the backups are of %d machines: name a snapshot; the newest of each:" % len(newest))
    for each in newest.values():
        print("  %s of %s" % (each["short_id"], each["time"][:19]))
    sys.exit(1)'
fi
work=/srv/gogs.restoring
rm -rf "$work"
"$restic" gogs restore "$snapshot" --target "$work" --tag gogs --host gogs
[ -f "$work/var/lib/platform-gogs-backup/gogs.db" ] || { echo "snapshot $snapshot holds no database; nothing was changed"; exit 1; }

systemctl stop platform-gogs
before=/srv/gogs.before-$(date -u +%Y%m%dT%H%M%SZ)
mkdir "$before"
for part in repositories data; do
  [ ! -e "/srv/gogs/$part" ] || mv "/srv/gogs/$part" "$before/$part"
done
install -d -m 0750 -o gogs -g gogs /srv/gogs/data
mv "$work/srv/gogs/repositories" /srv/gogs/repositories
mv "$work/var/lib/platform-gogs-backup/gogs.db" /srv/gogs/data/gogs.db
chown -R gogs:gogs /srv/gogs/repositories /srv/gogs/data
rm -rf "$work"
# Hooks carry the paths of the machine that they were made on.
runuser -u gogs -- env HOME=/srv/gogs/home USER=gogs GOGS_WORK_DIR=/srv/gogs GOGS_CUSTOM=/srv/gogs/custom \
  /opt/platform/gogs/program admin resync-hooks --config /etc/gogs/app.ini
systemctl start platform-gogs
echo "Gogs is what it was at snapshot $snapshot; what it was until now is in $before"
