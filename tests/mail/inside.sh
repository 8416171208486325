#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# inside.sh SERVER: in a root with that mail server, nsshell and namespaces of its own: mail that an isolated account sends
# from its box is delivered.
set -u
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
server=$1
ok() { # WHAT COMMAND...
	if "${@:2}" >/tmp/out 2>&1; then
		echo "ok - $1"
	else
		printf 'not ok - %s\n' "$1"
		tail -n 25 /tmp/out | sed 's/^/# /'
	fi
}
# Where nullmailer takes it: a server that keeps what it gets.
sink() {
	cat >/root/sink.pl <<-'P'
		use IO::Socket::INET;
		$SIG{CHLD} = 'IGNORE';
		my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1:2525', Listen => 9, ReuseAddr => 1) or die;
		while (my $c = $s->accept) {
			next if fork;
			my $data = 0;
			print $c "220 sink\r\n";
			while (<$c>) {
				s/\r?\n//;
				open F, '>>', '/var/mail/sink'; print F "$_\n"; close F;
				if ($data) { if ($_ eq '.') { $data = 0; print $c "250 ok\r\n" } next }
				if (/^DATA/i) { $data = 1; print $c "354 go\r\n" }
				elsif (/^QUIT/i) { print $c "221 bye\r\n"; exit }
				else { print $c "250 sink\r\n" }
			}
			exit;
		}
	P
	perl /root/sink.pl &
}
serve() {
	case $server in
	nullmailer)
		sink
		echo '127.0.0.1 smtp --port=2525' >/etc/nullmailer/remotes
		rm -f /etc/nullmailer/me
		/etc/init.d/nullmailer start ;;
	postfix) newaliases && postfix start ;;
	esac >/tmp/serve 2>&1
}
# What is in no mailbox yet may still be on its way.
arrives() { # SUBJECT
	for _ in $(seq 100); do
		cat /var/mail/* 2>/dev/null | grep -q "^Subject: $1\$" && return
		sleep .1
	done
	echo "no mail with the subject $1"
	cat /var/mail/* /var/log/exim4/* 2>/dev/null | tail -n 20
	return 1
}
as_alice() { runuser -u alice -- sh -c "cd; $1"; }
is_inside() { as_alice "grep -q 'NoNewPrivs:.*1' /proc/self/status && test ! -e /root"; }
sends() { # SUBJECT COMMAND
	as_alice "$2" && arrives "$1"
}
refuses() { # ARGUMENTS
	! as_alice "echo x | timeout 20 /usr/sbin/sendmail $1"
}
runs_nothing() { # and the next mail, which is behind them, arrives
	as_alice "for to in '|/usr/bin/touch /tmp/nst-ran' '\"|/usr/bin/touch /tmp/nst-ran\"' /tmp/nst-ran :include:/etc/hostname; do
		echo x | timeout 20 /usr/sbin/sendmail -i -- \"\$to\"; done; true"
	sends nine "printf 'Subject: nine\n\nbody\n' | /usr/sbin/sendmail -i alice" && ! ls -l /tmp/nst-ran
}
from_alice() { cat /var/mail/* | grep -q '^\(From alice@\|Return-path: <alice@\|MAIL FROM:<alice@\)'; }
tells() { grep "$1" /run/log-of-test; }

install -m 666 /dev/null /run/log-of-test
perl -e 'use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0); unlink "/dev/log"; bind(S, sockaddr_un("/dev/log")) or die; chmod 0666, "/dev/log";
	open F, ">>", "/run/log-of-test"; F->autoflush(1); while (defined recv(S, my $m, 65536, 0)) { print F "$m\n" }' &
until [ -S /dev/log ]; do sleep .1; done
hostname mailhost
echo mailhost >/etc/mailname
serve
useradd -m -s /bin/sh alice
mkdir -p /etc/nsshell/nsshell.conf.d
printf '[User alice]\nIsolate=yes\nHostCommands=passwd crontab sendmail mailq\n' >/etc/nsshell/nsshell.conf.d/test.conf
ok "nsctl enable" nsctl enable --yes --force runuser cron
ok "the plan has sendmail" sh -c 'nsctl plan alice | grep "^  sendmail *'"$(readlink -f /usr/sbin/sendmail | sed 's,exim4$,sendmail,')"'"'
ok "alice is in a box" is_inside
ok "nsctl check notes that a .forward could run programs outside" eval 'nsctl check | grep "HostCommands=sendmail: mail that alice sends"'
ok "sendmail with a recipient" sends one "printf 'Subject: one\n\nbody\n' | /usr/sbin/sendmail -i alice"
ok "it is from her" from_alice
ok "sendmail -t" sends two "printf 'To: alice\nSubject: two\n\nbody\n' | /usr/sbin/sendmail -t -oi -oem"
ok "sendmail -f, as git send-email has it" sends three "printf 'Subject: three\n\nbody\n' | /usr/sbin/sendmail -i -f alice@mailhost alice"
ok "by its other name, /usr/lib/sendmail" sends four "printf 'Subject: four\n\nbody\n' | /usr/lib/sendmail -oem -oi -- alice"
ok "mail(1)" sends five "echo body | mail -s five alice"
ok "with the tightest limits and umask of a login" sends six "umask 077; ulimit -n 32; printf 'Subject: six\n\nbody\n' | /usr/sbin/sendmail -i alice"
ok "one of 1 MB" sends seven "(printf 'Subject: seven\n\n'; head -c 750000 /dev/zero | base64) | /usr/sbin/sendmail -i alice"
ok "a variable of hers says nothing of whom it is from" sends eight \
	"printf 'Subject: eight\n\nbody\n' | MAILUSER=root USER=root LOGNAME=root NULLMAILER_USER=root MAIL_CONFIG=/tmp /usr/sbin/sendmail -i alice"
ok "a recipient that is a command, a file or a list runs, writes and reads nothing" runs_nothing
ok "none is from root" eval '! cat /var/mail/* | grep "^\(From root@\|Return-path: <root@\|MAIL FROM:<root@\)"'
for words in -bs -bp -q "-C /etc/shadow -i alice" "-X /tmp/log -i alice" "-oQ/tmp -i alice" -bd "-be x"; do
	ok "sendmail $words is refused" refuses "$words"
done
ok "the log has each" tells 'alice ran sendmail -i alice on the host, status 0'

# What a job of hers prints is mailed by cron, in her box.
echo "* * * * * echo \"in a box:\" \$(grep -c 'NoNewPrivs:.*1' /proc/self/status)" | crontab -u alice -
cron -f &
cron=$!
mailed() {
	for _ in $(seq 750); do
		cat /var/mail/* 2>/dev/null | grep -q '^in a box: 1$' && return
		sleep .1
	done
	tail -n 10 /run/log-of-test
	return 1
}
ok "cron mails what a job prints" mailed
ok "to her, as cron does" arrives "Cron <alice@mailhost> echo \"in a box:\".*"
kill $cron
ok "nsctl check doesn't speak of mail then" eval '! nsctl check | grep "cron mails"'
printf '[User alice]\nIsolate=yes\n' >/etc/nsshell/nsshell.conf.d/test.conf
ok "without sendmail in HostCommands= it does" eval 'nsctl check | grep "cron mails"'
ok "and no box has it, once it is opened anew" refuses "-i alice"
# shellcheck disable=SC2046 # words
kill $(jobs -p) 2>/dev/null
