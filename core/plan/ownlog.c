/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/ownlog.h"

#include "core/plan/groupname.h"
#include "core/plan/plan.h"

#include <stddef.h>
#include <string.h>

struct reader {
	const char *user;
	uid_t uid;
};

/* %I a session's id, %U the account's name, %N the account's uid, %T a word. */
static const struct {
	const char *shape;
	bool cut; /* what follows isn't for users */
} shapes[] = {
	{ "session %I opened for %U (", false },
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

static const char *skip_one(const char *at, char what, const struct reader *r)
{
	switch (what) {
	case 'I':
		return skip_id(at);
	case 'U':
		return skip(at, r->user);
	case 'N':
		return skip_uid(at, r->uid);
	default:
		return skip_word(at);
	}
}

static const char *match(const char *text, const char *shape, const struct reader *r)
{
	for (; text && *shape; shape++) {
		if (*shape == '%')
			text = skip_one(text, *++shape, r);
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

static bool take_ours(char *text, const struct reader *r)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		const char *rest = match(text, shapes[i].shape, r);

		if (rest && shapes[i].cut)
			text[rest - text] = '\0';
		if (rest)
			return true;
	}
	return false;
}

static bool is_own_group(const char *at, const struct reader *r)
{
	uid_t uid;

	return groupname_skip(at, &uid) && uid == r->uid;
}

/* The kernel's own words about whoever was short of memory come before the group. */
static bool take_kernels(char *text, const struct reader *r)
{
	static const char oom[] = "oom-kill:", group[] = "task_memcg=",
			  forks[] = "cgroup: fork rejected by pids controller in ";
	char *at;

	if (*text == '[') {
		text += strcspn(text, "]");
		text += strspn(text, "] ");
	}
	if (skip(text, forks))
		return is_own_group(text + sizeof(forks) - 1, r);
	at = skip(text, oom) ? strstr(text, group) : NULL;
	if (!at || !is_own_group(at + sizeof(group) - 1, r))
		return false;
	text += sizeof(oom) - 1;
	memmove(text, at, strlen(at) + 1);
	return true;
}

bool ownlog_take(char *line, const char *user, uid_t uid)
{
	const struct reader r = { user, uid };
	char *text = strstr(line, ": "), *tag;
	size_t len;

	if (!text || !*user)
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
		return take_kernels(text, &r);
	/* A PAM module speaks under the name of its program. */
	if (skip(text, "pam_nsshell(")) {
		text = strstr(text, "): ");
		return text && take_ours(text + 3, &r);
	}
	return is_ours(tag, len) && take_ours(text, &r);
}
