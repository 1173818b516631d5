#!/usr/bin/env bash
# restic.sh CLIENT ARGUMENTS...: restic with that client's repository, key, password and the platform's trust.
# Everything secret is in files that only root reads; nothing of it is an argument or in the environment.
set -euo pipefail

folder=/etc/platform/backups/$1
shift
export RESTIC_PASSWORD_FILE=$folder/password
export AWS_SHARED_CREDENTIALS_FILE=$folder/credentials
AWS_DEFAULT_REGION=$(cat "$folder/region")
export AWS_DEFAULT_REGION
exec restic --repo "$(cat "$folder/repository")" --cacert /etc/ssl/certs/ca-certificates.crt \
  --option s3.region="$AWS_DEFAULT_REGION" --cache-dir /var/cache/platform/restic "$@"
