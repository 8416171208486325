#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# inside.sh COMMIT: in a root of a release, with the package and a newer one in /deb/old and /deb/new: its life.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
commit=$1
cd /deb || exit 1
ok() { # WHAT COMMAND...
	if "${@:2}" >/deb/out 2>&1; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n' "$1"
		tail -n 25 /deb/out | sed 's/^/# /'
	fi
}
version() { dpkg-query -Wf '${db:Status-Status} ${Version}' nsshell; }
is_at() { [ "$(version)" = "installed $1" ]; }
has() { [ -e "$1" ] || { echo "$1 isn't there" && false; }; }
files_are_there() {
	local f
	for f in /usr/sbin/{nsctl,nsjoin} /usr/bin/{nsshell,nsctl,nsjoin} /usr/libexec/nsshell/nsshell-{helper,door,scope,command,net,session,image} \
		/usr/libexec/nsshell/*/nsshell-{planner,supervisor,worker,init} \
		/usr/lib/*/security/pam_nsshell.so /usr/share/man/man{8/nsctl.8,5/nsshell.conf.5,5/nsshell-commands.5,7/nsshell.7,1/nsshell.1}.gz \
		/usr/lib/systemd/system/lxcfs.service.d/nsshell.conf /usr/share/bash-completion/completions/{nsctl,nsjoin} \
		/usr/share/nsshell/{userdel_nsshell.sh,pam_profile.sh,pam_login} /usr/share/nsshell/commands/{passwd,crontab}.conf /usr/share/pam-configs/nsshell{,-elogind} /etc/nsshell/nsshell.conf /etc/nsshell/nsshell.conf.d \
		/etc/logrotate.d/nsshell; do has "$f" || return; done
	[ "$(stat -Lc %a:%U /usr/libexec/nsshell/nsshell-door)" = 4755:root ] || return
	for f in planner init; do [ "$(stat -Lc %a:%U /usr/libexec/nsshell/*/nsshell-$f)" = 711:root ] || return; done
	# What users and systemd read; the programs know that others install there.
	! dpkg -L nsshell | grep -E '^/(etc|usr/share|usr/lib/systemd)/' | while read -r f; do [ ! -f "$f" ] || echo "$f"; done | xargs zgrep -l /usr/local/
}
libraries_are_there() { ! ldd /usr/libexec/nsshell/nsshell-* /usr/libexec/nsshell/*/nsshell-* /usr/sbin/ns* /usr/lib/*/security/pam_nsshell.so | grep 'not found'; }
is_conffile() { dpkg-query -Wf '${Conffiles}' nsshell | grep "^ $1 "; }
state_is_root_s() { [ "$(stat -c %a:%U /var/lib/nsshell)" = 700:root ] && getent group nsshell-exempt; }
pam_is_untouched() { ! grep -l 'pam_nsshell\.so' /etc/pam.d/*; }
tells_version() { nsctl -V && [ "$(nsctl -V)" = "nsctl (nsshell) $1, commit $commit" ]; }
check_runs() { nsctl check | grep -E '^[0-9]+ errors?, '; }
tells_of_the_config() {
	printf '[Default]\nFutureKey=1\n' >/etc/nsshell/nsshell.conf.d/future.conf
	dpkg --force-confold -i ./old/nsshell_*.deb >config 2>&1
	rm /etc/nsshell/nsshell.conf.d/future.conf
	cat config
	grep -q '^nsshell: error: /etc/nsshell/nsshell.conf.d/future.conf:2: .*FutureKey: no such key' config
}
# But for the package's own.
are_as_before() { diff -r -x nsshell-login before /etc/pam.d && [ ! -e /etc/pam.d/nsshell-login ]; }
refused() { # WHY: what dpkg's output has to say
	if dpkg -r nsshell >refusal 2>&1; then echo "it was removed" && return 1; fi
	cat refusal
	grep -q "not removed: .*$1" refusal && grep -q installed <<<"$(version)"
}
is_gone() { ! compgen -G "/usr/*/nsctl" && ! compgen -G "/usr/lib/*/security/pam_nsshell.so" && ! has /usr/libexec/nsshell; }

apt-get update -qq
ok "apt installs it, with what it depends on" apt-get install -qq -y --no-install-recommends ./old/nsshell_*.deb
old=$(dpkg-deb -f old/nsshell_*.deb Version) new=$(dpkg-deb -f new/nsshell_*.deb Version)
ok "its version is $old" is_at "$old"
ok "every file is where it belongs, and none speaks of /usr/local" files_are_there
ok "no library is missing" libraries_are_there
ok "nsshell.conf is a conffile" is_conffile /etc/nsshell/nsshell.conf
ok "so is what logrotate does with the events" is_conffile /etc/logrotate.d/nsshell
ok "its state is root's alone, and the group nsshell-exempt is there" state_is_root_s
ok "no PAM service was touched" pam_is_untouched
ok "nsctl -V tells version and commit" tells_version "$old"
ok "nsctl check runs" check_runs

# An admin's edit, a service enabled, and what somebody wrote with Upper=disk.
echo '# mine' >>/etc/nsshell/nsshell.conf
cp -a /etc/pam.d before
ok "nsctl enable su" nsctl enable --yes --force su
install -d -m 0700 /var/lib/nsshell/upper/1000/upper
echo thesis >/var/lib/nsshell/upper/1000/upper/thesis
cp -a /etc/pam.d enabled
ok "an upgrade" apt-get install -qq -y -o Dpkg::Options::=--force-confold ./new/nsshell_*.deb
ok "its version is $new" is_at "$new"
ok "nsshell.conf keeps the admin's line" grep -qx '# mine' /etc/nsshell/nsshell.conf
ok "it left PAM's files alone" diff -r enabled /etc/pam.d
ok "an older one again" apt-get install -qq -y --allow-downgrades -o Dpkg::Options::=--force-confold ./old/nsshell_*.deb
ok "it left PAM's files alone, too" diff -r enabled /etc/pam.d
ok "a key of the config that it doesn't know is told of at once" tells_of_the_config

echo 'session optional pam_nsshell.so' >>/etc/pam.d/login
ok "removing it is refused while an admin's own line needs it" refused 'lines with pam_nsshell.so .*/etc/pam.d/login'
ok "and su is still enabled" grep -q pam_nsshell /etc/pam.d/su
cp before/login /etc/pam.d/login
cp /etc/pam.d/su /etc/pam.d/su.dpkg-dist
useradd -M -s /usr/bin/nsshell nobodys
ok "and while it is somebody's login shell" refused 'login shell of nobodys'
userdel nobodys
ok "then it is removed" dpkg -r nsshell
rm -f /etc/pam.d/su.dpkg-dist
ok "PAM's files are as they were before" are_as_before
ok "nothing to run is left" is_gone
ok "the config is" grep -qx '# mine' /etc/nsshell/nsshell.conf
purge_tells() { dpkg -P nsshell >purge 2>&1; cat purge; grep -q "$1" purge && grep -q 'rm -rf --one-file-system /var/lib/nsshell' purge; }
ok "a purge says what it leaves, and how that goes" purge_tells 'left, .*: /var/lib/nsshell/upper '
ok "what somebody wrote is still there" grep -q thesis /var/lib/nsshell/upper/1000/upper/thesis
ok "the config isn't" test ! -e /etc/nsshell -a ! -e /etc/logrotate.d/nsshell
rm -rf /var/lib/nsshell
apt-get install -qq -y ./old/nsshell_*.deb >/dev/null 2>&1
install -d /var/lib/nsshell/images && touch /var/lib/nsshell/images/index.json /var/lib/nsshell/ranges
ok "a purge where there are images, too" purge_tells 'left, .*: /var/lib/nsshell/images '
ok "they are still there, and whose ids they have" test -e /var/lib/nsshell/images/index.json -a -e /var/lib/nsshell/ranges
rm -rf /var/lib/nsshell
apt-get install -qq -y ./old/nsshell_*.deb >/dev/null 2>&1
mkdir -p /run/nsshell/sessions && : >/run/nsshell/sessions/abcdefghijkl
ok "a purge with a session that may be open" dpkg -P nsshell
ok "leaves its record" test -e /run/nsshell/sessions/abcdefghijkl
rm -rf /run/nsshell
apt-get install -qq -y ./old/nsshell_*.deb >/dev/null 2>&1
touch /var/lib/nsshell/ranges /var/lib/nsshell/addresses
install -d /var/log/nsshell && touch /var/log/nsshell/events /var/log/nsshell/events.1 /var/log/nsshell/events.2.gz
ok "a removal" dpkg -r nsshell
ok "leaves the events" test -e /var/log/nsshell/events -a -e /var/log/nsshell/events.2.gz
ok "a purge where nobody wrote anything" dpkg -P nsshell
ok "leaves nothing" test ! -e /var/lib/nsshell -a ! -e /run/nsshell -a ! -e /var/log/nsshell

# ---- the gate as a profile of pam-auth-update, and what other packages do to PAM's services --------------------------

pam_service() { # VERSION: a package whose conffile is a service
	mkdir -p "cron-$1/DEBIAN" "cron-$1/etc/pam.d"
	printf 'Package: nst-cron\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\nDescription: a service\n' "$1" >"cron-$1/DEBIAN/control"
	echo /etc/pam.d/cron >"cron-$1/DEBIAN/conffiles"
	printf '# %s\n@include common-session-noninteractive\n' "$1" >"cron-$1/etc/pam.d/cron"
	dpkg-deb --root-owner-group -b "cron-$1" "cron-$1.deb" >/dev/null
}
gate_is_on() {
	grep pam_ /etc/pam.d/common-session
	grep -A1 'pam_nsshell\.so gate *$' /etc/pam.d/common-session | tail -n 1 | grep -q 'pam_systemd\.so'
}
is_content() { nsctl check --brief | grep -v '^note: ' || return 0 && return 1; }
tmpdir_is_in() { # and nobody speaks of local modifications
	apt-get install -qq -y --no-install-recommends libpam-tmpdir >tmpdir 2>&1
	cat tmpdir
	! grep -q 'Local modifications' tmpdir && grep -q pam_tmpdir /etc/pam.d/common-session && gate_is_on
}
maintainers() { # VERSION OPTION: what dpkg and its triggers say
	pam_service "$1" && dpkg -i "$2" "cron-$1.deb" >trigger 2>&1
	cat trigger
	grep -q '^nsshell: warning: /etc/pam.d/cron: who comes in through cron has no box; to do: ' trigger
}
own_is_kept() { ! maintainers "$@" && grep -q 'pam_nsshell' /etc/pam.d/cron; }

rm -rf before enabled
apt-get install -qq -y --no-install-recommends libpam-systemd >/dev/null 2>&1
cp -a /etc/pam.d before
ok "with libpam-systemd it is installed" apt-get install -qq -y --no-install-recommends ./old/nsshell_*.deb
ok "its gate is above pam_systemd" gate_is_on
if grep -qs background-light /usr/lib/systemd/systemd-logind; then
	ok "systemd-logind lists who is isolated, where it does no more" grep -q '^-session.*class=background-light$' /etc/pam.d/nsshell-login
fi
pam_service 1 && dpkg -i cron-1.deb >/dev/null 2>&1
useradd -m alice && useradd -m admin && usermod -aG nsshell-exempt admin
printf '[User alice]\nIsolate=yes\n' >/etc/nsshell/nsshell.conf.d/test.conf
ok "nsctl enable" nsctl enable --yes
ok "nsctl check has no warning then" is_content
ok "a package's profile comes in beside it" tmpdir_is_in
ok "nsctl check has none now, either" is_content
ok "the maintainer's version of a service is told of at once" maintainers 2 --force-confnew
ok "nsctl enable once more" nsctl enable --yes
ok "nothing is said where the own version is kept" own_is_kept 3 --force-confold
cp -a /etc/pam.d enabled
ok "an upgrade with the profile on" apt-get install -qq -y ./new/nsshell_*.deb
ok "left PAM's files alone" diff -r enabled /etc/pam.d
ok "removing it takes the profile away" dpkg -r nsshell
apt-get purge -qq -y libpam-tmpdir >/dev/null 2>&1
ok "PAM's files are as they were before the profile" diff -r -x 'cron*' -x '*.pam-old' before /etc/pam.d
