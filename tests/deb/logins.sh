#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# logins.sh: in a root of a release (enter.sh) or on a machine, with the package: its autopkgtest; and what the host's own
# programs tell of isolated logins.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
uid=59234 dir=$(mktemp -d)
ok() { # WHAT COMMAND...
	if "${@:2}" >"$dir/out" 2>&1; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n' "$1"
		tail -n 25 "$dir/out" | sed 's/^/# /'
	fi
}
booted() { [ -d /run/systemd/system ]; }
end() {
	nsctl stop lina
	nsctl disable --yes --all
	booted || kill "$(cat /run/sshd.pid)"
	userdel -r lina
	userdel -r otto
	rm -f /etc/nsshell/nsshell.conf.d/logins.conf
	rm -rf "$dir"
}
trap 'end >/dev/null 2>&1' EXIT
log_in() { ssh -qn -i "$dir/id" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "$@"; }
until_it() { # CONDITION...: for a minute
	local i
	for ((i = 0; i < 300; i++)); do
		"$@" && return
		sleep 0.2
	done
	return 1
}
is_over() { [ -z "$(nsctl list --raw --noheadings)" ]; }
is_inside() { [ "$(su lina -c 'readlink /proc/self/ns/pid')" != "$(readlink /proc/self/ns/pid)" ]; }
lines() { last | grep -v '^wtmp\|^$' >"$dir/last" || true; cat "$dir/last"; }
of() { grep -c "^$1 " "$dir/last"; }
terminal_is_noted() {
	log_in -tt "$1@localhost" 'tty; sleep 1; true' >/dev/null && until_it is_over && lines
	[ "$(of "$1")" -eq "$2" ] && grep "^$1 " "$dir/last" | head -n 1 | grep 'pts/' | grep -v 'still'
}
no_terminal_isnt() { log_in lina@localhost true && until_it is_over && lines && [ "$(of lina)" -eq "$1" ]; }
su_isnt_in() { su lina -c true && until_it is_over && lines && [ "$(of lina)" -eq "$1" ] && ! grep "^lina .*still" "$dir/last"; }
sees_nobody_else() { log_in -tt lina@localhost 'last 2>&1; true' >"$dir/inside" && cat "$dir/inside" && ! grep '^otto ' "$dir/inside"; }
lastlog_has_it() { lastlog2 --user lina && lastlog2 --user lina | grep lina | grep -v Never; }
# Where who(1) asks logind, which has no isolated login, nsctl list has it.
is_seen() { # WHO
	if who | tee -a /dev/stderr | grep -q "^$1 "; then return; fi
	[ "$1" = lina ] && [ -e /usr/share/pam-configs/wtmpdb ] && nsctl list --raw --noheadings -o user | grep -x lina
}
who_has_it() { # WHO
	local r
	log_in -tt "$1@localhost" "exec sleep 60" >/dev/null 2>&1 &
	until_it is_seen "$1"
	r=$?
	kill $!
	until_it is_over && return $r
}

[ -e /etc/hosts ] || echo 127.0.0.1 localhost >/etc/hosts
# In a root no init runs, which its "systemctl start ssh" would need.
booted || /usr/sbin/sshd
booted || install -m 0755 /dev/stdin /usr/local/bin/systemctl <<<'#!/bin/true'
bash /deb/login | sed -n '/^\(not \)\?ok - /p' | sed 's/ok - /ok - autopkgtest: /'
rm -f /usr/local/bin/systemctl

ssh-keygen -q -t ed25519 -N '' -f "$dir/id"
for name in lina otto; do
	useradd -m -s /bin/bash -u $uid $name && uid=$((uid + 1))
	install -d -m 0700 -o $name -g $name /home/$name/.ssh
	install -m 0600 -o $name -g $name "$dir/id.pub" /home/$name/.ssh/authorized_keys
done
printf '[User lina]\nIsolate=yes\n' >/etc/nsshell/nsshell.conf.d/logins.conf
ok "nsctl enable" nsctl enable --yes
ok "su lands inside" is_inside
until_it is_over
if [ -e /usr/share/pam-configs/wtmpdb ]; then
	ok "a login of somebody who isn't isolated is in last(1)" terminal_is_noted otto 1
	ok "su isn't, while it is isolated" su_isnt_in 0
	ok "a terminal over ssh in a box is, with its end" terminal_is_noted lina 1
	ok "a second one, too" terminal_is_noted lina 2
	ok "a command without a terminal isn't" no_terminal_isnt 2
	ok "lastlog2(8) has it" lastlog_has_it
	ok "last(1) in a box tells of nobody else" sees_nobody_else
fi
if booted; then
	ok "who(1) has somebody who isn't isolated" who_has_it otto
	ok "who(1), or nsctl list where logind is asked, has who is" who_has_it lina
fi
