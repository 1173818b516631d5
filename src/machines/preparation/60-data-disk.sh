#!/usr/bin/env bash
# Mounts the data disk where /etc/platform/data-disk says, by UUID, grown to the disk's size.
# Formats the disk only when it is blank: anything found on it, known or not, is a reason to stop. Data is never lost
# by a second run, nor by a disk in the wrong place.
set -euo pipefail

if [ ! -s /etc/platform/data-disk ]; then
  # A machine that gave its data disk up must not wait for it at its next boot.
  if grep -q 'x-platform\.data' /etc/fstab 2>/dev/null; then
    sed -i '/x-platform\.data/d' /etc/fstab
    systemctl daemon-reload
  fi
  exit 0
fi
read -r mount_point device size_gb < /etc/platform/data-disk
label=platform-data
# Linux may name disks in another order at any boot; where udev knows the controller's unit, that decides.
for path in /dev/disk/by-path/*-scsi-0:0:1:0; do
  if [ -b "$path" ]; then device=$(readlink -f "$path"); fi
done

disk=$(blkid -t "LABEL=$label" -o device || true)
if [ "$(printf '%s\n' "$disk" | grep -c .)" -gt 1 ]; then
  echo "more than one disk is labelled $label: $disk; detach the one that does not belong here" >&2
  exit 1
fi

if [ -z "$disk" ]; then
  if [ ! -b "$device" ]; then
    echo "no data disk: $device is not there; the plan gives this machine a second disk of $size_gb GB" >&2
    exit 1
  fi
  found_gb=$(($(blockdev --getsize64 "$device") / 1000000000))
  if [ "$found_gb" -lt "$((size_gb * 98 / 100))" ]; then
    echo "$device has $found_gb GB, the plan says $size_gb GB: it is not formatted, in case it is another disk" >&2
    exit 1
  fi
  # Low-level probing sees any file system, RAID member or partition table that is known to util-linux.
  if signature=$(blkid --probe "$device" 2>&1) || [ "$(head -c 1048576 "$device" | tr -d '\0' | head -c 1 | wc -c)" -ne 0 ]; then
    echo "$device is not blank (${signature:-unknown contents}): it is not formatted; empty it yourself if nothing on it matters" >&2
    exit 1
  fi
  mkfs.ext4 -q -L "$label" -m 1 "$device"
  disk=$device
fi

uuid=$(blkid -s UUID -o value "$disk")
line="UUID=$uuid $mount_point ext4 defaults,noatime,x-platform.data 0 2"
if ! grep -qxF "$line" /etc/fstab 2>/dev/null; then
  # Only this mount point's line is ours; the rest of fstab stays.
  other=$(awk -v at="$mount_point" '$2 != at' /etc/fstab 2>/dev/null || true)
  printf '%s\n%s\n' "$other" "$line" | sed '/^$/d' > /etc/fstab.platform
  chmod 0644 /etc/fstab.platform
  mv /etc/fstab.platform /etc/fstab
  systemctl daemon-reload
fi
mkdir -p "$mount_point"
if ! mountpoint -q "$mount_point"; then
  mount "$mount_point"
fi
# The kernel learns of a disk that grew while in use only when asked to look again.
rescan=/sys/class/block/$(basename "$(readlink -f "$disk")")/device/rescan
if [ -w "$rescan" ]; then echo 1 > "$rescan"; fi
# Does nothing when the file system already fills the disk.
resize2fs "$disk" 2>&1
