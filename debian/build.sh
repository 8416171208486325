#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# build.sh TARBALL OUT [DIST]: the packages of what `make dist` packed, in OUT, and what lintian says of them.
# DIST is a release of Debian's, which a root is made of for it (mmdebstrap, as root or not); without it they are for this
# machine, and what is missing here is said. DEB_BUILD_OPTIONS=nocheck leaves out the unit tests.
# The version tells the release, so that an upgrade of the machine upgrades the package: 0.2~deb12, 0.2~deb13.
set -euo pipefail
umask 022
tarball=$(readlink -f "${1:?a tarball}") out=${2:?a directory} dist=${3:-}
lintian=(lintian --profile debian --fail-on 'error,warning' --tag-display-limit 0)
[ "$(id -u)" -ne 0 ] || lintian+=(--allow-root)

fail() {
	printf 'make deb: %s\n' "$@" >&2
	exit 1
}

build_here() {
	local work status=0
	work=$(mktemp -d /tmp/nsshell-deb.XXXXXX)
	# shellcheck disable=SC2064 # now
	trap "rm -rf '$work'" EXIT
	tar -C "$work" -xf "$tarball"
	cd "$work"/nsshell-*/
	dpkg-checkbuilddeps || fail "needs these packages: make deb-deps installs them"
	# shellcheck disable=SC1091
	sed -i "1s/)/~deb$(. /etc/os-release && echo "${VERSION_ID:-0}"))/" debian/changelog
	DEB_BUILD_OPTIONS="parallel=$(nproc) ${DEB_BUILD_OPTIONS:-}" dpkg-buildpackage -b -us -uc >"$work/log" 2>&1 || status=$?
	mv -f "$work/log" "$out/build.log"
	[ $status -eq 0 ] || { tail -n 40 "$out/build.log" >&2 && fail "dpkg-buildpackage failed"; }
	cp ../*.deb ../*.buildinfo ../*.changes "$out/"
	command -v lintian >/dev/null || { echo "lintian isn't installed: make deb-deps" && return; }
	"${lintian[@]}" ../*.changes
}

# Debian's mirrors as this machine has them, of another release.
sources() {
	local f
	# shellcheck disable=SC1091
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
		[ ! -s "$f" ] || sed "s/\b$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")\b/$dist/g" "$f"
	done
}

build_there() {
	local list=$out/sources
	command -v mmdebstrap >/dev/null || fail "needs mmdebstrap for another release: make deb-deps installs it"
	rm -rf "$list" && mkdir "$list"
	sources >"$list/debian.sources"
	grep -q '^Types:' "$list/debian.sources" || mv "$list/debian.sources" "$list/debian.list"
	# shellcheck disable=SC2016 # mmdebstrap's $1
	mmdebstrap --quiet --variant=buildd --format=null --include=lintian \
		--aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
		--customize-hook='mkdir "$1/nsshell" "$1/nsshell/out"' \
		--customize-hook="copy-in '$tarball' /nsshell" \
		--customize-hook='chroot "$1" sh -c "cd /nsshell && tar -xf nsshell-*.tar.xz"' \
		--customize-hook='chroot "$1" sh -c "apt-get build-dep -qq -y /nsshell/nsshell-*/ >/nsshell/out/apt.log 2>&1 || { cat /nsshell/out/apt.log; exit 1; }"' \
		--customize-hook='chroot "$1" sh -c "/nsshell/nsshell-*/debian/build.sh /nsshell/nsshell-*.tar.xz /nsshell/out" || touch "$1/nsshell/out/failed"' \
		--customize-hook="sync-out /nsshell/out '$out'" \
		"$dist" /dev/null "$list"/*
}

mkdir -p "$out"
out=$(cd "$out" && pwd)
rm -rf "${out:?}"/*
if [ "$dist" ]; then build_there; else build_here; fi
tar -xOf "$tarball" --wildcards '*/.commit' >"$out/commit"
[ ! -e "$out/failed" ] || fail "$out/build.log and what stands above says why"
ls "$out"/*.deb
