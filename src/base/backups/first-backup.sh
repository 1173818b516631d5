#!/usr/bin/env bash
# first-backup-CLIENT.sh: backs up once, reads the result back, and leaves the rest to the timer.
set -euo pipefail

client=$(basename "$0" .sh)
client=${client#first-backup-}
restic=/usr/local/lib/platform/backups/restic.sh

systemctl daemon-reload
systemctl enable --quiet --now "platform-backup-$client.timer"
systemctl start "platform-backup-$client.service" || {
  echo "the backup of $client failed:"
  journalctl --unit "platform-backup-$client" --no-pager --lines 15 --output cat || true
  exit 1
}
count=$("$restic" "$client" snapshots --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin) or []))')
[ "$count" -gt 0 ] || { echo "the backup of $client ended well and left no snapshot"; exit 1; }
echo "report backup-$client=$count snapshots"
