#!/usr/bin/env bash
# Runs Vault with its configuration, as an account of its own, and waits until its API answers: sealed or not. A new
# certificate is loaded without a restart; what needs one says that Vault will be sealed after it.
set -euo pipefail

WAIT_SECONDS=60
staged=/etc/platform/vault
live=/etc/vault
distribution=$(cat "$staged/distribution")

id vault > /dev/null 2>&1 || useradd --system --home-dir /var/lib/vault --no-create-home --shell /usr/sbin/nologin vault
# Root's own folder: what a service owns, root changes nothing in.
install -d -m 0750 -o root -g vault /var/lib/vault
install -d -m 0750 -o vault -g vault /var/lib/vault/raft /var/lib/vault/audit
install -d -m 0750 -o root -g vault "$live" "$live/tls"
install -d /opt/platform/secrets-manager

restart=no
reload=no
place() { # file, mode
  cmp -s "$staged/$1" "$live/$1" && return 1
  install -m "$2" -o root -g vault "$staged/$1" "$live/$1.new"
  mv "$live/$1.new" "$live/$1"
}
if place vault.hcl 0640; then restart=yes; fi
if place tls/cert.pem 0640; then reload=yes; fi
if place tls/key.pem 0640; then reload=yes; fi
program=/opt/platform/$distribution/program
if [ "$(readlink /opt/platform/secrets-manager/program || true)" != "$program" ]; then
  ln -sfn "$program" /opt/platform/secrets-manager/program
  restart=yes
fi
case "$PLATFORM_CHANGED" in *platform-vault.service*) systemctl daemon-reload && restart=yes ;; esac
running=$(systemctl show --value --property MainPID platform-vault)
if [ "$running" = 0 ] || [ "$(readlink "/proc/$running/exe" || true)" != "$(readlink -f "$program")" ]; then restart=yes; fi

systemctl enable --quiet platform-vault
if [ "$restart" = yes ]; then
  systemctl restart platform-vault
elif [ "$reload" = yes ]; then
  systemctl reload platform-vault
fi

address=$(python3 -c 'import json; s = json.load(open("/etc/platform/vault/settings.json")); print("%s:%d" % (s["address"], s["port"]))')
end=$((SECONDS + WAIT_SECONDS))
until curl --silent --fail --max-time 5 --output /dev/null "https://$address/v1/sys/seal-status"; do
  if [ "$SECONDS" -ge "$end" ]; then
    echo "Vault does not answer at https://$address/v1/sys/seal-status after $WAIT_SECONDS s; its last lines:"
    journalctl --unit platform-vault --no-pager --lines 15 --output cat || true
    exit 1
  fi
  sleep 0.3
done
printf 'report version=%s\n' "$(curl --silent --max-time 5 "https://$address/v1/sys/seal-status" | python3 -c 'import json, sys; print(json.load(sys.stdin)["version"])')"
