#!/usr/bin/env bash
# Loads /etc/platform/nftables.conf in one transaction. Until a new SSH session confirms it (verify.sh does, from
# outside), the rules before it come back by themselves after 35 minutes, longer than any step of a deployment waits: a
# mistake in the flow model locks nobody out for good. Only confirmed rules are loaded at boot (/etc/nftables.conf).
set -euo pipefail

rules=/etc/platform/nftables.conf
loaded=/var/lib/platform/nftables.loaded
nft --check --file "$rules"
if cmp -s "$rules" "$loaded" && nft list table inet platform >/dev/null 2>&1; then
  exit 0
fi

before=/var/lib/platform/nftables.before
if nft list table inet platform >/dev/null 2>&1; then
  { echo "table inet platform"; echo "delete table inet platform"; nft list table inet platform; } > "$before"
else
  printf 'table inet platform\ndelete table inet platform\n' > "$before"
fi
systemctl stop platform-firewall-rollback.timer 2>/dev/null || true
systemd-run --quiet --unit=platform-firewall-rollback --on-active=35min --timer-property=AccuracySec=1s \
  /bin/sh -c "nft --file $before; rm -f $loaded"
nft --file "$rules"
cp "$rules" "$loaded"

# This session is older than the rules it has just loaded, so it proves nothing about them.
if [ "$PLATFORM_BUNDLE" = verify ]; then
  echo "the firewall's rules had been taken back, since no new session confirmed them in time; they are loaded again."
  echo "Run up again within 35 minutes: its new session confirms them."
  exit 1
fi
