#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh [DIST...]: the Debian package of each release (bookworm): built by `make deb` with lintian, then its life in a
# fresh root of that release (inside.sh), real logins there (logins.sh) and, bookworm's, on a machine (machine.py); and `make deps install` from source
# in a root with nothing but make (source.sh); of bookworm and trixie, from one to the other (release.sh). As root. Logs:
# build/deb/DIST.
# DEB_BUILT=1 takes the packages that are there already, for who works on these tests.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
[ $# -gt 0 ] || set -- bookworm
passed=0 failed=0

count() { # prints what it reads, and counts it
	local line
	while IFS= read -r line; do
		case $line in "ok - "*) passed=$((passed + 1)) ;; "not ok - "*) failed=$((failed + 1)) ;; "# "*) ;; *) continue ;; esac
		echo "${line/ - / - [$dist] }"
	done
}

# The next version, with another nsshell.conf in it.
newer() {
	local tree=$out/tree
	mkdir -p "$out/new" && rm -rf "$tree" "$out"/new/*
	dpkg-deb -R "$out"/nsshell_*.deb "$tree"
	sed -i 's/^Version: .*/&+1/' "$tree/DEBIAN/control"
	echo '# of the next version' >>"$tree/etc/nsshell/nsshell.conf"
	dpkg-deb --root-owner-group -b "$tree" "$out/new" >/dev/null
	rm -rf "$tree"
}

# What logins.sh needs, and what tells of logins there.
login_packages() {
	echo openssh-server openssh-client procps
	[ "$dist" = bookworm ] || echo libpam-wtmpdb wtmpdb libpam-lastlog2 lastlog2
}

life() {
	# shellcheck disable=SC2016 # mmdebstrap's $1
	mmdebstrap --quiet --variant=apt --format=null --include=passwd,login \
		--aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
		--customize-hook='mkdir -p "$1/deb/old" "$1/deb/new"' \
		--customize-hook="cp $out/nsshell_*.deb \"\$1/deb/old/\"; cp $out/new/*.deb \"\$1/deb/new/\"; cp tests/deb/inside.sh \"\$1/deb/\"" \
		--customize-hook="chroot \"\$1\" bash /deb/inside.sh $commit >$out/life.log 2>&1" \
		--customize-hook="cp debian/tests/login tests/deb/logins.sh \"\$1/deb/\"" \
		--customize-hook="chroot \"\$1\" sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(login_packages | xargs) && apt-get install -qq -y /deb/old/nsshell_*.deb' >$out/logins.log 2>&1" \
		--customize-hook="tests/deb/enter.sh \"\$1\" bash /deb/logins.sh >>$out/life.log 2>>$out/logins.log" \
		"$dist" /dev/null "$out/sources/"* >"$out/root.log" 2>&1 || echo "not ok - a root of $dist: $(tail -n 5 "$out/root.log" | tr '\n' ' ')"
	cat "$out/life.log"
}

from_source() {
	local tarball
	tarball=$(make -s --no-print-directory dist)
	# shellcheck disable=SC2016 # mmdebstrap's $1
	mmdebstrap --quiet --variant=minbase --format=null --include=make \
		--aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
		--customize-hook="mkdir \"\$1/src\" && tar -C \"\$1/src\" --strip-components=1 -xf $tarball" \
		--customize-hook="chroot \"\$1\" sh -c 'cd /src && tests/deb/source.sh' >$out/source.log 2>&1" \
		"$dist" /dev/null "$out/sources/"* >"$out/root.log" 2>&1 || echo "not ok - a root of $dist: $(tail -n 5 "$out/root.log" | tr '\n' ' ')"
	cat "$out/source.log"
}

# With what both releases have.
from_12_to_13() {
	# shellcheck disable=SC2016 # mmdebstrap's $1
	mmdebstrap --quiet --variant=apt --format=null --include=passwd,login,procps,libpam-systemd \
		--aptopt='Acquire::Languages "none"' --dpkgopt=force-unsafe-io \
		--customize-hook='mkdir -p "$1/deb/12" "$1/deb/13"' \
		--customize-hook="cp build/deb/bookworm/nsshell_*.deb \"\$1/deb/12/\"; cp build/deb/trixie/nsshell_*.deb \"\$1/deb/13/\"; cp tests/deb/release.sh \"\$1/deb/\"" \
		--customize-hook="NETWORK=host tests/deb/enter.sh \"\$1\" bash /deb/release.sh >$out/release.log 2>&1" \
		bookworm /dev/null build/deb/bookworm/sources/* >"$out/root.log" 2>&1 || echo "not ok - a root of bookworm: $(tail -n 5 "$out/root.log" | tr '\n' ' ')"
	cat "$out/release.log"
}

for dist; do
	out=$PWD/build/deb/$dist
	if [ "${DEB_BUILT:-}" ] || make --no-print-directory deb DIST="$dist" >build/deb.log 2>&1; then
		passed=$((passed + 1))
		echo "ok - [$dist] make deb, and lintian has nothing to say against it"
	else
		failed=$((failed + 1))
		echo "not ok - [$dist] make deb"
		tail -n 40 build/deb.log | sed 's/^/# /'
		continue
	fi
	commit=$(cat build/.commit)
	newer
	count < <(life)
	count < <(from_source)
	[ "$dist" != bookworm ] || count < <(python3 tests/deb/machine.py "$out"/nsshell_*.deb "$out"/new/nsshell_*.deb 2>&1)
done
if [[ " $* " == *" bookworm "* && " $* " == *" trixie "* ]]; then
	out=$PWD/build/deb/trixie dist="12 to 13"
	count < <(from_12_to_13)
fi
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
