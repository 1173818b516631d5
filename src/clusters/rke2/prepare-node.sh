#!/usr/bin/env bash
# What Kubernetes wants of a machine before RKE2's first start: kernel modules and settings, no swap, an account for etcd, storage
# clients that nothing else claims. A second run finds it all.
set -euo pipefail

if systemd-detect-virt --quiet --container; then
  # Modules and most settings are the host's own there.
  sysctl --quiet --load /etc/sysctl.d/90-rke2.conf 2> /dev/null || true
  iscsi=no
else
  iscsi=yes
  xargs --no-run-if-empty modprobe --all < /etc/modules-load.d/90-rke2.conf
  sysctl --quiet --load /etc/sysctl.d/90-rke2.conf
  swapoff --all
  sed -i -E 's@^([^#].*[[:space:]]swap[[:space:]].*)$@# \1@' /etc/fstab
fi

# The CIS profile runs etcd as this account and ends where it is missing.
getent group etcd > /dev/null || groupadd --system etcd
id etcd > /dev/null 2>&1 || useradd --system --no-create-home --shell /usr/sbin/nologin --gid etcd etcd

# Longhorn's volumes are iSCSI devices; multipath would take them for its own.
for unit in multipathd.socket multipathd.service; do
  if systemctl cat "$unit" > /dev/null 2>&1; then systemctl mask --now --quiet "$unit"; fi
done
if [ "$iscsi" = yes ] && systemctl cat iscsid.service > /dev/null 2>&1; then systemctl enable --now --quiet iscsid; fi
echo "report prepared=yes"
