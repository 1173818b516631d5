#!/usr/bin/env bash
# Installs the packages named in /etc/platform/packages that are missing. Needs apt and, for missing ones, its sources.
# A second run finds them all and asks no server.
set -euo pipefail

missing=()
while read -r package; do
  if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
    missing+=("$package")
  fi
done < /etc/platform/packages

if [ ${#missing[@]} -gt 0 ] && [ "$(cat /etc/platform/artifacts)" = mirrored ]; then
  echo "the template lacks ${missing[*]}, and artifacts.mode is mirrored, so nothing is fetched: add them to the template" >&2
  exit 1
fi
if [ ${#missing[@]} -gt 0 ]; then
  # Another package run (cloud-init's, or an administrator's) may hold the lock for a while.
  apt-get -o DPkg::Lock::Timeout=300 -q update
  apt-get -o DPkg::Lock::Timeout=300 -q -y --no-install-recommends -o Dpkg::Options::=--force-confold install "${missing[@]}"
fi
