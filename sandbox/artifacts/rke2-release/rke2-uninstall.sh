#!/bin/sh
# Takes RKE2 and its data off this machine.
set -e
rke2-killall.sh
systemctl disable rke2-server rke2-agent 2> /dev/null || true
find /var/lib/rancher -mindepth 1 -delete
rm -rf /etc/rancher /usr/local/share/rke2 /usr/local/lib/systemd/system/rke2-*.service /usr/local/bin/rke2 /usr/local/bin/rke2-*.sh
systemctl daemon-reload
