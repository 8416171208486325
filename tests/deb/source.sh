#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# source.sh: in a root of a release with nothing but make in it, in the unpacked source: the one command of the README.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
ok() { # WHAT COMMAND...
	if "${@:2}" >/tmp/out 2>&1; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n' "$1"
		tail -n 25 /tmp/out | sed 's/^/# /'
	fi
}
compiles() { command -v cc || command -v gcc || command -v pkg-config; }
only_tells() { make -n deps install && ! compiles; }
lists_are_there() {
	local list
	make -s --no-print-directory print-deps >/tmp/lists
	[ "$(wc -l </tmp/lists)" -eq 5 ] || return
	while read -r list; do
		# shellcheck disable=SC2086 # words
		apt-get install --simulate -qq --no-install-recommends $list >/tmp/list || { cat /tmp/list && return 1; }
	done </tmp/lists
	apt-get build-dep --simulate -qq ./ >/tmp/list || { cat /tmp/list && return 1; }
}
installs() { make deps install && ! grep warning: /tmp/out; }
files_are_there() {
	local f
	for f in /usr/local/sbin/{nsctl,nsjoin} /usr/local/bin/nsshell /usr/local/libexec/nsshell/nsshell-{helper,planner,supervisor,worker,init,door,scope,net,image,session,command} \
		/etc/nsshell/nsshell.conf; do [ -e "$f" ] || { echo "$f isn't there" && return 1; }; done
}
is_beside_pam_s() {
	find / -xdev -path "$PWD" -prune -o -name pam_nsshell.so -print >/tmp/found
	cat /tmp/found
	[ "$(cat /tmp/found)" -ef "$(dirname /usr/lib/*/security/pam_unix.so)/pam_nsshell.so" ]
}
module_is_found() { command -v nsctl && ! nsctl check | grep -A 2 'pam_nsshell.so: '; }
builds_nothing() { make deps install >/tmp/again && ! grep -E '^(CC|LD|AR|installing)' /tmp/again; }
is_gone() { ! find / -xdev -path "$PWD" -prune -o -path /proc -prune -o \( -name '*nsshell*' -o -name 'nsctl*' -o -name 'nsjoin*' \) \
	! -path '/etc/nsshell*' -print | grep .; }

ok "a root with make, and without a compiler and pkg-config" eval '! compiles'
ok "make -n deps install says what it would do, and does nothing" only_tells
ok "every list of packages in the Makefile and debian/control is of this release" lists_are_there
ok "make deps install, without a warning of the compiler" installs
ok "every program is there" files_are_there
ok "the module is where PAM looks for it, and nowhere else" is_beside_pam_s
ok "nsctl check finds it" module_is_found
ok "again: nothing is built or fetched anew" builds_nothing
ok "make uninstall, with the compiler gone" make CC=/nowhere PKG_CONFIG=/nowhere uninstall
ok "leaves nothing but the config" is_gone
