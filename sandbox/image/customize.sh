#!/usr/bin/env bash
# Turns a fresh root file system into a template: no identity of its own, nothing started that a container cannot run
# or that preparation starts later. Called by build.sh with the new root's path.
set -euo pipefail

root=$1
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/resolv.conf"
: > "$root/etc/machine-id"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root/etc/apt/sources.list" "$root"/etc/apt/sources.list.d/*

# cloud-init without what only clouds and desktops need: each module costs every boot.
sed -i -E '/^ *- (grub[-_]dpkg|apt[-_]configure|apt[-_]pipelining|ntp|byobu|fan|landscape|lxd|ubuntu[-_].*|snap|wireguard|puppet|chef|mcollective|salt[-_]minion|rightscale_userdata|phone[-_]home|keys[-_]to[-_]console|ssh[-_]import[-_]id|disk_setup|mounts|seed_random|rsyslog|reset[-_]rmc|refresh_rmc_and_interface|scripts[-_]vendor|install[-_]hotplug|locale|package[-_]update[-_]upgrade[-_]install)$/d' \
  "$root/etc/cloud/cloud.cfg"
printf 'datasource_list: [NoCloud, None]\n' > "$root/etc/cloud/cloud.cfg.d/90-datasource.cfg"
# User data holds the machine's own SSH host key: for root's eyes only.
mkdir -p "$root/var/lib/cloud/seed"
chmod 0700 "$root/var/lib/cloud/seed"

# Nothing outside this host is ever talked to, so no outside authority is trusted either.
: > "$root/etc/ca-certificates.conf"
chroot "$root" update-ca-certificates --fresh

# Started by preparation or a later layer, with their own settings.
for unit in nftables auditd chrony haproxy keepalived iscsid.socket open-iscsi rpcbind.socket rpcbind nfs-client.target remote-fs.target; do
  chroot "$root" systemctl disable --quiet "$unit"
done

# Of no use to a server in a container, or refused there; each would cost processor time at every boot.
for unit in systemd-binfmt.service getty@.service console-getty.service apt-daily.timer apt-daily-upgrade.timer \
  e2scrub_all.timer e2scrub_reap.service dpkg-db-backup.timer fstrim.timer systemd-firstboot.service \
  systemd-update-utmp.service systemd-update-utmp-runlevel.service ldconfig.service cloud-init-hotplugd.socket \
  dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-hwdb-update.service modprobe@.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# A container shares the host's audit: the unit's own condition says so, and the verification reports it.
mkdir -p "$root/etc/systemd/system/auditd.service.d"
printf '[Unit]\nConditionVirtualization=!container\n' > "$root/etc/systemd/system/auditd.service.d/container.conf"

# systemd leaves device lines of fstab alone in a container; on a real machine it mounts them itself.
cat > "$root/etc/systemd/system/mount-fstab.service" <<'UNIT'
[Unit]
Description=Mount what /etc/fstab names
DefaultDependencies=no
After=systemd-remount-fs.service
Before=local-fs.target
[Service]
Type=oneshot
# The kernel lists the disk under the host's name for it, so mount finds its UUID only once blkid has looked.
ExecStartPre=-/bin/sh -c '/sbin/blkid /dev/sd?'
ExecStart=/bin/mount --all
[Install]
WantedBy=local-fs.target
UNIT
chroot "$root" systemctl enable --quiet mount-fstab.service
