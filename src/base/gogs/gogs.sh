#!/usr/bin/env bash
# Runs Gogs with its configuration, as an account of its own, and waits until it has reached its database.
set -euo pipefail

WAIT_SECONDS=90
staged=/etc/platform/gogs/app.ini
live=/etc/gogs/app.ini

id gogs > /dev/null 2>&1 || useradd --system --home-dir /srv/gogs/home --no-create-home --shell /bin/bash gogs
# Root's own folder: what a service owns, root changes nothing in.
install -d -m 0750 -o root -g gogs /srv/gogs
install -d -m 0750 -o gogs -g gogs /srv/gogs/{home,data,custom,log,repositories}
install -d -m 0750 -o root -g gogs /etc/gogs

changed=no
if ! cmp -s "$staged" "$live"; then
  install -m 0640 -o root -g gogs "$staged" "$live"
  changed=yes
fi
case "$PLATFORM_CHANGED" in *platform-gogs.service*) systemctl daemon-reload && changed=yes ;; esac
running=$(systemctl show --value --property MainPID platform-gogs)
if [ "$running" = 0 ] || ! tr '\0' '\n' < "/proc/$running/cmdline" | grep -qx web; then changed=yes; fi
program=$(readlink -f /opt/platform/gogs/program)
if [ "$(cat /var/lib/platform/gogs-program 2>/dev/null)" != "$program" ]; then changed=yes; fi

systemctl enable --quiet platform-gogs
[ "$changed" = no ] || systemctl restart platform-gogs

end=$((SECONDS + WAIT_SECONDS))
# The status alone says nothing: Gogs answers 200 when it has lost its database, too.
until curl --silent --fail --max-time 5 http://127.0.0.1:3000/healthcheck | grep -q 'Database connection: OK'; do
  if [ "$SECONDS" -ge "$end" ]; then
    echo "Gogs does not say 'Database connection: OK' at http://127.0.0.1:3000/healthcheck after $WAIT_SECONDS s; its last lines:"
    journalctl --unit platform-gogs --no-pager --lines 10 --output cat || true
    exit 1
  fi
  sleep 0.3
done
# Every repository's hooks carry the program's path, version and all.
if [ "$(cat /var/lib/platform/gogs-program 2>/dev/null)" != "$program" ]; then
  runuser -u gogs -- env HOME=/srv/gogs/home USER=gogs GOGS_WORK_DIR=/srv/gogs GOGS_CUSTOM=/srv/gogs/custom "$program" admin resync-hooks --config "$live"
  echo "$program" > /var/lib/platform/gogs-program
fi
echo "report database=OK"
