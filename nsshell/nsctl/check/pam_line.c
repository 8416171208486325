/* SPDX-License-Identifier: BSD-3-Clause */
/* The line of nsshell's module itself: whether PAM heeds what it answers, and what it was given. */
#include "nsshell/nsctl/check/findings.h"

#include "core/base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MODULE PAMSTACK_MODULE

static void check_control(
	const struct pamstack_entry *at, const char *whom, struct findings *f)
{
	const char *path = at->file->path;
	size_t number = at->line->number;

	if (!at->line->fails)
		findings_add(f, FINDING_ERROR, whom, "make the line's control required",
			"%s:%zu: PAM goes on where " MODULE
			" refuses a login: it gets in all the same, without a box",
			path, number);
	if (at->line->skipped)
		findings_add(f, FINDING_WARNING, whom, "write session, without the '-'",
			"%s:%zu: where " MODULE
			" isn't there, PAM goes on without a word: logins get in without a box",
			path, number);
}

/* A FILE of the line's that isn't there. */
static void check_file(const struct pamstack_entry *at, const char *word,
	const char *whom, struct findings *f)
{
	const char *file = strchr(word, '=') + 1;

	if (access(file, F_OK) == 0 || errno != ENOENT)
		return;
	if (*word == 'c')
		findings_add(f, FINDING_WARNING, whom,
			"write that file, or take the argument out",
			"%s:%zu: %s isn't there: without a config nobody is isolated",
			at->file->path, at->line->number, word);
	else
		findings_add(f, FINDING_ERROR, whom,
			"mend the path, or take the argument out",
			"%s:%zu: %s isn't there: every login is refused but root's",
			at->file->path, at->line->number, word);
}

static void check_args(
	const struct pamstack_entry *at, const char *whom, struct findings *f)
{
	_cleanup_free_ char *args = strdup(at->line->args);
	char *rest = args, *word;

	if (!args)
		f->no_memory = true;
	while (args && (word = strsep(&rest, " \t\n"))) {
		/* libpam takes [ and ] off a word with blanks in it. */
		if (*word == '[')
			return;
		if (!*word || strcmp(word, "gate") == 0 || strcmp(word, "debug") == 0)
			continue;
		if (strncmp(word, "config=/", 8) == 0 ||
			strncmp(word, "helper=/", 8) == 0)
			check_file(at, word, whom, f);
		else
			findings_add(f, FINDING_ERROR, whom,
				"mend it: gate, debug, config=/FILE and helper=/FILE are known",
				"%s:%zu: unknown argument \"%.60s\": every login is refused but root's",
				at->file->path, at->line->number, word);
	}
}

void check_pam_line(const struct pamstack_entry *at, const char *whom, struct findings *f)
{
	const char *module = at->line->target;

	check_control(at, whom, f);
	check_args(at, whom, f);
	if (*module == '/' && access(module, F_OK) < 0 && errno == ENOENT)
		findings_add(f, FINDING_ERROR, whom,
			"mend the path at once, before you log out",
			"%s:%zu: %s isn't there: PAM refuses every login, root's too",
			at->file->path, at->line->number, module);
}
