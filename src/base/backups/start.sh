#!/usr/bin/env bash
# Starts the store. It insists on a root account from its environment, so each start gets one that nobody knows: the
# platform's own accounts, administrator included, are in a file that only the store reads.
set -euo pipefail
ROOT_ACCESS_KEY=$(head -c 15 /dev/urandom | base64 | tr '+/' 'ab')
ROOT_SECRET_KEY=$(head -c 33 /dev/urandom | base64 | tr '+/' 'ab')
export ROOT_ACCESS_KEY ROOT_SECRET_KEY
exec /opt/platform/backupStore/program posix --dir-perms 0700 --file-perms 0600 /srv/backups/objects
