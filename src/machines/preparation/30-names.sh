#!/usr/bin/env bash
# Host name and name servers, from /etc/platform/hostname and /etc/platform/resolv.conf. A second run changes nothing.
set -euo pipefail

name=$(cat /etc/platform/hostname)
if [ "$(hostname)" != "$name" ]; then
  hostname "$name"
fi
printf '%s\n' "$name" > /etc/hostname

# A link means that systemd-resolved owns the file; it takes its servers from our drop-in.
if [ -L /etc/resolv.conf ]; then
  case "$PLATFORM_CHANGED" in *resolved.conf.d/*) systemctl try-restart systemd-resolved ;; esac
elif ! cmp -s /etc/platform/resolv.conf /etc/resolv.conf; then
  install -m 0644 /etc/platform/resolv.conf /etc/resolv.conf
fi
