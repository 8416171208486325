/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of nsjoin's command line; the first byte is of no use to it. */
#include "nsshell/nsjoin/nsjoin.h"
#include "tests/fuzz/fuzz.h"

#define WORDS 24

static void as_nsjoin(int argc, char **argv)
{
	struct nsjoin_request q = { 0 };
	struct nsjoin_options o = { 0 };
	struct err e = { 0 };

	if (nsjoin_parse(argc, argv, &q, &o, &e) < 0)
		must(e.msg[0]);
	else if (!o.help && !o.version)
		must(q.target && (!q.directory || q.directory[0] == '/'));
	strlist_clear(&q.env);
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
	as_nsjoin(argc, argv);
	free(text);
	return 0;
}
