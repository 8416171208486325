#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# release.sh: in a root of Debian 12 (enter.sh, with this machine's network) with its package and that of Debian 13 in
# /deb/12 and /deb/13: from one release to the next as the README has it, with logins all the while.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
host=$(readlink /proc/self/ns/pid) dir=$(mktemp -d)
ok() { # WHAT COMMAND...
	if "${@:2}" >"$dir/out" 2>&1; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n' "$1"
		tail -n 25 "$dir/out" | sed 's/^/# /'
	fi
}
install_package() { apt-get install -qq -y --no-install-recommends "$1"/nsshell_*.deb; }
# By the shell alone, since what it starts may be without a library for a moment.
all_the_while() {
	while [ ! -e "$dir/stop" ]; do
		for name in alice bob; do
			said=$(su $name -s /bin/bash -c 'printf "%s " /home/*' 2>&1)
			echo "$name: $said"
		done
		sleep 0.2
	done >"$dir/logins"
}
upgrade() {
	sed -i 's/bookworm/trixie/g' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null
	apt-get update -qq
	apt-get full-upgrade -qq -y -o Dpkg::Options::=--force-confold
}
is_13() { grep '^13' /etc/debian_version && dpkg-query -Wf '${Version}\n' nsshell | grep 'deb12$'; }
both_land_where_they_did() {
	[ "$(su alice -c 'readlink /proc/self/ns/pid')" != "$host" ] && [ "$(su bob -c 'readlink /proc/self/ns/pid')" = "$host" ]
}
libraries_stay() { apt-get autoremove -qq -y && both_land_where_they_did; }
none_was_refused() { [ "$(wc -l <"$dir/logins")" -gt 20 ] && ! grep 'refused\|cannot open session' "$dir/logins"; }
each_saw_its_own() { ! grep -v '^alice: /home/alice $\|^bob: /home/alice /home/bob $' "$dir/logins"; }

apt-get update -qq
ok "the package of Debian 12" install_package /deb/12
useradd -m -s /bin/bash -u 59238 alice && useradd -m -s /bin/bash -u 59239 bob
printf '[User alice]\nIsolate=yes\n' >/etc/nsshell/nsshell.conf.d/release.conf
ok "nsctl enable" nsctl enable --yes
all_the_while &
ok "a full-upgrade to Debian 13" upgrade
ok "with the package of Debian 12 still there" is_13
ok "it works there" both_land_where_they_did
ok "apt autoremove keeps its libraries" libraries_stay
ok "then the package of Debian 13" install_package /deb/13
ok "works, too" both_land_where_they_did
touch "$dir/stop"
wait
ok "no login was refused all the while" none_was_refused
ok "each landed where it belongs" each_saw_its_own
nsctl stop alice >/dev/null 2>&1
rm -rf "$dir"
