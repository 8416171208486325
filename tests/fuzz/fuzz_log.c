/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of a syslog file, which everybody on a host may write to. */
#include "nsshell/nsctl/log.h"
#include "tests/fuzz/fuzz.h"

static void printable(const struct log *l)
{
	for (size_t i = 0; i < l->n; i++) {
		must(l->v[i].what && l->v[i].what[0]);
		for (const char *at = l->v[i].text; *at; at++)
			must(*at >= ' ' && *at <= '~');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct log_filter all = { .max = 5 },
				alice = { .user = "alice", .uid = 1000 };
	char *text = fuzz_string(data, size), *rest = text, *line, *tag, *said;
	struct log l = { 0 }, hers = { 0 };
	uint64_t usec = 0;

	while ((line = strsep(&rest, "\n")))
		if (log_parse_line(line, 1700000000, &usec, &tag, &said) == 0) {
			(void)log_take(&l, &all, usec, tag, said);
			(void)log_take(&hers, &alice, usec, tag, said);
		}
	log_finish(&l, &all);
	must(l.n <= all.max);
	printable(&l);
	printable(&hers);
	log_clear(&l);
	log_clear(&hers);
	free(text);
	return 0;
}
