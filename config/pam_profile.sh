#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# pam_profile.sh on [VERSION] | off: Debian's pam-auth-update keeps the gate above pam_systemd in common-session, by the
# profile /usr/share/pam-configs/nsshell. It takes the place of systemd's profile: as two there could be a third between
# them, which the gate would skip in place of pam_systemd. Where there is no pam-auth-update, or the file is managed by
# hand, "nsctl enable" writes the gate. VERSION is what was installed before, if anything was.
set -e
file=/etc/pam.d/common-session
mark='# nsshell: added by nsctl enable'

# The line of a profile, "session" and a tab before it; options may have been added behind.
profile_has() { grep -q "^session[[:blank:]].*$1" "$file"; }
is_on() { grep '^session[[:blank:]].*pam_nsshell\.so gate' "$file" | grep -qv "$mark"; }

on() {
	profile_has 'pam_systemd\.so' || return 0
	# One that is known and not selected isn't wanted.
	if is_on || { [ "$1" ] && grep -qsx nsshell /var/lib/pam/seen; }; then
		pam-auth-update --package
		return
	fi
	services=$(grep -ls "^session.*pam_nsshell\.so $mark" /etc/pam.d/* | sed 's,.*/,,' | grep -v '[.~]' | xargs)
	# With a gate of nsctl's in it, pam-auth-update leaves the file alone.
	sed -i "/pam_nsshell\.so gate.*$mark/d" "$file"
	pam-auth-update --package --disable systemd --enable nsshell
	# It does so for other changes of the admin's, too.
	# shellcheck disable=SC2086 # words
	is_on || [ -z "$services" ] || nsctl enable --yes $services >/dev/null || true
}

off() {
	if is_on; then set -- --enable systemd; fi
	pam-auth-update --package --remove nsshell "$@"
}

if ! command -v pam-auth-update >/dev/null || [ ! -e "$file" ]; then exit 0; fi
case ${1:-} in
on) on "${2:-}" ;;
off) shift && off ;;
*) echo "usage: pam_profile.sh on [VERSION] | off" >&2 && exit 64 ;;
esac
