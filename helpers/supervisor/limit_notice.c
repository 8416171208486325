/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/limit_notice.h"

#include "core/base/format.h"
#include "core/run/session/account_log.h"
#include "core/run/terminal/wall.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

/* No more than one line of a kind in this time. */
#define TELL_AGAIN_USEC (60 * UINT64_C(1000000))

/* ---- words ------------------------------------------------------------------------------ */

/* " of 2.0G", or nothing: there may be no limit of the account's own, but of its slice, say. */
static void put_bound(const struct tell *t, enum limit_id id, char *buf, size_t size)
{
	uint64_t n = hits_limit(&t->hits, id);
	char number[32];

	buf[0] = '\0';
	if (n >= USAGE_UNKNOWN)
		return;
	if (limit_is_bytes(&limits[id]))
		format_bytes(n, number, sizeof(number));
	else
		(void)snprintf(number, sizeof(number), "%" PRIu64, n);
	(void)snprintf(buf, size, " of %s", number);
}

static void say(const struct session *s, enum event_kind kind, const char *line)
{
	char text[512];

	(void)snprintf(
		text, sizeof(text), "\r\nnsshell: session %s: %s\r\n", s->plan->id, line);
	if (s->ptys >= 0)
		(void)notice_ptys_in(s->ptys, text);
	notice_lent(&s->record, text);
	account_event(LOG_WARNING, s->plan->uid, EVENT_OF(kind, s->plan),
		"session %s of %s: %s", s->plan->id, s->plan->user, line);
}

static void say_killed(const struct tell *t)
{
	char limit[48], line[256];

	put_bound(t, LIMIT_MEMORY_MAX, limit, sizeof(limit));
	(void)snprintf(line, sizeof(line),
		"the memory limit%s is reached: %" PRIu64
		" process%s killed (MemoryMax=; what "
		"lies in /tmp and /dev/shm counts, TmpSize=, and what was changed of the system, "
		"UpperSize=)",
		limit, t->kills, t->kills == 1 ? " was" : "es were");
	say(t->session, EVENT_OOM, line);
}

static void say_refused(const struct tell *t)
{
	char limit[48], line[256];

	put_bound(t, LIMIT_TASKS_MAX, limit, sizeof(limit));
	(void)snprintf(line, sizeof(line),
		"the limit%s processes and threads is reached: no more could be started "
		"(TasksMax=)",
		limit);
	say(t->session, EVENT_LIMIT, line);
}

/* ---- watching --------------------------------------------------------------------------- */

void tell_begin(struct tell *t, const struct session *s)
{
	*t = (struct tell){ .session = s };
	hits_open(s->plan->cgroup.kind, &s->groups, &t->hits);
}

static bool is_due(uint64_t count, uint64_t told, uint64_t now)
{
	return count > 0 && (told == 0 || now - told >= TELL_AGAIN_USEC);
}

static int until(uint64_t count, uint64_t told, uint64_t now, int before)
{
	int ms;

	if (count == 0)
		return before;
	ms = is_due(count, told, now)
		     ? 0
		     : (int)((TELL_AGAIN_USEC - (now - told)) / 1000) + 1;
	return before < 0 || ms < before ? ms : before;
}

int tell_timeout(const struct tell *t, uint64_t now)
{
	int ms = hits_timeout(&t->hits);

	ms = until(t->kills, t->kills_told, now, ms);
	return until(t->refused, t->refused_told, now, ms);
}

void tell_go(struct tell *t, uint64_t now)
{
	uint64_t kills, refused;

	if (hits_look(&t->hits, &kills, &refused)) {
		t->kills += kills;
		t->refused += refused;
	}
	if (is_due(t->kills, t->kills_told, now)) {
		say_killed(t);
		t->kills = 0;
		t->kills_told = now;
	}
	if (is_due(t->refused, t->refused_told, now)) {
		say_refused(t);
		t->refused = 0;
		t->refused_told = now;
	}
}

/* ---- the end ---------------------------------------------------------------------------- */

static bool is_known(uint64_t n)
{
	return n < USAGE_UNKNOWN;
}

__attribute__((format(printf, 3, 4))) static void add(
	char *buf, size_t size, const char *fmt, ...)
{
	size_t len = strlen(buf);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf + len, size - len, fmt, ap);
	va_end(ap);
}

void tell_end(struct tell *t, char *buf, size_t size)
{
	char number[32], other[32];
	struct usage u;

	buf[0] = '\0';
	hits_usage(&t->hits, &u);
	if (is_known(u.cpu_usec)) {
		format_usec(u.cpu_usec, number, sizeof(number));
		add(buf, size, ", consumed %s of CPU time", number);
	}
	if (is_known(u.memory_peak)) {
		format_bytes(u.memory_peak, number, sizeof(number));
		add(buf, size, ", %s memory peak", number);
	}
	if (is_known(u.io_read) && is_known(u.io_write)) {
		format_bytes(u.io_read, number, sizeof(number));
		format_bytes(u.io_write, other, sizeof(other));
		add(buf, size, ", %s read, %s written", number, other);
	}
	if (t->hits.kills > 0)
		add(buf, size, ", %" PRIu64 " killed for want of memory", t->hits.kills);
	hits_close(&t->hits);
}
