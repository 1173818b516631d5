#!/usr/bin/env bash
# Kernel settings, bounded journal, audit rules, then sshd: each reloaded only after its own check has passed.
set -euo pipefail

# A container may not set every key; the machine's own kernel must take all of them.
if systemd-detect-virt --quiet --container; then
  sysctl --quiet --system 2>/dev/null || true
else
  sysctl --quiet --load /etc/sysctl.d/90-platform.conf
fi

mkdir -p /var/log/journal
case "$PLATFORM_CHANGED" in */journald.conf.d/*) systemctl restart systemd-journald ;; esac

systemctl is-enabled --quiet auditd || systemctl enable --quiet auditd
systemctl start auditd
if systemctl is-active --quiet auditd; then
  case "$PLATFORM_CHANGED" in */audit/rules.d/*) augenrules --load >/dev/null ;; esac
fi

mkdir -p /run/sshd
sshd -t
# sshd reads a user's keys as that user: unreadable, they would lock the deployer out with the next reload.
runuser -u deploy -- test -r /etc/ssh/authorized_keys.d/deploy
case "$PLATFORM_CHANGED" in */sshd_config.d/*) systemctl reload ssh ;; esac
