#!/usr/bin/env bash
# Asks Gogs and the registry the way others do: by name, over TLS that must verify, with and without an account.
set -euo pipefail

WAIT_SECONDS=30
folder=/etc/platform/gitops-front
address=$(cat "$folder/address")
{ read -r gogs; read -r registry; } < "$folder/names"

code() { # port, name, path, more arguments
  local port=$1 name=$2 path=$3
  shift 3
  curl --silent --output /dev/null --max-time 5 --write-out '%{http_code}' --resolve "$name:$port:$address" "$@" "https://$name:$port$path" || true
}
expect() { # what, code, then the arguments of code()
  local what=$1 wanted=$2 found
  shift 2
  until found=$(code "$@") && [ "$found" = "$wanted" ]; do
    if [ "$SECONDS" -ge "$end" ]; then
      echo "$what: expected $wanted, got $found (000 is no connection or a certificate that does not verify)"
      exit 1
    fi
    sleep 0.3
  done
}

end=$((SECONDS + WAIT_SECONDS))
expect "Gogs at https://$gogs" 200 443 "$gogs" /healthcheck
expect "Gogs' innards" 404 443 "$gogs" /debug/pprof/
expect "Gogs' innards, spelled otherwise" 404 443 "$gogs" /%64ebug/pprof/
expect "the registry without an account" 401 8443 "$registry" /v2/
expect "the registry with the nodes' account" 200 8443 "$registry" /v2/ --config "$folder/reader"
expect "a push with the nodes' account" 403 8443 "$registry" /v2/gate/blobs/uploads/ --config "$folder/reader" --request POST
echo "report tls=verified"
