#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh [exim4-daemon-light] [postfix] [nullmailer]: mail from a box, with each mail server of Debian in a root and a
# network of its own (enter.sh, inside.sh). What is built here is what is tried, so the host has to be of that release.
# As root. Logs: build/mail. A root that can't be had is skipped.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
[ $# -gt 0 ] || set -- exim4-daemon-light postfix nullmailer
dist=bookworm out=$PWD/build/mail here=$PWD/tests/mail
passed=0 failed=0 skipped=0
libraries=libcgroup2,libcap2,libmount1,libsmartcols1,libseccomp2,libjansson4,libselinux1,libaudit1,libacl1

count() { # prints what it reads, and counts it
	local line
	while IFS= read -r line; do
		case $line in
		"ok - "*) passed=$((passed + 1)) ;;
		"not ok - "*) failed=$((failed + 1)) ;;
		"skip - "*) skipped=$((skipped + 1)) ;;
		"# "*) ;;
		*) continue ;;
		esac
		echo "${line/ - / - [$server] }"
	done
}

source_lines() {
	local uri
	uri=$(sed -n 's/^URIs: *//p; s/^deb .*\(https\?:[^ ]*\).*/\1/p' /etc/apt/sources.list.d/debian.sources \
		/etc/apt/sources.list 2>/dev/null | head -n 1)
	echo "deb ${uri:-http://deb.debian.org/debian} $dist main"
}

try() {
	local log=$out/$server.log
	rm -f "$log" "$out/$server.began"
	# shellcheck disable=SC2016 # mmdebstrap's $1
	mmdebstrap --quiet --variant=apt --format=null \
		--include="$libraries,passwd,login,util-linux,mount,procps,iproute2,cron,bsd-mailx,$server" \
		--aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' --dpkgopt=force-unsafe-io \
		--essential-hook='echo mailhost >"$1/etc/hostname"' \
		--customize-hook="make -s DESTDIR=\"\$1\" install && touch '$out/$server.began'" \
		--customize-hook="cp '$here/inside.sh' \"\$1/root/\"" \
		--customize-hook="timeout 300 '$here/enter.sh' \"\$1\" /bin/bash /root/inside.sh '$server' >'$log' 2>&1 || true" \
		$dist /dev/null "$(source_lines)" >"$out/$server.root.log" 2>&1
	if [ -e "$out/$server.began" ]; then
		cat "$log"
		grep -q '^ok - and no box has it' "$log" || echo "not ok - it ran to its end"
	else
		echo "skip - there is no root to be had: $(grep '^E:' "$out/$server.root.log" | head -n 1)"
	fi
}

mkdir -p "$out"
if ! grep -q "^VERSION_CODENAME=$dist\$" /etc/os-release || ! command -v mmdebstrap >/dev/null; then
	echo "skip - mail from a box: that takes Debian $dist and mmdebstrap"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
make -s CI=1 all || exit 1
for server; do
	count < <(try)
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
