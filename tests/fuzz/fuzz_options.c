/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Words of a command line: nsjoin's own, and those that an ordinary user may give to the setuid
 * program behind it. A line is a word; the first byte chooses which.
 */
#include "nsshell/nsjoin.h"
#include "tests/fuzz/fuzz.h"

/* NOLINTNEXTLINE(bugprone-suspicious-include): what reads the words is static there */
#include "nsshell/own_join.c"

#define WORDS 24

/* Behind what is fuzzed: never reached. */
void own_leave_root(void *caller)
{
	(void)caller;
	abort();
}

static void as_nsjoin(int argc, char **argv)
{
	struct nsjoin_request q = { 0 };
	struct nsjoin_options o = { 0 };
	struct err e = { 0 };

	if (nsjoin_parse(argc, argv, &q, &o, &e) < 0)
		must(e.msg[0]);
	else if (!o.help && !o.version)
		must(q.target && (!q.folder || q.folder[0] == '/'));
	strlist_clear(&q.env);
}

static void as_own(int argc, char **argv)
{
	struct nsjoin_request q = { 0 };
	struct nsjoin_options o = { 0 };

	if (take(argc, argv, &q, &o) < 0)
		return;
	must(q.target && *q.target && !q.root && !q.force && !q.as && !q.observe);
	must(q.env.n <= OWN_SETTINGS_MAX);
	must(!q.folder || q.folder[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[WORDS + 1], *text, *rest;
	int argc = 0;

	if (size < 2)
		return 0;
	text = rest = fuzz_string(data + 1, size - 1);
	while (argc < WORDS && rest)
		argv[argc++] = strsep(&rest, "\n");
	argv[argc] = NULL;
	if (data[0] & 1)
		as_nsjoin(argc, argv);
	else
		as_own(argc, argv);
	free(text);
	return 0;
}
