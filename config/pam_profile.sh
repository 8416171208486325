#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# pam_profile.sh on [VERSION] | off: Debian's pam-auth-update keeps the gate above pam_systemd in common-session, by the
# profile /usr/share/pam-configs/nsshell. It takes the place of systemd's profile: as two there could be a third between
# them, which the gate would skip in place of pam_systemd. Where there is no pam-auth-update, or the file is managed by
# hand, "nsctl enable" writes the gate. VERSION is what was installed before, if anything was.
# Where pam_elogind is in that place, nsshell-elogind takes that of its profile.
# Likewise above pam_wtmpdb, which opens outside what would be closed inside, by the profile nsshell-wtmpdb: what the host's
# last(1) shows of isolated sessions is noted by the PAM service nsshell-login instead. That also has systemd-logind list
# them, where it knows a class of session that it starts nothing for: Debian 13's wall(1), shutdown(8) and who(1) go by that.
set -e
file=/etc/pam.d/common-session
login=/etc/pam.d/nsshell-login
share=$(dirname "$0")
mark='# nsshell: added by nsctl enable'

# The line of a profile, "session" and a tab before it; options may have been added behind.
profile_has() { grep -q "^session[[:blank:]].*$1" "$file"; }
# One of ours, right above that module.
is_on() { grep -A 1 '^session[[:blank:]].*pam_nsshell\.so gate[[:blank:]]*$' "$file" | grep -q "$1\.so"; }
# One that is known and not selected isn't wanted.
is_known() { [ "$2" ] && grep -qsx "$1" /var/lib/pam/seen; }

# What an admin wrote stays.
is_ours() { [ ! -e "$login" ] || ! grep -qvxFf "$share/pam_login" "$login"; }

write_login() {
	is_ours || return 0
	without='^$'
	is_on pam_wtmpdb || without="$without\|pam_wtmpdb"
	grep -qs background-light /usr/lib/systemd/systemd-logind || without="$without\|pam_systemd"
	grep -v "$without" "$share/pam_login" >"$login.new"
	if grep -q '^-*session' "$login.new"; then
		chmod 0644 "$login.new" && mv "$login.new" "$login"
	else
		rm -f "$login.new" "$login"
	fi
}

on_wtmpdb() {
	if [ ! -e /usr/share/pam-configs/nsshell-wtmpdb ] || ! profile_has 'pam_wtmpdb\.so' || is_on pam_wtmpdb || is_known nsshell-wtmpdb "$1"; then return; fi
	pam-auth-update --package --disable wtmpdb --enable nsshell-wtmpdb
}

on() { # PROFILE MODULE OF-WHICH-PROFILE [VERSION]
	if [ ! -e "/usr/share/pam-configs/$1" ] || ! profile_has "$2\.so"; then return; fi
	if is_on "$2" || is_known "$1" "$4"; then
		pam-auth-update --package
		return
	fi
	services=$(grep -ls "^session.*pam_nsshell\.so $mark" /etc/pam.d/* | sed 's,.*/,,' | grep -v '[.~]' | xargs)
	# With a gate of nsctl's in it, pam-auth-update leaves the file alone.
	sed -i "/pam_nsshell\.so gate.*$mark/d" "$file"
	pam-auth-update --package --disable "$3" --enable "$1"
	# It does so for other changes of the admin's, too.
	# shellcheck disable=SC2086 # words
	is_on "$2" || [ -z "$services" ] || nsctl enable --yes $services >/dev/null || true
}

off() {
	for of in systemd elogind wtmpdb; do
		if is_on "pam_$of"; then set -- "$@" --enable "$of"; fi
	done
	pam-auth-update --package --remove nsshell nsshell-elogind nsshell-wtmpdb "$@"
	! is_ours || rm -f "$login"
}

if ! command -v pam-auth-update >/dev/null || [ ! -e "$file" ]; then exit 0; fi
case ${1:-} in
on)
	on_wtmpdb "${2:-}"
	write_login
	on nsshell pam_systemd systemd "${2:-}"
	on nsshell-elogind pam_elogind elogind "${2:-}"
	;;
off) shift && off ;;
*) echo "usage: pam_profile.sh on [VERSION] | off" >&2 && exit 64 ;;
esac
