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
  # A run that was cut off leaves packages half-configured, and apt refuses to go on before they are whole.
  dpkg --configure -a
  # Another package run (cloud-init's, or an administrator's) may hold the lock for a while.
  # The lists have a lock of their own that apt does not wait for: the first boot's own update may hold it.
  for attempt in 1 2 3 4 5 6; do
    if apt-get -q update; then break; fi
    if [ "$attempt" = 6 ]; then
      echo "apt-get update failed six times in a minute; its last words are above" >&2
      exit 1
    fi
    sleep 10
  done
  apt-get -o DPkg::Lock::Timeout=300 -q -y --no-install-recommends -o Dpkg::Options::=--force-confold install "${missing[@]}"
fi
