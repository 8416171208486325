/* SPDX-License-Identifier: BSD-3-Clause */
/* nsjoin's command line. */
#include "nsshell/nsjoin/nsjoin.h"

#include "core/plan/loginenv.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum where {
	REQUEST,
	OPTIONS
};
enum what {
	FLAG,
	VALUE,
	LIST
};

/* One row an option; those without a letter are known to getopt by their row. */
static const struct row {
	char letter;
	const char *name, *arg;
	enum what what;
	enum where where;
	size_t offset;
	const char *help;
} rows[] = {
#define Q(member) REQUEST, offsetof(struct nsjoin_request, member)
#define O(member) OPTIONS, offsetof(struct nsjoin_options, member)
	{ 's', "session", "ID", VALUE, Q(session), "this session, and not the newest" },
	{ 'e', "env", "NAME=VALUE", LIST, Q(env), "set a variable; may be repeated" },
	{ 'w', "workdir", "DIR", VALUE, Q(directory),
		"start in DIR, and not in the home" },
	{ 'u', "user", "USER|UID", VALUE, Q(as), "be somebody else inside" },
	{ 0, "root", NULL, FLAG, Q(root),
		"be root of the box; needs Root=yes or --force" },
	{ 0, "force", NULL, FLAG, Q(force), "allow --root although Root=no" },
	{ 'T', "no-pty", NULL, FLAG, O(no_pty), "pipes, even on a terminal" },
	{ 'q', "quiet", NULL, FLAG, O(quiet), "say nothing but errors" },
	{ 0, "observe", NULL, FLAG, Q(observe), "look at the session's terminal" },
	{ 'h', "help", NULL, FLAG, O(help), "this text" },
	{ 'V', "version", NULL, FLAG, O(version), "which nsjoin this is" },
#undef Q
#undef O
};
#define N_ROWS    (sizeof(rows) / sizeof(*rows))
#define LONG_ONLY 256

void nsjoin_usage(void)
{
	(void)puts("usage: nsjoin [OPTION...] USER|SESSION [COMMAND [ARG...]]\n\n"
		   "Step into a running session: a login shell, or COMMAND, in it.\n");
	for (size_t i = 0; i < N_ROWS; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "--%s%s%s", rows[i].name,
			rows[i].arg ? " " : "", rows[i].arg ? rows[i].arg : "");
		(void)printf("  %c%c%c %-18s %s\n", rows[i].letter ? '-' : ' ',
			rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? ',' : ' ',
			text, rows[i].help);
	}
	(void)puts(
		"\nThe exit status is the command's, 128+N if signal N killed it, 126 or 127\n"
		"if it can't be run or isn't there, and 125 if nsjoin itself failed.");
}

static void tell_getopt(struct option *longs, char *shorts)
{
	*shorts++ = '+'; /* options end at USER: what follows is the command's */
	*shorts++ = ':'; /* the words are ours */
	for (size_t i = 0; i < N_ROWS; i++) {
		longs[i] = (struct option){ rows[i].name,
			rows[i].arg ? required_argument : no_argument, NULL,
			rows[i].letter ? rows[i].letter : LONG_ONLY + (int)i };
		if (rows[i].letter)
			*shorts++ = rows[i].letter;
		if (rows[i].letter && rows[i].arg)
			*shorts++ = ':';
	}
	longs[N_ROWS] = (struct option){ 0 };
	*shorts = '\0';
}

static const struct row *row_of(int c)
{
	if (c >= LONG_ONLY)
		return &rows[c - LONG_ONLY];
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].letter == c)
			return &rows[i];
	return NULL;
}

static int take(const struct row *row, const char *value, struct nsjoin_request *q,
	struct nsjoin_options *o, struct err *e)
{
	void *field = (row->where == REQUEST ? (char *)q : (char *)o) + row->offset;

	switch (row->what) {
	case FLAG:
		*(bool *)field = true;
		return 0;
	case VALUE:
		*(const char **)field = value;
		return *value ? 0 : err_set(e, 0, "--%s takes %s", row->name, row->arg);
	case LIST:
		if (!loginenv_is_setting(value))
			return err_set(
				e, 0, "--%s %s: takes %s", row->name, value, row->arg);
		return strlist_add(field, value) < 0 ? err_set(e, ENOMEM, "read options")
						     : 0;
	}
	return -1;
}

static int take_operands(
	int argc, char **argv, int at, struct nsjoin_request *q, struct err *e)
{
	if (at >= argc)
		return err_set(
			e, 0, "whose session? See `nsctl list` and `nsjoin --help`");
	q->target = argv[at++];
	if (at < argc && strcmp(argv[at], "--") == 0)
		at++;
	else if (at < argc && argv[at][0] == '-')
		return err_set(e, 0, "options go before %s: nsjoin %s ... %s", q->target,
			argv[at], q->target);
	if (at < argc)
		q->command = (const char *const *)&argv[at];
	return 0;
}

static int check(const struct nsjoin_request *q, struct err *e)
{
	if (q->root && q->as)
		return err_set(e, 0, "--root and --user contradict each other");
	if (q->directory && q->directory[0] != '/')
		return err_set(
			e, 0, "--workdir %s: takes an absolute path", q->directory);
	return 0;
}

int nsjoin_parse(int argc, char **argv, struct nsjoin_request *q,
	struct nsjoin_options *o, struct err *e)
{
	struct option longs[N_ROWS + 1];
	char shorts[2 * N_ROWS + 3];
	int c;

	tell_getopt(longs, shorts);
	optind = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct row *row;

		if (c == '?' || c == ':')
			return err_set(e, 0, "%s: %s; see `nsjoin --help`",
				argv[optind - 1],
				c == '?' ? "there is no such option"
					 : "the option takes an argument");
		row = row_of(c);
		if (row && take(row, optarg, q, o, e) < 0)
			return -1;
	}
	if (o->help || o->version)
		return 0;
	return take_operands(argc, argv, optind, q, e) < 0 ? -1 : check(q, e);
}
