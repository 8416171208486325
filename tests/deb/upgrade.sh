#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# upgrade.sh: in a root of a release (enter.sh) or on a machine, with packages of the first version, of this one and of a
# later one in /deb/first, /deb/old and /deb/new: sessions that are open over an upgrade and a downgrade, and logins all the
# while. What is installed is left to the next test: this version's.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
host=$(readlink /proc/self/ns/pid) dir=$(mktemp -d) name=nsupgrade
ok() { # WHAT COMMAND...
	if "${@:2}" >"$dir/out" 2>&1; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n' "$1"
		tail -n 25 "$dir/out" | sed 's/^/# /'
	fi
}
end() {
	nsctl stop $name
	nsctl disable --yes --all
	userdel -r $name
	rm -rf "$dir" /etc/nsshell/nsshell.conf.d/upgrade.conf
}
trap 'end >/dev/null 2>&1' EXIT
puts() { dpkg --force-confold --force-downgrade -i "/deb/$1"/nsshell_*.deb; }
inside() { su $name -c 'readlink /proc/self/ns/pid'; }
until_it() { # CONDITION...: for a minute
	local i
	for ((i = 0; i < 300; i++)); do
		"$@" && return
		sleep 0.2
	done
	return 1
}
is_over() { ! nsctl list --raw --noheadings -o id,user | grep " $name\$"; }

# A login that stays until it is stopped: $session, and $box, its namespace.
opens() {
	rm -f "$dir/box"
	su $name -c "readlink /proc/self/ns/pid; exec sleep 3600" >"$dir/box" &
	until_it test -s "$dir/box"
	box=$(cat "$dir/box")
	session=$(nsctl list --raw --noheadings -o id,user | sed -n "s/ $name\$//p")
	[ "$box" ] && [ "$box" != "$host" ] && [ "$session" ]
}
is_listed() { nsctl list --raw --noheadings -o id,user,state | tee -a /dev/stderr | grep -qx "$session $name open"; }
is_joined() { [ "$(nsjoin "$session" readlink /proc/self/ns/pid)" = "$box" ]; }
# What a process in there meets, not what the records say.
is_limited() {
	nsctl set $name TasksMax=20 || return
	# shellcheck disable=SC2016 # the inner one's
	nsjoin "$session" sh -c 'i=0; while [ $i -lt 40 ]; do sleep 60 & i=$((i+1)); done' 2>&1 | tee -a /dev/stderr | grep -q 'fork' && return
	nsctl list -o id,user,state,init,tasks,cgroup
	grep -rs . /sys/fs/cgroup/{,pids/}nsshell --include=pids.max --include=pids.current
	return 1
}
shares() { [ "$(inside | tee -a /dev/stderr)" = "$box" ]; }
has_a_box() { inside | tee -a /dev/stderr | grep -v "^$host\$" | grep -q '^pid:'; }
is_stopped() { nsctl stop "$session" && until_it is_over && ! pgrep -u $name; }

goes_over() { # FROM TO SECOND-LOGIN WHAT
	puts "$1" >"$dir/out" 2>&1
	ok "a session of $4" opens
	ok "dpkg puts the other in its place" puts "$2"
	ok "that lists the session" is_listed
	ok "joins it" is_joined
	ok "a second login $3" "$3"
	ok "it is limited" is_limited
	ok "it stops the session" is_stopped
}

# The first package passes over no key of a record that it doesn't know, as all since do.
goes_there_and_back() {
	puts old >"$dir/out" 2>&1
	ok "a session of this one, and the first package" opens
	ok "dpkg puts that in its place" puts first
	ok "a second login isn't refused" has_a_box
	ok "dpkg puts this one in its place again" puts old
	ok "that lists the session" is_listed
	ok "joins it" is_joined
	ok "it is limited" is_limited
	ok "it stops the session" is_stopped
}

# Three at a time, so that there is one at each moment of what dpkg does.
all_the_while() {
	while [ ! -e "$dir/stop" ]; do inside 2>&1; done >"$dir/logins.$1"
}
five_times() {
	local i
	for ((i = 0; i < 5; i++)); do puts new && puts old || return; done
}
none_was_refused() {
	cat "$dir"/logins.* >"$dir/logins"
	wc -l <"$dir/logins"
	[ "$(wc -l <"$dir/logins")" -gt 20 ] && ! grep -v '^pid:' "$dir/logins" && ! grep -F "$host" "$dir/logins"
}

# Of this machine it has the control groups (enter.sh), where another login of this uid would have it other limits.
useradd -m -s /bin/bash -u 59236 $name
puts old >/dev/null 2>&1
printf '[User %s]\nIsolate=yes\nShare=account\n' $name >/etc/nsshell/nsshell.conf.d/upgrade.conf
ok "nsctl enable" nsctl enable --yes su
if compgen -G "/deb/first/*.deb" >/dev/null; then
	goes_over first old has_a_box "the first package, and this one"
	goes_there_and_back
fi
goes_over old new shares "this one, and a later one"
goes_over new old shares "a later one, and this one"
puts old >/dev/null 2>&1
for i in 1 2 3; do all_the_while $i & done
ok "five upgrades and downgrades" five_times
touch "$dir/stop"
wait
ok "no login was refused all the while, or got no box" none_was_refused
