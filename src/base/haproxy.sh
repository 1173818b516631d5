#!/usr/bin/env bash
# Takes a new HAProxy configuration into service without refusing a connection: checked whole beside the old one, then
# swapped, then reloaded. What does not pass changes nothing; what HAProxy cannot run gives way to the one before.
set -euo pipefail

TAKE_OVER_SECONDS=10
staged=/etc/platform/haproxy
live=/etc/haproxy/platform
next=/etc/haproxy/platform.next
previous=/etc/haproxy/platform.previous

serves() { curl --silent --fail --max-time 2 --output /dev/null http://127.0.0.1:8404/health; }

# By the configuration it was started with: a package starts its own HAProxy, and a reload starts that one's arguments again.
ours() { tr '\0' '\n' < "/proc/$(systemctl show --value --property MainPID haproxy)/cmdline" 2> /dev/null | grep -qxF "$live/haproxy.cfg"; }

# The addresses it is to listen on and does not: an old worker goes on with the old ones when a new one finds a port taken.
deaf() {
  comm -23 <(awk '$1 == "bind" { print $2 }' "$live/haproxy.cfg" | sort -u) \
    <(ss --listening --tcp --numeric --processes --no-header | awk '/"haproxy"/ { print $4 }' | sort -u)
}

# The new process takes over a moment after the reload has been asked for.
loaded() {
  local end=$((SECONDS + TAKE_OVER_SECONDS))
  until systemctl is-active --quiet haproxy && ours && serves && [ -z "$(deaf)" ]; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

take() {
  systemctl enable --quiet haproxy
  if [ "$unit_changed" = no ] && ours; then systemctl reload-or-restart haproxy; else systemctl restart haproxy; fi
}

rm -rf "$next"
cp -a "$staged" "$next"
chmod 0700 "$next/tls"
haproxy -c -q -f "$next/haproxy.cfg" || {
  echo "HAProxy does not accept the new configuration; the one in service stays:"
  haproxy -c -f "$next/haproxy.cfg" 2>&1 | tail -n 15 || true
  exit 1
}

install -d /etc/systemd/system/haproxy.service.d
cat > /etc/systemd/system/haproxy.service.d/platform.conf.new <<'UNIT'
[Unit]
# A crash loop is for the other one of a pair to take over from, not to give up.
StartLimitIntervalSec=0
[Service]
Environment=CONFIG=/etc/haproxy/platform/haproxy.cfg
Restart=always
RestartSec=100ms
UNIT
unit_changed=no
if ! cmp -s /etc/systemd/system/haproxy.service.d/platform.conf.new /etc/systemd/system/haproxy.service.d/platform.conf; then
  unit_changed=yes
fi
mv /etc/systemd/system/haproxy.service.d/platform.conf.new /etc/systemd/system/haproxy.service.d/platform.conf
[ "$unit_changed" = no ] || systemctl daemon-reload

if [ -d "$live" ] && diff -r "$next" "$live" > /dev/null && loaded; then
  rm -rf "$next"
else
  rm -rf "$previous"
  [ ! -d "$live" ] || mv "$live" "$previous"
  mv "$next" "$live"
  if ! take || ! loaded; then
    echo "HAProxy does not run with the new configuration$(deaf | sed '1s/^/, it does not listen on: /'); its last lines:"
    journalctl --unit haproxy --no-pager --lines 10 --output cat || true
    if [ -d "$previous" ]; then
      mv "$live" "$next"
      mv "$previous" "$live"
      take && echo "the one before is in service again"
    fi
    exit 1
  fi
fi

printf 'report haproxy=%s\n' "$(awk '$1 == "bind"' "$live/haproxy.cfg" | wc -l) listeners"
