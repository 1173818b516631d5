#!/usr/bin/env bash
# Makes the sandbox's base image: a Debian (or Ubuntu) of the host's own release, from the host's own apt sources.
# Needs root, mmdebstrap and the network to those sources. Leaves DEST/root.tar.gz and DEST/meta.tar.gz, or nothing.
# usage: build.sh DEST
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
dest=$1
# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
work=$(mktemp -d "$(dirname "$dest")/.image.XXXXXX")
trap 'rm -rf "$work"' EXIT

sources=()
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  # The distribution's own sources only: a third party's key is not in the new system.
  if [ -s "$file" ] && grep -qE "^(deb |Suites:).*\b$suite(-[a-z]+)?( |$)" "$file"; then
    sources+=("$file")
  fi
done
[ ${#sources[@]} -gt 0 ] || { echo "no apt source for $suite under /etc/apt: the base image is made from the host's own" >&2; exit 1; }

include=$(grep -vE '^(#|$)' "$here/packages" | paste -sd,)
mmdebstrap --variant=minbase --skip=check/qemu --include="$include" \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
  --customize-hook="'$here/customize.sh' \"\$1\"" \
  "$suite" "$work/root.tar" "${sources[@]}" >"$work/log" 2>&1 || { tail -n 30 "$work/log" >&2; exit 1; }
gzip -1 "$work/root.tar"
tar -czf "$work/meta.tar.gz" -C "$here" metadata.yaml templates
rm "$work/log"
rm -rf "$dest"
chmod 0755 "$work"
mv "$work" "$dest"
