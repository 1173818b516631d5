#!/usr/bin/env bash
# restore.sh [SNAPSHOT]: puts Gogs back to a backup, the latest by default. What was there before stays beside it.
set -euo pipefail

restic=/usr/local/lib/platform/backups/restic.sh
snapshot=${1:-latest}
work=/srv/gogs.restoring
rm -rf "$work"
"$restic" gogs restore "$snapshot" --target "$work" --tag gogs --host gogs
[ -f "$work/srv/gogs/backup/gogs.db" ] || { echo "snapshot $snapshot holds no database; nothing was changed"; exit 1; }

systemctl stop platform-gogs
before=/srv/gogs.before-$(date -u +%Y%m%dT%H%M%SZ)
mkdir "$before"
for part in repositories data; do
  [ ! -e "/srv/gogs/$part" ] || mv "/srv/gogs/$part" "$before/$part"
done
install -d -m 0750 -o gogs -g gogs /srv/gogs/data
mv "$work/srv/gogs/repositories" /srv/gogs/repositories
mv "$work/srv/gogs/backup/gogs.db" /srv/gogs/data/gogs.db
chown -R gogs:gogs /srv/gogs/repositories /srv/gogs/data
rm -rf "$work"
# Hooks carry the paths of the machine that they were made on.
runuser -u gogs -- env HOME=/srv/gogs USER=gogs GOGS_WORK_DIR=/srv/gogs GOGS_CUSTOM=/srv/gogs/custom \
  /opt/platform/gogs/program admin resync-hooks --config /etc/gogs/app.ini
systemctl start platform-gogs
echo "Gogs is what it was at snapshot $snapshot; what it was until now is in $before"
