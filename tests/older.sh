#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# older.sh OUT: the programs of the first version that was a package, built out of git's history into OUT/build, once:
# for tests/system/test_upgrade.py.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:?a directory}
commit=$(git log --diff-filter=A --format=%H -- debian/changelog | tail -n 1)
[ "$commit" ] || { echo "older.sh: no history here" && exit 0; }
[ "$(cat "$out/.commit" 2>/dev/null || true)" != "$commit" ] || exit 0
rm -rf "$out"
mkdir -p "$out"
git archive "$commit" | tar -x -C "$out"
env -u MAKEFLAGS -u MAKELEVEL make -s -C "$out" -j"$(nproc)" all >"$out/log" 2>&1 || { tail -n 20 "$out/log" && exit 1; }
echo "$commit" >"$out/.commit"
