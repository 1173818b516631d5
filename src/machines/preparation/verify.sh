#!/usr/bin/env bash
# Checks on the machine itself what preparation promised, and reports each point. Being here over a new SSH session
# proves that the loaded firewall lets the deployer in, so it also keeps its rules, for the next boot too. Changes
# nothing else.
set -euo pipefail

problems=0
report() { printf 'report %s=%s\n' "$1" "$2"; }
expect() { # name, wanted, found
  if [ "$2" = "$3" ]; then report "$1" "$3"; else
    echo "$1: expected $2, found ${3:-nothing}"
    problems=1
  fi
}

systemctl stop platform-firewall-rollback.timer 2>/dev/null || true
if ! cmp -s /var/lib/platform/nftables.loaded /etc/platform/nftables.conf; then
  echo "firewall: the rules that are loaded are not those of /etc/platform/nftables.conf"
  problems=1
elif ! cmp -s /etc/platform/nftables.conf /etc/nftables.conf; then
  install -m 0755 /etc/platform/nftables.conf /etc/nftables.conf
fi
systemctl is-enabled --quiet nftables || systemctl enable --quiet nftables

expect host "$(cat /etc/platform/hostname)" "$(hostname)"
address=$(cat /etc/platform/address)
expect address "$address" "$(ip -o -4 address show | awk '{ print $4 }' | grep -xF "$address" || true)"
expect password-login no "$(sshd -T 2>/dev/null | awk '$1 == "passwordauthentication" { print $2 }')"
expect root-login no "$(sshd -T 2>/dev/null | awk '$1 == "permitrootlogin" { print $2 }')"
expect firewall drop "$(nft list chain inet platform input | awk '/policy/ { sub(";", "", $NF); print $NF; exit }')"

accounts=0
while read -r name; do
  id -nG "$name" 2>/dev/null | grep -qw platform-admins || { echo "account $name is missing"; problems=1; }
  accounts=$((accounts + 1))
done < /etc/platform/administrators
report administrators "$accounts"

if openssl verify -CApath /etc/ssl/certs /usr/local/share/ca-certificates/platform-root.crt >/dev/null 2>&1; then
  report trust root
else
  echo "trust: the platform's root authority is not in the system's store"
  problems=1
fi

if [ -s /etc/platform/data-disk ]; then
  read -r mount_point _ size_gb < /etc/platform/data-disk
  found_gb=$(($(lsblk --bytes --nodeps --noheadings --output SIZE "$(findmnt -no SOURCE "$mount_point" || echo /dev/null)" 2>/dev/null || echo 0) / 1000000000))
  if mountpoint -q "$mount_point" && grep -q "^UUID=.* $mount_point " /etc/fstab && [ "$found_gb" -ge "$size_gb" ]; then
    report data-disk "$mount_point"
  else
    echo "data-disk: $size_gb GB are not mounted at $mount_point by UUID (found $found_gb GB)"
    problems=1
  fi
fi

# A unit that its own condition keeps from starting is reported as such, never as running.
for unit in chrony auditd; do
  state=$(systemctl show --value --property ActiveState "$unit")
  condition=$(systemctl show --value --property ConditionResult "$unit")
  if [ "$state" = active ]; then report "$unit" active
  elif [ "$condition" = no ]; then report "$unit" "not here"
  else
    echo "$unit: expected active, found $state"
    problems=1
  fi
done

expect journal-limit 1G "$(sed -n 's/^SystemMaxUse=//p' /etc/systemd/journald.conf.d/platform.conf)"
exit "$problems"
