/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of a log: which are of interest, and what they tell. */
#include "nsshell/nsctl/log.h"

#include "core/base/cleanup.h"
#include "core/plan/groupname.h"
#include "helpers/client/session_id.h"
#include "nsshell/nsctl/sessions.h"

#include <ctype.h>
#include <string.h>

/* The words that come first in a text name it: behind them are reasons, commands and names. */
static const struct {
	const char *words, *what;
} kinds[] = {
	{ "opened for ", "opened" },
	{ "another login of ", "joined" },
	{ " joins ", "joined" },
	{ " joined ", "joined" },
	{ " observes ", "observed" },
	{ " left the session ", "left" },
	{ "didn't join", "refused" },
	{ " closed after ", "closed" },
	{ " runs ", "run" },
	{ "the memory limit", "oom" },
	{ "processes and threads is reached", "limit" },
	{ "NOT ISOLATED", "unboxed" },
	{ "is let in although", "exempt" },
	{ "refused", "refused" },
	{ "another login failed", "refused" },
	{ "had lost their supervisor", "crashed" },
	{ "out of memory", "oom" },
};

/* How the kernel's lines begin: further on they have names of processes, which are their users'. */
static const struct {
	const char *words, *what;
} kernels[] = {
	{ "oom-kill:", "oom" },
	{ "cgroup: fork rejected by pids controller in ", "limit" },
};

static bool begins(const char *text, const char *words)
{
	return strncmp(text, words, strlen(words)) == 0;
}

static bool is_ours(const char *tag)
{
	static const char *const tags[] = { "nsshell", "nsctl", "nsjoin",
		"nsshell-helper" };

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
		if (strcmp(tag, tags[i]) == 0)
			return true;
	return false;
}

/* The kernel names groups: of an account, "/nsshell/1000/ID" or as systemd has it. */
static bool names_group(const char *text, const uid_t *uid)
{
	uid_t whose;

	for (const char *at = text; (at = strstr(at, "/nsshell")); at++)
		if (groupname_skip(at, &whose) && (!uid || whose == *uid))
			return true;
	return false;
}

static const char *kernel_what(const char *text)
{
	/* "[    1.234567] ", where a syslog daemon has left it */
	if (*text == '[') {
		text += strcspn(text, "]");
		text += strspn(text, "] ");
	}
	for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++)
		if (begins(text, kernels[i].words) && names_group(text, NULL))
			return kernels[i].what;
	return NULL;
}

/*
 * sshd and sudo write what somebody typed into lines of theirs, "Invalid user ..." say: the module's
 * own words are those that a line begins with.
 */
const char *log_what(const char *tag, const char *text)
{
	const char *what = "note", *first = NULL;

	if (strcmp(tag, "kernel") == 0)
		return kernel_what(text);
	if (!is_ours(tag) && !begins(text, "pam_nsshell("))
		return NULL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const char *at = strstr(text, kinds[i].words);

		if (at && (!first || at < first)) {
			first = at;
			what = kinds[i].what;
		}
	}
	return what;
}

/* Whether a word stands in a text, not as a part of a longer one. */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; len > 0 && (at = strstr(at, word)); at++)
		if ((at == text || !(isalnum((unsigned char)at[-1]) || at[-1] == '-')) &&
			!isalnum((unsigned char)at[len]) && at[len] != '-' &&
			at[len] != '_')
			return true;
	return false;
}

/* What follows the account's group in what the kernel says of a process that it killed. */
static const char *after_group(const char *text)
{
	static const char word[] = "task_memcg=";
	const char *at = strstr(text, word);
	uid_t ignored;

	at = at ? groupname_skip(at + strlen(word), &ignored) : NULL;
	return at && *at == '/' ? at + 1 : NULL;
}

static bool is_wanted(const struct log_filter *f, const char *text)
{
	if (f->session && !has_word(text, f->session))
		return false;
	return !f->user || has_word(text, f->user) || names_group(text, &f->uid);
}

/* "session ID ..." of ours, "/nsshell/UID/ID" of the kernel */
static void session_of(const char *text, char session[PLAN_ID_LEN + 1])
{
	const char *at = strstr(text, "session ");

	session[0] = '\0';
	at = at ? at + strlen("session ") : after_group(text);
	if (!at || strlen(at) < PLAN_ID_LEN)
		return;
	memcpy(session, at, PLAN_ID_LEN);
	session[PLAN_ID_LEN] = '\0';
	if (!session_id_is_valid(session))
		session[0] = '\0';
}

bool log_take(struct log *l, const struct log_filter *f, uint64_t usec, const char *tag,
	const char *text)
{
	const char *what = log_what(tag, text);
	struct log_event *v;

	if (!what || !is_wanted(f, text))
		return false;
	if (l->n == l->room) {
		struct log_event *more = reallocarray(l->v, l->room + 256, sizeof(*l->v));

		if (!more) {
			l->no_memory = true;
			return false;
		}
		l->v = more;
		l->room += 256;
	}
	v = &l->v[l->n++];
	*v = (struct log_event){ .usec = usec, .what = what, .proven = l->proven };
	(void)snprintf(v->text, sizeof(v->text), "%s", text);
	nsctl_printable(v->text);
	session_of(v->text, v->session);
	return true;
}

static int by_time(const void *a, const void *b)
{
	const struct log_event *x = a, *y = b;

	return x->usec < y->usec ? -1 : x->usec > y->usec;
}

void log_finish(struct log *l, const struct log_filter *f)
{
	/* glibc's qsort is a merge sort, and stable, as long as there is memory for it. */
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_time);
	if (f->max > 0 && l->n > f->max) {
		memmove(l->v, l->v + l->n - f->max, f->max * sizeof(*l->v));
		l->n = f->max;
	}
}

bool log_has_unproven(const struct log *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].proven)
			return true;
	return false;
}

void log_clear(struct log *l)
{
	free(l->v);
	*l = (struct log){ 0 };
}
