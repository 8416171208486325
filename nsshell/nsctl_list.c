/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl list: running sessions, one a line. */
#include "nsshell/nsctl.h"
#include "nsshell/nsctl_sessions.h"

#include "core/base/cleanup.h"

#define COLUMNS_DEFAULT "id,user,from,service,since,tty,processes,memory,cpu,state"

static int list(const struct nsctl_look *look, struct err *e)
{
	_cleanup_free_ struct nsctl_session *sessions = NULL;
	const struct nsctl_column *shown[NSCTL_COLUMNS_MAX];
	size_t n = 0, bad = 0;

	/* A mistyped column is told before anything is read. */
	if (nsctl_columns_parse(look->columns, shown, e) < 0 ||
		nsctl_sessions(NSCTL_OWN, &sessions, &n, &bad, e) < 0 ||
		nsctl_table_print(look, sessions, n, e) < 0)
		return -1;
	if (bad > 0)
		(void)fprintf(stderr,
			"nsctl list: %zu records can't be read and are left out\n", bad);
	return 0;
}

int nsctl_list(int argc, char **argv)
{
	struct nsctl_look look = { .columns = COLUMNS_DEFAULT };
	const struct nsctl_option options[] = {
		{ 'J', "json", NULL, "JSON; sizes in bytes, times in seconds", &look.json,
			NULL },
		{ 'n', "noheadings", NULL, "no line with the columns' names",
			&look.noheadings, NULL },
		{ 'r', "raw", NULL, "for scripts: one blank between columns", &look.raw,
			NULL },
		{ 'b', "bytes", NULL, "sizes in bytes, times in seconds", &look.bytes,
			NULL },
		{ 'o', "output", "COLS", "columns to show, separated by commas", NULL,
			&look.columns },
		{ 0 },
	};
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r == NSCTL_OK)
		nsctl_columns_help();
	if (r >= 0)
		return nsctl_flush(argv[0], r);
	if (look.json && look.raw)
		return nsctl_usage(argv[0], "--json and --raw are two different outputs");
	if (list(&look, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
