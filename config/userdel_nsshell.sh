#!/bin/sh
# For userdel(8): it runs with the name of the account that goes. In /etc/login.defs:
#	USERDEL_CMD /usr/local/share/nsshell/userdel_nsshell.sh
# Where that names a program of the host's own already, call this from there.
# The account's sessions end, and what it wrote with Upper=disk goes, with its volumes. Debian's deluser(8)
# comes here through userdel.
set -u
[ $# -eq 1 ] || exit 64
/usr/local/sbin/nsctl stop "$1" >/dev/null 2>&1 # it may have none
exec /usr/local/sbin/nsctl gc --account "$1" >/dev/null
