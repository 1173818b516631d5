#!/usr/bin/env bash
# ready.sh CLIENT: sees to it that the client's repository can be backed up to. A store that was made again has none, and
# a client or a store that went away in the middle of a backup leaves a lock that would refuse every later one.
set -euo pipefail

client=$1
restic=/usr/local/lib/platform/backups/restic.sh
if ! printed=$("$restic" "$client" cat config --no-lock 2>&1); then
  "$restic" "$client" init --quiet || {
    echo "neither is there a repository for the backups of $client, nor can one be made: $printed"
    exit 1
  }
  echo "made a new repository for the backups of $client"
fi
# Only those that nobody holds any more.
"$restic" "$client" unlock --quiet
