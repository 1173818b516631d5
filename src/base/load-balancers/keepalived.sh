#!/usr/bin/env bash
# Takes a new keepalived configuration into service once keepalived itself has accepted it, then waits until every
# virtual address answers: from here or from the other one of the pair.
set -euo pipefail

staged=/etc/platform/keepalived/keepalived.conf
live=/etc/keepalived/keepalived.conf
WAIT_SECONDS=20

id keepalived_script > /dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin keepalived_script
# Version 2.2.7 ends its own test by a signal whenever there is a health script: what it says counts, not how it ends.
printed=$(setsid --wait keepalived -t -f "$staged" 2>&1 || true)
if [ -n "$printed" ]; then
  echo "keepalived does not accept the new configuration; the one in service stays:"
  echo "$printed" | tail -n 15
  exit 1
fi

install -d /etc/systemd/system/keepalived.service.d
printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=1s\n' > /etc/systemd/system/keepalived.service.d/platform.conf.new
if cmp -s /etc/systemd/system/keepalived.service.d/platform.conf.new /etc/systemd/system/keepalived.service.d/platform.conf; then
  rm /etc/systemd/system/keepalived.service.d/platform.conf.new
else
  mv /etc/systemd/system/keepalived.service.d/platform.conf.new /etc/systemd/system/keepalived.service.d/platform.conf
  systemctl daemon-reload
fi
if ! cmp -s "$staged" "$live"; then
  install -d /etc/keepalived
  install -m 0644 "$staged" "$live.new"
  mv "$live.new" "$live"
  systemctl reload-or-restart keepalived
fi
systemctl enable --quiet keepalived
systemctl is-active --quiet keepalived || systemctl restart keepalived

end=$((SECONDS + WAIT_SECONDS))
while read -r address; do
  until ping -c 1 -W 1 -q "${address%/*}" > /dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ]; then
      echo "nobody answers for the virtual address ${address%/*} after $WAIT_SECONDS s; keepalived's last lines:"
      journalctl --unit keepalived --no-pager --lines 10 --output cat || true
      exit 1
    fi
  done
done < <(awk '/virtual_ipaddress/ { inside = 1; next } /}/ { inside = 0 } inside { print $1 }' "$live")
printf 'report addresses=%s\n' "$(awk '/virtual_ipaddress/ { inside = 1; next } /}/ { inside = 0 } inside { n++ } END { print n + 0 }' "$live")"
