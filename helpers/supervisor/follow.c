/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/follow.h"
#include "core/base/clock.h"
#include "core/base/event.h"

#include <errno.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000)

/* An editor, useradd(8) or dpkg(1) makes several changes in a row. */
#define SETTLE (SECOND / 4)
#define FIRST  SECOND
/* What somebody was just using during a look is seen by the next one. */
#define AGAIN (2 * SECOND)
#define IDLE  (60 * SECOND)
/* A look for binds takes a process. On a host with many sessions all hear of the same change. */
#define IDLE_BINDS (5 * IDLE)
#define APART      ((uint64_t)(getpid() % 8) * (SECOND / 16))
#define TELL_AGAIN (60 * SECOND)
/* From one look to the next, and in times of what the last one took; longer while changes go on. */
#define PAUSE       SECOND
#define PAUSE_MOST  (8 * SECOND)
#define PAUSE_TIMES 100
/* Who watches tells of a storm of changes that often. */
#define DEAF (SECOND / 10)

/* CPU time: on a busy host a look takes no more of it. */
static uint64_t spent_usec(void)
{
	return clock_of(CLOCK_THREAD_CPUTIME_ID);
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
	*f = (struct follow){ .session = s,
		.changes = CHANGES_NONE,
		.files.pause = PAUSE,
		.binds.pause = PAUSE };
	if (s->refresh.n > 0)
		f->files.due = now + FIRST;
	/* Heard: what changes before the first look's watches are set is found by the one after it. */
	if (s->renew.root >= 0)
		f->binds = (struct pace){
			.heard = true, .due = now + FIRST + APART, .pause = PAUSE
		};
}

static void hear(struct pace *p, uint64_t now, uint64_t settle)
{
	if (p->due == 0 || p->heard)
		return;
	p->heard = true;
	p->pause = now < p->free ? longer(p->pause) : PAUSE;
	p->due = later(now + settle, p->free);
}

/* Of a change; or that nobody watches any more, and then this one may. */
static void hear_of_files(struct follow *f, uint64_t now)
{
	bool heard = changes_heard(&f->changes);

	if (!heard) {
		changes_listen(&f->changes);
		changes_watch(&f->changes);
		heard = changes_heard(&f->changes);
	}
	if (heard)
		hear(&f->files, now, SETTLE);
}

void follow_hear(struct follow *f, int signal, uint64_t now)
{
	if (signal == RENEW_SIGNAL)
		hear(&f->binds, now, SETTLE + APART);
	else if (f->files.due != 0)
		hear_of_files(f, now);
}

void follow_wants(const struct follow *f, uint64_t now, struct pollfd *ret)
{
	*ret = (struct pollfd){ .fd = now < f->deaf ? -1 : f->changes.watches,
		.events = POLLIN };
}

void follow_pass_on(struct follow *f, uint64_t now)
{
	changes_tell(&f->changes);
	f->deaf = now + DEAF;
}

static void looked(struct pace *p, uint64_t now, uint64_t took, uint64_t idle)
{
	uint64_t pause = later(p->pause, took * PAUSE_TIMES);

	p->free = now + pause;
	p->due = now + later(p->heard ? AGAIN : idle, pause);
	p->heard = false;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return b == 0 || (a != 0 && a < b) ? a : b;
}

int follow_timeout(const struct follow *f, uint64_t now)
{
	uint64_t due = sooner(f->files.due, f->binds.due);

	if (due == 0)
		return -1;
	if (f->session->renew.sock >= 0)
		due = sooner(due, f->until);
	if (now < f->deaf)
		due = sooner(due, f->deaf);
	return due <= now ? 0 : (int)((due - now) / 1000) + 1;
}

/* What fails now may do so at each look. */
static void tell(struct follow *f, uint64_t now, const char *why)
{
	const struct plan *p = f->session->plan;

	if (f->told != 0 && now - f->told < TELL_AGAIN)
		return;
	event_log(LOG_WARNING, EVENT_OF(EVENT_NOTE, p), "session %s of %s: " FOLLOW_NOT,
		p->id, p->user, why);
	f->told = now;
}

void follow_take(struct follow *f, uint64_t now)
{
	struct renew *r = &f->session->renew;
	struct err e;
	int said = renew_hear(r, &e);

	if (said < 0)
		tell(f, now, e.msg);
	else if (said == 2)
		tell(f, now, "the process that was to do it died");
	if (said == 0)
		return;
	f->binds.free = later(
		f->binds.free, now + sooner(r->spent_usec * PAUSE_TIMES, PAUSE_MOST));
	f->binds.due = later(f->binds.due, f->binds.free);
}

/* Return: whether a child looks. */
static bool begin_renewal(struct follow *f, uint64_t now)
{
	struct renew *r = &f->session->renew;
	struct err e;

	if (r->sock >= 0)
		return true;
	if (renew_begin(r, f->session->plan, &e) < 0) {
		if (e.num != EBUSY)
			tell(f, now, e.msg);
		return false;
	}
	f->until = now + RENEW_PATIENCE_S * SECOND;
	return true;
}

static void end_patience(struct follow *f, uint64_t now)
{
	struct renew *r = &f->session->renew;
	struct err e;

	if (r->sock < 0 || now < f->until)
		return;
	(void)renew_give_up(r, f->session->plan, &e);
	tell(f, now, e.msg);
}

static bool is_due(const struct pace *p, uint64_t now)
{
	return p->due != 0 && now >= p->due;
}

static void look_at_binds(struct follow *f, uint64_t now)
{
	uint64_t before = spent_usec();

	if (f->binds.due == 0)
		return;
	end_patience(f, now);
	if (!is_due(&f->binds, now))
		return;
	renew_watch_again(&f->session->renew);
	/* What the account does to its processes may keep a child from being made. */
	if (!begin_renewal(f, now))
		f->binds.heard = true;
	looked(&f->binds, now, spent_usec() - before, IDLE_BINDS);
}

static void look_at_files(struct follow *f, uint64_t now)
{
	struct session *s = f->session;
	uint64_t before = spent_usec();
	struct err e;

	if (!is_due(&f->files, now))
		return;
	/* In this order: what changes meanwhile is heard. New directories are found once it is calm. */
	changes_listen(&f->changes);
	if (!f->files.heard)
		changes_watch(&f->changes);
	if (refresh_now(&s->refresh, &e) < 0) {
		event_log(LOG_WARNING, EVENT_OF(EVENT_NOTE, s->plan),
			"session %s of %s won't see what changes on the host: %s",
			s->plan->id, s->plan->user, e.msg);
		changes_close(&f->changes);
		f->files.due = 0;
		return;
	}
	looked(&f->files, now, spent_usec() - before, IDLE);
}

/* Binds and masks first: an account's writes can hold up its overlays. */
void follow_go(struct follow *f, uint64_t now)
{
	look_at_binds(f, now);
	look_at_files(f, now);
}

void follow_end(struct follow *f)
{
	changes_close(&f->changes);
	renew_end(&f->session->renew, f->session->plan);
	f->files.due = f->binds.due = 0;
}
