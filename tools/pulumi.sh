#!/usr/bin/env bash
# Prints the folder whose bin/pulumi is the pinned Pulumi CLI, having made it where it was missing.
# Looks on PATH, then in the cache, then at the official release, and last builds it from its Go module.
# A second run costs nothing: what was made is kept in the cache, keyed by version and go.sum.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/pulumi" && pwd)
version=$(awk '$1 == "github.com/pulumi/pulumi/pkg/v3" { print $2; exit }' "$here/go.mod")
cache=${PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/onprem-platform}
key=$version-$(sha256sum "$here/go.sum" | cut -c1-12)
root=$cache/pulumi/$key

if [ -x "$root/bin/pulumi" ]; then
  echo "$root"
  exit 0
fi

on_path=$(command -v pulumi || true)
if [ -n "$on_path" ] && [ "$(PULUMI_SKIP_UPDATE_CHECK=1 pulumi version)" = "$version" ]; then
  dirname "$(dirname "$(readlink -f "$on_path")")"
  exit 0
fi

mkdir -p "$cache/pulumi"
exec 9>"$cache/pulumi/.lock"
flock -w 1800 9 || { echo "another build of the Pulumi CLI held $cache/pulumi/.lock for 30 minutes" >&2; exit 1; }
[ -x "$root/bin/pulumi" ] && { echo "$root"; exit 0; }

work=$(mktemp -d "$cache/pulumi/.making.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin"

# The official archive also carries the Node language host, which the plain `pulumi` command needs. The checksum
# list comes from the release page, the archive from the download host: both must agree.
download() {
  case "$(uname -m)" in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) return 1 ;; esac
  name=pulumi-$version-linux-$arch.tar.gz
  release=https://github.com/pulumi/pulumi/releases/download/$version
  curl -fsSL --connect-timeout 5 --max-time 60 -o "$work/sums" "$release/pulumi-${version#v}-checksums.txt" &&
    curl -fsSL --connect-timeout 5 --max-time 600 -o "$work/$name" "https://get.pulumi.com/releases/sdk/$name" || return 1
  want=$(awk -v n="$name" '$2 == n { print $1 }' "$work/sums")
  if [ -z "$want" ] || ! echo "$want  $work/$name" | sha256sum --check --status; then
    echo "the download does not match the release's checksum, so it is not used" >&2
    return 1
  fi
  tar -xzf "$work/$name" -C "$work/bin" --strip-components=1
}

if download 2>"$work/download.log"; then
  echo "pulumi $version: official release" >&2
else
  echo "pulumi $version: no official release within reach ($(tail -n 1 "$work/download.log")); building it from its Go module, about 6 minutes on 2 cores" >&2
  rm -rf "${work:?}/bin"
  mkdir "$work/bin"
  go=$("$here/../go.sh")
  (cd "$here" && GOFLAGS=-mod=readonly CGO_ENABLED=0 "$go" build -trimpath \
    -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=$version" \
    -o "$work/bin/pulumi" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi)
fi
[ "$(PULUMI_SKIP_UPDATE_CHECK=1 "$work/bin/pulumi" version)" = "$version" ] || {
  echo "the Pulumi CLI just made does not report $version; nothing was kept" >&2
  exit 1
}
rm -rf "$root" && mkdir -p "$root" && mv "$work/bin" "$root/bin"
echo "$root"
