#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh [DIST...]: the Debian package of each release (bookworm): built by `make deb` with lintian, then its life in a
# fresh root of that release (inside.sh), real logins there (logins.sh), upgrades with sessions open (upgrade.sh), and all
# that on a machine (machine.py); on one as Debian's installer makes it, what README.md has typed (readme.py); `make deps
# install` from source in a root with nothing but make (source.sh); of bookworm and trixie, from one to the other
# (release.sh). As root. Logs: build/deb/DIST.
# For who works on these tests, DEB_BUILT=1 takes the packages that are there already, and DEB_PARTS="life source machine
# readme release" some of the parts.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
[ $# -gt 0 ] || set -- bookworm
passed=0 failed=0
wants() { [[ " ${DEB_PARTS:-life source machine readme release} " == *" $1 "* ]]; }

count() { # prints what it reads, and counts it
	local line
	while IFS= read -r line; do
		case $line in "ok - "*) passed=$((passed + 1)) ;; "not ok - "*) failed=$((failed + 1)) ;; "# "*) ;; *) continue ;; esac
		echo "${line/ - / - [$dist] }"
	done
}

# A later version: another nsshell.conf, a key in its records that this one doesn't know, and a helper and a planner that
# don't understand those of before.
newer() {
	local tree=$out/tree old new programs
	mkdir -p "$out/new" && rm -rf "$tree" "$out"/new/*
	dpkg-deb -R "$out"/nsshell_*.deb "$tree"
	old=$(dpkg-deb -f "$out"/nsshell_*.deb Version)
	new=9${old#?} # of the same length
	programs=$tree/usr/libexec/nsshell
	mv "$programs/$old" "$programs/$new"
	sed -i "s,/nsshell/$old/,/nsshell/$new/,g" "$programs/nsshell-helper" "$programs/$new/"* "$tree/usr/sbin/nsctl"
	sed -i "s/people_min/People_min/g; s/home_born/home_Born/g" "$programs/nsshell-helper" "$programs/$new/"*
	sed -i "s/^Version: .*/Version: $new/" "$tree/DEBIAN/control"
	echo '# of the next version' >>"$tree/etc/nsshell/nsshell.conf"
	dpkg-deb --root-owner-group -b "$tree" "$out/new" >/dev/null
	rm -rf "$tree"
}

# The first version that was a package, out of git's history; none where there is no history.
first() {
	local commit work
	commit=$(git log --diff-filter=A --format=%H -- debian/changelog 2>/dev/null | tail -n 1)
	[ "$commit" ] || return
	[ "$(cat "$first/.commit" 2>/dev/null)" != "$commit" ] || return
	work=$(mktemp -d)
	echo "${commit:0:12}" >"$work/.commit"
	git archive --prefix=nsshell-first/ --add-file="$work/.commit" "$commit" | xz -T0 >"$work/nsshell-first.tar.xz"
	# What lintian says of it is no matter by now.
	DEB_BUILD_OPTIONS=nocheck debian/build.sh "$work/nsshell-first.tar.xz" "$first" "$dist" >"$first.log" 2>&1
	rm -rf "$work"
	! compgen -G "$first/nsshell_*.deb" >/dev/null || echo "$commit" >"$first/.commit"
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
		--customize-hook='mkdir -p "$1/deb/old" "$1/deb/new" "$1/deb/first"' \
		--customize-hook="cp $first/nsshell_*.deb \"\$1/deb/first/\" || true" \
		--customize-hook="cp $out/nsshell_*.deb \"\$1/deb/old/\"; cp $out/new/*.deb \"\$1/deb/new/\"; cp tests/deb/inside.sh \"\$1/deb/\"" \
		--customize-hook="chroot \"\$1\" bash /deb/inside.sh $commit >$out/life.log 2>&1" \
		--customize-hook="cp debian/tests/login tests/deb/logins.sh tests/deb/upgrade.sh \"\$1/deb/\"" \
		--customize-hook="chroot \"\$1\" sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(login_packages | xargs) && apt-get install -qq -y /deb/old/nsshell_*.deb' >$out/logins.log 2>&1" \
		--customize-hook="tests/deb/enter.sh \"\$1\" bash /deb/logins.sh >>$out/life.log 2>>$out/logins.log" \
		--customize-hook="tests/deb/enter.sh \"\$1\" bash /deb/upgrade.sh >>$out/life.log 2>>$out/logins.log" \
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
	out=$PWD/build/deb/$dist first=$PWD/build/deb/first-$dist
	if [ "${DEB_BUILT:-}" ] || make --no-print-directory deb DIST="$dist" >build/deb.log 2>&1; then
		passed=$((passed + 1))
		echo "ok - [$dist] make deb, and lintian has nothing to say against it"
	else
		failed=$((failed + 1))
		echo "not ok - [$dist] make deb"
		tail -n 40 build/deb.log | sed 's/^/# /'
		continue
	fi
	commit=$(cat "$out/commit")
	newer
	first
	! wants life || count < <(life)
	! wants source || count < <(from_source)
	case $dist in bookworm) shape=v2 ;; *) shape=$dist ;; esac
	! wants machine ||
		count < <(python3 tests/deb/machine.py "$shape" "$out"/nsshell_*.deb "$out"/new/nsshell_*.deb "$first"/nsshell_*.deb 2>&1)
	! wants readme || count < <(python3 tests/deb/readme.py "$shape" "$out"/nsshell_*.deb "$out"/new/nsshell_*.deb 2>&1)
done
if wants release && [[ " $* " == *" bookworm "* && " $* " == *" trixie "* ]]; then
	out=$PWD/build/deb/trixie dist="12 to 13"
	count < <(from_12_to_13)
fi
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
