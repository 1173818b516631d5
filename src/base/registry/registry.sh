#!/usr/bin/env bash
# Runs the registry with its configuration, as an account of its own, and waits until it lets the nodes' account in and
# nobody else.
set -euo pipefail

WAIT_SECONDS=60
staged=/etc/platform/registry
live=/etc/registry

id registry > /dev/null 2>&1 || useradd --system --home-dir /srv/registry --no-create-home --shell /usr/sbin/nologin registry
# Root's own folder: what a service owns, root changes nothing in.
install -d -m 0750 -o root -g registry /srv/registry
install -d -m 0750 -o registry -g registry /srv/registry/data
install -d -m 0750 -o root -g registry "$live"

changed=no
for file in config.yml htpasswd; do
  if ! cmp -s "$staged/$file" "$live/$file"; then
    install -m 0640 -o root -g registry "$staged/$file" "$live/$file"
    changed=yes
  fi
done
case "$PLATFORM_CHANGED" in *platform-registry*) systemctl daemon-reload && changed=yes ;; esac
# Another program than the running one.
running=$(systemctl show --value --property MainPID platform-registry)
if [ "$running" = 0 ] || [ "$(readlink "/proc/$running/exe" || true)" != "$(readlink -f /opt/platform/registry/program)" ]; then changed=yes; fi

systemctl enable --quiet platform-registry platform-registry-collect.timer
systemctl start platform-registry-collect.timer
[ "$changed" = no ] || systemctl restart platform-registry

code() { curl --silent --output /dev/null --max-time 5 --write-out '%{http_code}' "$@" http://127.0.0.1:5000/v2/ || true; }
end=$((SECONDS + WAIT_SECONDS))
until [ "$(code --config "$staged/reader")" = 200 ] && [ "$(code)" = 401 ]; do
  if [ "$SECONDS" -ge "$end" ]; then
    echo "the registry does not answer as it should after $WAIT_SECONDS s: with the nodes' password $(code --config "$staged/reader") (expected 200), without $(code) (expected 401); its last lines:"
    journalctl --unit platform-registry --no-pager --lines 10 --output cat || true
    exit 1
  fi
  sleep 0.3
done
echo "report answers=200 to the nodes, 401 to strangers"
