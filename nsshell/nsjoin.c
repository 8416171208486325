/* SPDX-License-Identifier: BSD-3-Clause */
/* nsjoin(8): step into a running session. */
#include "nsshell/nsjoin.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

/* How long a session that killed its processes may take to end. */
#define ENDED_MS 100

#ifndef VERSION
#define VERSION "unknown"
#endif

/* What is missing of 0 to 2 must not become something else. */
static int fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd < 0)
		return -1;
	(void)close(fd);
	return 0;
}

/*
 * Should:   see that the file we run from is the host's root's alone: what happens inside can
 *	     then never write it, whatever it gets hold of (CVE-2019-5736), since no id of a box
 *	     is the host's 0
 * Mustn't:  be seen by a debugger
 */
static int harden(struct err *e)
{
	struct stat st;

	if (fill_stdio() < 0 || sys_close_from(3) < 0)
		return err_set(e, errno, "put stdio in order");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "hide from debuggers");
	if (geteuid() != 0)
		return err_set(e, 0, "only root may step into sessions: try sudo nsjoin");
	if (stat("/proc/self/exe", &st) < 0)
		return err_set(e, errno, "look at the nsjoin that runs");
	if (st.st_uid != 0 || (st.st_mode & 022))
		return err_set(e, 0,
			"refuses to run from a file that others than root can write: chown root "
			"and chmod go-w it");
	return 0;
}

/* With a terminal at both ends the command gets a pty, for its errors too if they go there. */
static void look_at_stdio(const struct nsjoin_options *o, struct nsjoin_request *q)
{
	if (o->no_pty || !isatty(0) || !isatty(1) || pty_ask(0, &q->manner) < 0)
		return;
	q->on_pty = isatty(2) ? 7 : 3;
	q->term = getenv("TERM");
}

static void say_which(const struct nsjoin_joined *j)
{
	if (j->n_sessions < 2)
		return;
	(void)fprintf(stderr, "nsjoin: %s has %zu sessions, this is the newest:\n",
		j->record.user, j->n_sessions);
	for (size_t i = j->n_sessions; i-- > 0;) {
		const struct record *r = &j->sessions[i];
		time_t since = (time_t)r->since;
		char when[32] = "";
		struct tm tm;

		if (localtime_r(&since, &tm))
			(void)strftime(when, sizeof(when), "%F %H:%M", &tm);
		(void)fprintf(stderr, "  --session %s  %s  %s%s%s%s%s\n", r->id, when,
			r->service, r->rhost[0] ? " from " : "", r->rhost,
			r->tty[0] ? " on " : "", r->tty);
	}
}

static unsigned long now_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long)t.tv_sec;
}

static int follow(const struct nsjoin_request *q, const struct nsjoin_options *o,
	struct nsjoin_joined *j)
{
	unsigned long begun = now_seconds();
	struct proxy_end end;
	int status = NSJOIN_FAILED;
	struct err e;

	nsjoin_log_joined(q, &j->record);
	if (!o->quiet)
		say_which(j);
	if (proxy_run(&j->proxy, &end, &e) < 0)
		(void)fprintf(stderr, "nsjoin: %s\n", e.msg);
	else
		status = proxy_exit_status(&end);
	/* Init is gone when all others are reaped, the command being one of them. */
	if (status == 128 + SIGKILL && !o->quiet && find_has_ended(&j->held, ENDED_MS))
		(void)fprintf(stderr, "nsjoin: session %s of %s has ended\n",
			j->record.id, j->record.user);
	nsjoin_log_left(q, &j->record, now_seconds() - begun, status);
	return status;
}

static int run(struct nsjoin_request *q, const struct nsjoin_options *o)
{
	struct nsjoin_joined j;
	struct err e = { 0 };
	int status;

	openlog("nsjoin", LOG_PID, LOG_AUTHPRIV);
	look_at_stdio(o, q);
	nsjoin_who(&q->who);
	status = nsjoin_join(q, &j, &e);
	if (status == 0) {
		status = follow(q, o, &j);
	} else {
		nsjoin_log_failed(q, &e);
		(void)fprintf(stderr, "nsjoin: %s\n", e.msg);
	}
	nsjoin_release(&j);
	return status;
}

int main(int argc, char **argv)
{
	struct nsjoin_request q = { .owner = (uid_t)-1 };
	struct nsjoin_options o = { 0 };
	struct err e = { 0 };
	int status = NSJOIN_FAILED;

	if (nsjoin_parse(argc, argv, &q, &o, &e) == 0 && o.help) {
		nsjoin_usage();
		status = fflush(stdout) == 0 ? 0 : NSJOIN_FAILED;
	} else if (!e.msg[0] && o.version) {
		(void)puts("nsjoin (nsshell) " VERSION);
		status = fflush(stdout) == 0 ? 0 : NSJOIN_FAILED;
	} else if (e.msg[0] || harden(&e) < 0) {
		(void)fprintf(stderr, "nsjoin: %s\n", e.msg);
	} else {
		status = run(&q, &o);
	}
	strlist_clear(&q.env);
	return status;
}
