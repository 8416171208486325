/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/follow.h"

#include <errno.h>
#include <syslog.h>
#include <time.h>

#define SECOND UINT64_C(1000000)

/* An editor, useradd(8) or dpkg(1) makes several changes in a row. */
#define SETTLE (SECOND / 4)
#define FIRST  SECOND
/* What somebody was just using during a look is seen by the next one. */
#define AGAIN (2 * SECOND)
#define IDLE  (60 * SECOND)
/* From one look to the next, and in times of what the last one took; longer while changes go on. */
#define PAUSE       SECOND
#define PAUSE_MOST  (8 * SECOND)
#define PAUSE_TIMES 100

/* CPU time: on a busy host a look takes no more of it. */
static uint64_t spent_usec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t longer(uint64_t pause)
{
	return pause * 2 < PAUSE_MOST ? pause * 2 : PAUSE_MOST;
}

void follow_begin(struct follow *f, struct session *s, uint64_t now)
{
	*f = (struct follow){ .session = s, .pause = PAUSE };
	if (s->refresh.n > 0 || s->renew.root >= 0)
		f->due = now + FIRST;
}

void follow_hear(struct follow *f, uint64_t now)
{
	if (f->due == 0 || f->heard)
		return;
	f->heard = true;
	f->pause = now < f->free ? longer(f->pause) : PAUSE;
	f->due = later(now + SETTLE, f->free);
}

int follow_timeout(const struct follow *f, uint64_t now)
{
	uint64_t due = f->due;

	if (due == 0)
		return -1;
	if (f->session->renew.sock >= 0 && f->until < due)
		due = f->until;
	return due <= now ? 0 : (int)((due - now) / 1000) + 1;
}

/* Once: what fails now may do so at each look. */
static void tell(struct follow *f, const char *why)
{
	const struct plan *p = f->session->plan;

	if (!f->told)
		syslog(LOG_WARNING, "session %s of %s: " FOLLOW_NOT, p->id, p->user, why);
	f->told = true;
}

void follow_take(struct follow *f)
{
	struct err e;
	int r = renew_hear(&f->session->renew, &e);

	if (r < 0)
		tell(f, e.msg);
	else if (r == 2)
		tell(f, "the process that was to do it died");
}

static void begin_renewal(struct follow *f, uint64_t now)
{
	struct renew *r = &f->session->renew;
	struct err e;

	if (r->root < 0 || r->sock >= 0)
		return;
	if (renew_begin(r, f->session->plan, &e) == 0)
		f->until = now + RENEW_PATIENCE_S * SECOND;
	else if (e.num != EBUSY)
		tell(f, e.msg);
}

static void end_patience(struct follow *f, uint64_t now)
{
	struct renew *r = &f->session->renew;
	struct err e;

	if (f->due == 0 || r->sock < 0 || now < f->until)
		return;
	(void)renew_give_up(r, f->session->plan, &e);
	tell(f, e.msg);
}

void follow_go(struct follow *f, uint64_t now)
{
	struct session *s = f->session;
	uint64_t before = spent_usec(), pause = f->pause;
	struct err e;

	end_patience(f, now);
	if (f->due == 0 || now < f->due)
		return;
	/* In this order: what changes meanwhile is heard. New directories are found once it is calm. */
	renew_watch_again(&s->renew);
	if (f->heard)
		changes_watch_again(&f->changes);
	else
		changes_watch(&f->changes, s->plan, &s->refresh);
	if (refresh_now(&s->refresh, &e) < 0) {
		syslog(LOG_WARNING,
			"session %s of %s won't see what changes on the host: %s",
			s->plan->id, s->plan->user, e.msg);
		follow_end(f);
		return;
	}
	begin_renewal(f, now);
	pause = later(pause, (spent_usec() - before) * PAUSE_TIMES);
	f->free = now + pause;
	f->due = now + later(f->heard ? AGAIN : IDLE, pause);
	f->heard = false;
}

void follow_end(struct follow *f)
{
	changes_close(&f->changes);
	renew_end(&f->session->renew, f->session->plan);
	f->due = 0;
}
