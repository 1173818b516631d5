#!/usr/bin/env bash
# Waits until cloud-init has finished the first boot, so that nobody else changes what the next steps change.
set -euo pipefail

if ! timeout 160 cloud-init status --wait >/dev/null; then
  echo "cloud-init did not end well within 160 s:"
  cloud-init status --long
  grep -E 'ERROR|CRITICAL|WARNING' /var/log/cloud-init.log | tail -n 10
  exit 1
fi
