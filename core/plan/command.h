/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Host commands, nsshell-commands(5): programs of the host that a box may have run outside, as its account. What
 * an entry allows is written as forms; here words are held against them. Pure.
 *
 *	form	= part ...			"[-u %u] -l"
 *	part	= one["..."] | "[" one ... ["|" one ...] "]" ["..."]
 *	one	= [PREFIX]CLASS | "%u" | any other word, which stands for itself
 *	CLASS	= "<text>" | "<name>" | "<number>" | "<file>"
 *
 * Brackets: once or not at all, with dots any number of times; dots without brackets: once or more.
 */
#pragma once

#include "core/base/arena.h"
#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_NAME_MAX  32  /* with the 0 */
#define COMMAND_FORMS_MAX 64  /* of an entry */
#define COMMANDS_MAX      64  /* of an account */
#define COMMAND_WORDS_MAX 256 /* of a request, its name among them */
#define COMMAND_WORD_MAX  4096
#define COMMAND_TEXT_MAX  (64U << 10)
/* What is opened for it inside, and becomes its standard input. */
#define COMMAND_FILE_MAX (16U << 20)
/* What takes the place of a word that names a file: what is handed over is the standard input. */
#define COMMAND_FILE_AS "/dev/stdin"

enum command_terminal {
	COMMAND_TERMINAL_AUTO, /* one of the host's, where who asks has one */
	COMMAND_TERMINAL_NO,
};

/* An entry. Strings belong to whoever has the arena. */
struct command {
	const char *name;    /* "crontab" */
	const char *program; /* absolute */
	const char *
		service; /* by which PAM service what it starts later is run; "" for nothing */
	const char *daemon; /* that runs it, absolute; NULL: whichever */
	const char **forms;
	size_t n_forms;
	const char **env; /* NAME=VALUE */
	size_t n_env;
	enum command_terminal terminal;
	bool home;  /* HOME is the account's: nothing of that is obeyed by the program */
	bool sends; /* what it is given may leave the host, by the host's network */
	uint64_t time_usec; /* at most; PARSE_INFINITY: no limit */
	uint64_t input_max; /* bytes; PARSE_INFINITY: no limit; so the next */
	uint64_t output_max;
	const char *real; /* where the program really is; NULL: not looked for */
	const char *why;  /* a box doesn't have it; NULL: it has */
	bool absent;      /* because the host doesn't: no entry, or no program */
};

/* Those of an account, in the order of HostCommands=. Start it as { 0 }. */
struct command_list {
	struct arena arena;
	struct command *v;
	size_t n;
};

/* Whether it can be an entry's name, and so a file's: letters, digits, ".", "_", "+" and "-", the first none of the last three. */
bool command_name_is_valid(const char *name);

/* Those that HostCommands= has where no section says anything: of these nobody is told what the host lacks. */
bool command_is_default(const char *name);

/* Whether it is a way out for an account of this login shell: behind nsshell(1) as that the box hangs on it. */
bool command_leaves_nsshell(const char *name, const char *shell);

/* What is wrong with a form, or NULL. */
const char *command_form_wrong(const char *form);

/**
 * command_match() - Whether an entry allows these words
 * @user:	the account's name, which %u stands for
 * @words:	the command's name, which isn't looked at, and its arguments
 * @ret_file:	out: which of them names a file that is handed over; 0 for none
 *
 * Takes at most forms * parts * words steps, whatever the words are.
 */
bool command_match(const struct command *c, const char *user, const char *const *words,
	size_t n, size_t *ret_file);
