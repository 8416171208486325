# shellcheck shell=sh disable=SC3028,SC3067
# For Record=yes of nsshell.conf(5) without nsshell(1) as everybody's login shell: copy it to
# /etc/profile.d/nsshell.sh. bash, dash and ksh read it at login, and zsh where its zprofile does.
# Only in a box with Record=yes it does something: the login goes on behind a terminal that root
# can look at, as the same shell. Commands, scripts and sftp don't come here.

case $- in
*i*)
	if [ -O /run/nsshell/terminals ] && [ -d /run/nsshell/terminals ] &&
		[ -z "$NSSHELL_TERMINAL$BASH_EXECUTION_STRING" ] && [ -t 0 ] && [ -t 1 ] &&
		[ -x /usr/local/bin/nsshell ]; then
		exec /usr/local/bin/nsshell -l
	fi
	;;
esac
