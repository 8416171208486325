#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh [i386] [arm64] [musl]: the build for other machines, each in a root of Debian 12 of its own: all programs and
# unit tests by Debian's cross compilers, and by musl-gcc what needs no library but libc (docs/PORTING.md). Nothing of it
# is run. As root. Logs: build/cross. A machine whose packages can't be had is skipped.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
[ $# -gt 0 ] || set -- i386 arm64 musl
out=$PWD/build/cross
passed=0 failed=0 skipped=0
libraries=$(sed -n '/^Build-Depends:/,/^Standards/s/^ *\([a-z0-9.+-]*-dev\).*/\1/p' debian/control)
kernels="linux asm asm-generic"
mkdir -p "$out"

# One suite alone: packages of two machines go together in the same version only, and mirrors get security updates of
# one machine before those of another.
source_line() {
	local uri
	uri=$(sed -n 's/^URIs: *//p; s/^deb .*\(https\?:[^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources \
		/etc/apt/sources.list 2>/dev/null | head -n 1)
	echo "deb ${uri:-http://deb.debian.org/debian} bookworm main"
}

say() { # ok|not ok|skip WHAT
	case $1 in ok) passed=$((passed + 1)) ;; skip) skipped=$((skipped + 1)) ;; *) failed=$((failed + 1)) ;; esac
	echo "$1 - [$machine] $2"
}

# build WHAT FOREIGN PACKAGES COMMAND: COMMAND in /src of a root with the source; what it leaves in /out comes back.
# Return: 1 where there is no such root.
build() {
	local log=$out/$machine.log root=$out/$machine.root.log here
	rm -rf "${out:?}/$machine" && mkdir -p "$out/$machine"
	here=$(dpkg --print-architecture)
	# shellcheck disable=SC2016 # mmdebstrap's $1
	mmdebstrap --quiet --variant=apt --format=null --architectures="$here${2:+,$2}" --include="make,$3" \
		--aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
		--customize-hook='mkdir "$1/src" "$1/out"' \
		--customize-hook="tar -C \"\$1/src\" --strip-components=1 -xf '$tarball'" \
		--customize-hook="touch '$out/$machine/began'" \
		--customize-hook="chroot \"\$1\" sh -c 'cd /src && { $4; } && touch /out/built' >'$log' 2>&1 || true" \
		--customize-hook="sync-out /out '$out/$machine'" \
		bookworm /dev/null "$(source_line)" >"$root" 2>&1
	if [ -e "$out/$machine/built" ]; then
		say ok "$1"
	elif [ -e "$out/$machine/began" ]; then
		say "not ok" "$1"
		grep -E 'error|warning|undefined' "$log" | head -n 20 | sed 's/^/# /'
	else
		say skip "its packages can't be had: $(grep '^E:' "$root" | head -n 1)"
		return 1
	fi
}

cross() { # MACHINE MULTIARCH TRIPLET WHAT-READELF-SAYS
	local packages units name
	packages=$(for name in $libraries; do printf '%s:%s,' "$name" "$1"; done)
	units=$(for name in tests/unit/test_*.c; do printf 'build/unit/%s ' "$(basename "$name" .c)"; done)
	build "all programs and unit tests build, without a warning" "$1" "${packages%,},pkgconf,binutils-$3,gcc-$3" \
		"export PKG_CONFIG_LIBDIR=/usr/lib/$2/pkgconfig:/usr/share/pkgconfig CC=$3-gcc AR=$3-ar
		make -k CI=1 all $units && make CI=1 DESTDIR=/out install" || return
	name=$out/$1/usr/lib/$2/security/pam_nsshell.so
	if readelf -h "$name" 2>&1 | grep -q "Machine: *$4"; then
		say ok "the module is of that machine, and where its PAM looks"
	else
		say "not ok" "the module is of that machine, and where its PAM looks: $(find "$out/$1" -name pam_nsshell.so)"
	fi
}

musl() {
	build "libbase and libplan build" "" musl-tools,gcc,linux-libc-dev "mkdir /kernel && for d in $kernels; do
		ln -s \$(ls -d /usr/include/\$d /usr/include/*/\$d 2>/dev/null | head -n 1) /kernel/\$d; done &&
		CPPFLAGS=\"-idirafter /kernel\" make -k CC=musl-gcc OPT=\"-O2 -Werror=implicit-function-declaration\" build/libbase.a build/libplan.a"
}

command -v mmdebstrap >/dev/null || {
	echo "skip - cross builds: there is no mmdebstrap"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
}
tarball=$(make -s --no-print-directory dist) || exit 1
tarball=$(readlink -f "$tarball")
for machine; do
	case $machine in
	i386) cross i386 i386-linux-gnu i686-linux-gnu 'Intel 80386' ;;
	arm64) cross arm64 aarch64-linux-gnu aarch64-linux-gnu AArch64 ;;
	musl) musl ;;
	*) say "not ok" "there is no such machine here" ;;
	esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
