#!/usr/bin/env bash
# Puts the unpacked release of RKE2 where its own installer puts it, having saved etcd first where another version serves. What runs
# goes on running: joining restarts it.
set -euo pipefail

wanted=$(python3 -I -c 'import json; print(json.load(open("/etc/platform/rke2/settings.json"))["version"])')
release=$(dirname "$(dirname "$(readlink -f /opt/platform/rke2/program)")")
found=$("$release/bin/rke2" --version | awk 'NR == 1 { print $3 }')
if [ "$found" != "$wanted" ]; then
  echo "the archive holds RKE2 $found, the platform's version is $wanted, so nothing was changed: put the right archive there, or correct platform:versions.rke2"
  exit 1
fi
installed=$(/usr/local/bin/rke2 --version 2> /dev/null | awk 'NR == 1 { print $3 }' || true)

if [ "$installed" != "$wanted" ]; then
  if [ -n "$installed" ] && systemctl is-active --quiet rke2-server; then
    /usr/local/bin/rke2 etcd-snapshot save --name "before-${wanted//+/-}" || {
      echo "etcd could not be saved before the change from $installed to $wanted, so nothing was changed"
      exit 1
    }
  fi
  install -d /usr/local/lib/systemd/system /usr/local/share/rke2
  install -m 0644 "$release"/lib/systemd/system/rke2-*.* /usr/local/lib/systemd/system/
  cp -r "$release/share/rke2/." /usr/local/share/rke2/
  systemctl daemon-reload
  # The program last: it is what says that all of this was done.
  for each in rke2-killall.sh rke2-uninstall.sh rke2; do
    install -m 0755 "$release/bin/$each" "/usr/local/bin/$each.new"
    mv "/usr/local/bin/$each.new" "/usr/local/bin/$each"
  done
fi
printf 'report rke2=%s\n' "$found"
