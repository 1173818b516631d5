#!/usr/bin/env bash
# Puts one program on this machine: install-NAME.sh reads /etc/platform/artifacts.d/NAME. The archive comes from upstream
# or, in mirrored mode, from the machine's template; it is not opened before its checksum has matched.
set -euo pipefail

TEMPLATE=/var/cache/platform/artifacts
name=$(basename "$0" .sh)
name=${name#install-}
field() { awk -v key="$1" '$1 == key { print $2 }' "/etc/platform/artifacts.d/$name"; }

version=$(field version)
url=$(field url)
sha256=$(field sha256)
member=$(field member)
whole=$(field whole)
archive=$(basename "$url")
root=/opt/platform/$name
target=$root/$version/$(basename "$member")
[ "$whole" = no ] || target=$root/$version/$member

switch() {
  ln -sfn "$target" "$root/program.new"
  mv -T "$root/program.new" "$root/program"
  printf 'report %s=%s\n' "$name" "$version"
}

# What the template's list says now: an archive without a version in its name may have been another one the last time.
if [ "$(field mode) $sha256" = "mirrored listed" ]; then
  sha256=$(awk -v file="$archive" '$2 == file { print $1 }' "$TEMPLATE/SHA256SUMS" 2>/dev/null || true)
  [ -n "$sha256" ] || { echo "$TEMPLATE/SHA256SUMS has no line for $archive: add it, or give platform:checksums.$name"; exit 1; }
fi
stamp="$archive $sha256"

if [ -x "$target" ] && [ "$(cat "$root/$version/.archive" 2>/dev/null)" = "$stamp" ]; then
  switch
  exit 0
fi

install -d -m 0755 "$root/$version"
work=$(mktemp -d "$root/.installing.XXXXXX")
trap 'rm -rf "$work"' EXIT

if [ "$(field mode)" = mirrored ]; then
  if [ ! -f "$TEMPLATE/$archive" ]; then
    echo "artifacts.mode is mirrored and $TEMPLATE/$archive is not on this machine: put the file there, best in the machines' template"
    exit 1
  fi
  file=$TEMPLATE/$archive
else
  file=$work/$archive
  proxy=$(field proxy)
  [ "$proxy" = none ] || export https_proxy=$proxy http_proxy=$proxy
  curl --fail --silent --show-error --location --proto '=https' --connect-timeout 15 --max-time 800 --retry 3 --output "$file" "$url" || {
    echo "could not fetch $url (see the line above): check the way out to it, or set platform:proxy or artifacts.mode"
    exit 1
  }
  checksums=$(field checksums)
  if [ "$sha256" = listed ] && [ "$checksums" != none ]; then
    list=${url%/*}/$checksums
    sha256=$(curl --fail --silent --show-error --location --proto '=https' --connect-timeout 15 --max-time 60 --retry 3 "$list" |
      awk -v file="$archive" '$2 == file { print $1 }') || true
    [ -n "$sha256" ] || { echo "$list has no line for $archive, so nothing was installed: give platform:checksums.$name"; exit 1; }
  fi
fi

found=$(sha256sum "$file" | awk '{ print $1 }')
if [ "$found" != "$sha256" ]; then
  echo "$archive is not what was tested: its SHA-256 is $found, expected $sha256; nothing was installed"
  exit 1
fi

case "$archive $whole" in
  *.zip\ no) unzip -q -d "$work/content" "$file" "$member" ;;
  *\ no) mkdir "$work/content" && tar -xzf "$file" -C "$work/content" "$member" ;;
  *) mkdir "$work/content" && tar --no-same-owner -xzf "$file" -C "$work/content" ;;
esac
if [ "$whole" = yes ]; then
  rm -rf "${root:?}/$version"
  chmod 0755 "$work/content"
  mv "$work/content" "$root/$version"
else
  install -m 0755 "$work/content/$member" "$target"
fi
printf '%s' "$stamp" > "$root/$version/.archive"
switch
# The version before stays, for going back without a download; older ones go.
find "$root" -mindepth 1 -maxdepth 1 -type d -not -name "$version" -not -name '.*' -printf '%T@ %p\n' | sort -rn | tail -n +2 | cut -d' ' -f2- | xargs -r rm -rf
