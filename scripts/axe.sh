#!/usr/bin/env bash
# Puts axe-core, which looks for barriers in pages, beside the other programs of tests. It is
# used by tests alone and is no part of the product.
set -euo pipefail
cd "$(dirname "$0")/.."

package=axe-core@4.14.1
want=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --silent --pack-destination "$work" "$package" >/dev/null
tar -xzf "$work"/axe-core-*.tgz -C "$work" package/axe.min.js
echo "$want  $work/package/axe.min.js" | sha256sum --check --quiet
mkdir -p .bin
mv "$work/package/axe.min.js" .bin/axe.min.js
