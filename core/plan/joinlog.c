/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/joinlog.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct text {
	char *at, *end; /* end: where the 0 has to be at the latest */
	bool cut;
};

static void put(struct text *t, const char *s)
{
	size_t len = strlen(s);

	/* Whole pieces only: half an escape would read as something else. */
	if (t->cut || len > (size_t)(t->end - t->at)) {
		t->cut = true;
		return;
	}
	memcpy(t->at, s, len);
	t->at += len;
}

static bool is_printable(const char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

static void put_escaped(struct text *t, const char *word)
{
	char one[8];

	put(t, "$'");
	for (; *word; word++) {
		if (*word < ' ' || *word > '~' || *word == '\'' || *word == '\\')
			(void)snprintf(one, sizeof(one), "\\%03o", (unsigned char)*word);
		else
			(void)snprintf(one, sizeof(one), "%c", *word);
		put(t, one);
	}
	put(t, "'");
}

/* As much of it as there is room for. */
static void put_plain(struct text *t, const char *word)
{
	for (; *word; word++)
		put(t, (const char[]){ *word, '\0' });
}

static void put_word(struct text *t, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@%_-+=:,./";

	if (*word && strspn(word, plain) == strlen(word)) {
		put_plain(t, word);
	} else if (is_printable(word) && !strchr(word, '\'')) {
		put(t, "'");
		put_plain(t, word);
		put(t, "'");
	} else {
		put_escaped(t, word);
	}
}

void joinlog_command(const char *const *argv, char *buf, size_t size)
{
	struct text t = { .at = buf, .end = buf + size - sizeof("...") };

	if (!argv || !*argv)
		put(&t, "the login shell");
	for (size_t i = 0; argv && argv[i]; i++) {
		if (i > 0)
			put(&t, " ");
		put_word(&t, argv[i]);
	}
	memcpy(t.at, t.cut ? "..." : "", t.cut ? sizeof("...") : 1);
}

void joinlog_person(const struct joinlog_who *who, char *buf, size_t size)
{
	bool other = who->login[0] && strcmp(who->login, who->name) != 0;
	char uid[24];

	(void)snprintf(uid, sizeof(uid), "uid %u", who->uid);
	(void)snprintf(buf, size, "%s%s%s%s%s%s", who->name[0] ? who->name : uid,
		other ? " (logged in as " : "", other ? who->login : "", other ? ")" : "",
		who->tty[0] ? " on " : "", who->tty);
}

void joinlog_notice(
	const struct joinlog_who *who, const char *now, char *buf, size_t size)
{
	struct joinlog_who without = *who;
	char person[192];

	/* Which terminal is the host's business, and none of the box's. */
	without.tty[0] = '\0';
	joinlog_person(&without, person, sizeof(person));
	(void)snprintf(buf, size,
		"\r\n\a"
		"nsshell: %s has stepped into this session at %s.\r\n",
		person, now);
}
