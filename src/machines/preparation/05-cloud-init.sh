#!/usr/bin/env bash
# Waits until cloud-init has finished the first boot, so that nobody else changes what the next steps change.
set -euo pipefail

code=0
timeout 160 cloud-init status --wait >/dev/null || code=$?
# Newer versions end with 2 for "done, with something to warn of".
if [ "$code" -ne 0 ] && [ "$code" -ne 2 ]; then
  echo "cloud-init did not end well within 160 s (code $code):"
  cloud-init status --long || true
  grep -E 'ERROR|CRITICAL|WARNING' /var/log/cloud-init.log | tail -n 10
  exit 1
fi
