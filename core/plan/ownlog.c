/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/ownlog.h"

#include "core/plan/groupname.h"

#include <string.h>

#define OPENED "session %I opened for %U ("

/* %I a session's id, %U the account's name, %N the account's uid, %T a word. */
static const struct {
	const char *shape;
	bool cut; /* what follows isn't for users */
} shapes[] = {
	{ OPENED, false },
	{ "session %I of %U closed after ", false },
	{ "session %I: another login of %U joined", true },
	{ "session %I: login of %U refused", true },
	{ "session %I: login of %U (uid %N) refused", true },
	{ "session %I: %U joined the session of %U as %U: ", false },
	{ "session %I: %U on %T joined the session of %U as %U: ", false },
	{ "session %I: %U left the session of %U after ", false },
	{ "session %I: %U on %T left the session of %U after ", false },
};

/* ---- words ------------------------------------------------------------------------------- */

/* Each gives what follows, or NULL. */
static const char *skip(const char *at, const char *words)
{
	size_t len = strlen(words);

	return strncmp(at, words, len) == 0 ? at + len : NULL;
}

static const char *skip_id(const char *at)
{
	size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789");

	return n == PLAN_ID_LEN ? at + n : NULL;
}

static const char *skip_word(const char *at)
{
	size_t n = strcspn(at, " ");

	return n > 0 ? at + n : NULL;
}

/* Digits of another number must not follow. */
static const char *skip_uid(const char *at, uid_t uid)
{
	unsigned long n = 0;
	size_t len = strspn(at, "0123456789");

	if (len == 0 || len > 10)
		return NULL;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (unsigned long)(at[i] - '0');
	return n == uid ? at + len : NULL;
}

static const char *skip_one(const char *at, char what, const struct ownlog *o)
{
	switch (what) {
	case 'I':
		return skip_id(at);
	case 'U':
		return skip(at, o->user);
	case 'N':
		return skip_uid(at, o->uid);
	default:
		return skip_word(at);
	}
}

static const char *match(const char *text, const char *shape, const struct ownlog *o)
{
	for (; text && *shape; shape++) {
		if (*shape == '%')
			text = skip_one(text, *++shape, o);
		else
			text = *text == *shape ? text + 1 : NULL;
	}
	return text;
}

/* ---- whose words they are ---------------------------------------------------------------- */

static bool is_ours(const char *tag, size_t len)
{
	static const char *const tags[] = { "nsshell", "nsctl", "nsjoin",
		"nsshell-helper" };

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
		if (strlen(tags[i]) == len && strncmp(tag, tags[i], len) == 0)
			return true;
	return false;
}

/* ---- sessions ---------------------------------------------------------------------------- */

static void note_session(struct ownlog *o, const char *text)
{
	if (match(text, OPENED, o))
		memcpy(o->ids[o->n++ % OWNLOG_SESSIONS], text + strlen("session "),
			PLAN_ID_LEN);
}

static bool is_own_session(const struct ownlog *o, const char *id)
{
	for (size_t i = 0; i < o->n && i < OWNLOG_SESSIONS; i++)
		if (memcmp(o->ids[i], id, PLAN_ID_LEN) == 0)
			return true;
	return false;
}

static bool is_own_group(const char *at, const struct ownlog *o)
{
	const char *rest;
	uid_t uid;

	rest = groupname_skip(at, &uid);
	return rest && uid == o->uid && *rest == '/' && skip_id(rest + 1) &&
	       is_own_session(o, rest + 1);
}

/* ---- when -------------------------------------------------------------------------------- */

static int two(const char *at)
{
	return (at[0] - '0') * 10 + at[1] - '0';
}

/* Whether a text has the shape: 0 for a digit or, before one, a space; all else for itself. */
static bool is_like(const char *at, const char *shape)
{
	for (; *shape; at++, shape++)
		if (*shape == '0' ? (*at < '0' || *at > '9') && *at != ' '
				  : *at != *shape)
			return false;
	return true;
}

static void take_clock(const char *at, struct tm *ret)
{
	ret->tm_hour = two(at);
	ret->tm_min = two(at + 3);
	ret->tm_sec = two(at + 6);
}

static int compare(const struct tm *a, const struct tm *b)
{
	const int x[] = { a->tm_year, a->tm_mon, a->tm_mday, a->tm_hour, a->tm_min,
		a->tm_sec };
	const int y[] = { b->tm_year, b->tm_mon, b->tm_mday, b->tm_hour, b->tm_min,
		b->tm_sec };

	for (size_t i = 0; i < sizeof(x) / sizeof(*x); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

/* "2024-05-01T13:45:00", local time; what follows of it isn't looked at */
static bool stamp_iso(const char *line, struct tm *ret)
{
	if (!is_like(line, "0000-00-00T00:00:00"))
		return false;
	ret->tm_year = two(line) * 100 + two(line + 2) - 1900;
	ret->tm_mon = two(line + 5) - 1;
	ret->tm_mday = two(line + 8);
	take_clock(line + 11, ret);
	return true;
}

/* "Nov 22 13:10:11", " 2" for the second; one that is still to come is of the year before */
static bool stamp_traditional(const char *line, const struct tm *now, struct tm *ret)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int month = 0;

	while (month < 12 && strncmp(months + month * 3, line, 3) != 0)
		month++;
	if (month == 12 || !is_like(line + 3, " 00 00:00:00"))
		return false;
	ret->tm_year = now->tm_year;
	ret->tm_mon = month;
	ret->tm_mday = line[4] == ' ' ? line[5] - '0' : two(line + 4);
	take_clock(line + 7, ret);
	if (compare(ret, now) > 0)
		ret->tm_year--;
	return true;
}

/* One that can't be read is as old as can be. */
static bool is_old(const struct ownlog *o, const char *line)
{
	struct tm at = { 0 };

	if (o->since.tm_year == 0)
		return false;
	return !(stamp_iso(line, &at) || stamp_traditional(line, &o->now, &at)) ||
	       compare(&at, &o->since) < 0;
}

/* ---- a line ------------------------------------------------------------------------------ */

static bool take_ours(char *text, struct ownlog *o)
{
	note_session(o, text);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		const char *rest = match(text, shapes[i].shape, o);

		if (rest && shapes[i].cut)
			text[rest - text] = '\0';
		if (rest)
			return true;
	}
	return false;
}

/* The kernel's own words about whoever was short of memory come before the group. */
static bool take_kernels(char *text, const struct ownlog *o)
{
	static const char oom[] = "oom-kill:", group[] = "task_memcg=",
			  forks[] = "cgroup: fork rejected by pids controller in ";
	char *at;

	if (*text == '[') {
		text += strcspn(text, "]");
		text += strspn(text, "] ");
	}
	if (skip(text, forks))
		return is_own_group(text + sizeof(forks) - 1, o);
	at = skip(text, oom) ? strstr(text, group) : NULL;
	if (!at || !is_own_group(at + sizeof(group) - 1, o))
		return false;
	text += sizeof(oom) - 1;
	memmove(text, at, strlen(at) + 1);
	return true;
}

bool ownlog_take(struct ownlog *o, char *line)
{
	char *text = strstr(line, ": "), *tag;
	size_t len;

	if (!text || !*o->user || is_old(o, line))
		return false;
	*text = '\0';
	tag = strrchr(line, ' ');
	*text = ':';
	if (!tag)
		return false;
	tag++;
	text += 2;
	len = strcspn(tag, "[:");
	if (len == strlen("kernel") && strncmp(tag, "kernel", len) == 0)
		return take_kernels(text, o);
	/* A PAM module speaks under the name of its program. */
	if (skip(text, "pam_nsshell(")) {
		text = strstr(text, "): ");
		return text && take_ours(text + 3, o);
	}
	return is_ours(tag, len) && take_ours(text, o);
}
