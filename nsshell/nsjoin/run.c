/* SPDX-License-Identifier: BSD-3-Clause */
/* Joining, and standing between the caller's stdio and the command until it ends. */
#include "nsshell/nsjoin/nsjoin.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/run/session/join_log.h"
#include "core/run/terminal/observe.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

/* How long a session that killed its processes may take to end. */
#define ENDED_MS 100

/* With a terminal at both ends the command gets a pty, for its errors too if they go there. */
int nsjoin_look_at_stdio(
	const struct nsjoin_options *o, struct nsjoin_request *q, struct err *e)
{
	int is[3];

	for (int fd = 0; fd < 3; fd++) {
		is[fd] = o->no_pty ? 0 : pty_is_terminal(fd);
		if (is[fd] < 0)
			return err_set(e, errno, "look at the terminal");
	}
	if (!is[0] || !is[1])
		q->term = NULL;
	else if (pty_ask(0, &q->manner) < 0)
		return err_set(e, errno, "ask the terminal");
	else
		q->on_pty = is[2] ? 7 : 3;
	return 0;
}

void nsjoin_say_which(const struct record *sessions, size_t n)
{
	if (n < 2)
		return;
	(void)fprintf(stderr, "nsjoin: %s has %zu sessions, this is the newest:\n",
		sessions[n - 1].user, n);
	for (size_t i = n; i-- > 0;) {
		const struct record *r = &sessions[i];
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

static int follow(const struct nsjoin_request *q, const struct nsjoin_options *o,
	struct nsjoin_joined *j)
{
	uint64_t begun = clock_ms();
	struct proxy_end end;
	int status = NSJOIN_FAILED;
	struct err e;

	if (!o->quiet)
		nsjoin_say_which(j->sessions, j->n_sessions);
	if (!o->quiet && j->n_terminals > 1)
		(void)fprintf(stderr,
			"nsjoin: session %s shows %zu terminals, this is the newest, /dev/pts/%u\n",
			j->record.id, j->n_terminals, j->terminal);
	if ((q->observe ? observe_follow(j->observed, &e)
			: proxy_run(&j->proxy, &end, &e)) < 0)
		(void)fprintf(stderr, "nsjoin: %s\n", e.msg);
	else
		status = q->observe ? 0 : proxy_exit_status(&end);
	/* Init is gone when all others are reaped, the command being one of them. */
	if (status == 128 + SIGKILL && !o->quiet && find_has_ended(&j->held, ENDED_MS))
		(void)fprintf(stderr, "nsjoin: session %s of %s has ended\n",
			j->record.id, j->record.user);
	join_log_left(&q->who, &j->record, (unsigned long)((clock_ms() - begun) / 1000),
		status);
	return status;
}

static void log_joined(const struct nsjoin_request *q, const struct record *r)
{
	if (q->observe)
		join_log_observes(&q->who, r);
	else
		join_log_joined(&q->who, r,
			q->root ? "root of the box"
			: q->as ? q->as
				: r->user,
			q->command);
}

int nsjoin_run(struct nsjoin_request *q, const struct nsjoin_options *o)
{
	struct nsjoin_joined j;
	struct err e = { 0 };
	int status;

	openlog("nsjoin", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
	if (nsjoin_look_at_stdio(o, q, &e) < 0) {
		(void)fprintf(stderr, "nsjoin: %s\n", e.msg);
		return NSJOIN_FAILED;
	}
	status = nsjoin_join(q, &j, &e);
	if (status == 0) {
		log_joined(q, &j.record);
		status = follow(q, o, &j);
	} else {
		join_log_failed(&q->who, q->target, q->command, &e);
		(void)fprintf(stderr, "nsjoin: %s\n", e.msg);
	}
	nsjoin_release(&j);
	return status;
}
