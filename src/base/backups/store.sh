#!/usr/bin/env bash
# Runs the backup store with its settings, as an account of its own, and waits until it answers over TLS that verifies.
set -euo pipefail

WAIT_SECONDS=60
staged=/etc/platform/backup-store
live=/etc/backup-store

id backupstore > /dev/null 2>&1 || useradd --system --home-dir /srv/backups --no-create-home --shell /usr/sbin/nologin backupstore
# Root's own folder: what a service owns, root changes nothing in.
install -d -m 0750 -o root -g backupstore /srv/backups
install -d -m 0700 -o backupstore -g backupstore /srv/backups/{objects,versions,accounts}
install -d -m 0750 -o root -g backupstore "$live" "$live/tls"

restart=no
reload=no
place() { # file, target, mode, owner
  cmp -s "$staged/$1" "$2" && return 1
  install -m "$3" -o "$4" -g backupstore "$staged/$1" "$2.new"
  mv "$2.new" "$2"
}
if place settings "$live/settings" 0640 root; then restart=yes; fi
if place tls/cert.pem "$live/tls/cert.pem" 0640 root; then reload=yes; fi
if place tls/key.pem "$live/tls/key.pem" 0640 root; then reload=yes; fi
# Read anew at every request.
place users.json /srv/backups/accounts/users.json 0600 backupstore || true
case "$PLATFORM_CHANGED" in *platform-backup-store* | */backup-store/start.sh*) systemctl daemon-reload && restart=yes ;; esac
running=$(systemctl show --value --property MainPID platform-backup-store)
if [ "$running" = 0 ] || [ "$(readlink "/proc/$running/exe" || true)" != "$(readlink -f /opt/platform/backupStore/program)" ]; then restart=yes; fi

systemctl enable --quiet platform-backup-store platform-backup-store-prune.timer
systemctl start platform-backup-store-prune.timer
if [ "$restart" = yes ]; then
  systemctl restart platform-backup-store
elif [ "$reload" = yes ]; then
  systemctl reload platform-backup-store
fi

end=$((SECONDS + WAIT_SECONDS))
while IFS= read -r bind; do
  until curl --silent --fail --max-time 5 --output /dev/null "https://$bind/healthz"; do
    if [ "$SECONDS" -ge "$end" ]; then
      echo "the backup store does not answer at https://$bind/healthz after $WAIT_SECONDS s; its last lines:"
      journalctl --unit platform-backup-store --no-pager --lines 10 --output cat || true
      exit 1
    fi
    sleep 0.3
  done
done < <(sed -n 's/^VGW_PORT=//p' "$live/settings" | tr ',' '\n')
echo "report tls=verified"
