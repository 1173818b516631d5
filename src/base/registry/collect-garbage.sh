#!/usr/bin/env bash
# Gives back the space of deleted images. Nothing may be pushed meanwhile, so the registry serves read-only until the end,
# whatever that end is.
set -euo pipefail

drop_in=/run/systemd/system/platform-registry.service.d
writable_again() {
  rm -rf "$drop_in"
  systemctl daemon-reload
  systemctl restart platform-registry
}
trap writable_again EXIT

mkdir -p "$drop_in"
printf '[Service]\nEnvironment="REGISTRY_STORAGE_MAINTENANCE_READONLY={enabled: true}"\n' > "$drop_in/readonly.conf"
systemctl daemon-reload
systemctl restart platform-registry
before=$(du -s --block-size=1 /srv/registry/data | cut -f1)
runuser -u registry -- env OTEL_TRACES_EXPORTER=none /opt/platform/registry/program garbage-collect /etc/registry/config.yml
after=$(du -s --block-size=1 /srv/registry/data | cut -f1)
echo "gave back $(((before - after) / 1048576)) MiB"
