/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl list: running sessions, one a line. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"

#include <string.h>
#include <unistd.h>

#define COLUMNS_DEFAULT "id,user,from,service,since,tty,processes,memory,cpu,state"

static void look_for_outdated(
	struct nsctl_session *sessions, size_t n, const char *config)
{
	for (size_t i = 0; i < n; i++)
		nsctl_outdated_look(&sessions[i], config);
}

static int list(const struct nsctl_look *look, const char *config, struct err *e)
{
	_cleanup_free_ struct nsctl_session *sessions = NULL;
	const struct nsctl_column *shown[TABLE_CHOSEN_MAX];
	size_t n = 0, bad = 0;
	int n_shown;

	/* A mistyped column is told before anything is read. */
	n_shown = nsctl_columns_parse(look->columns, shown, e);
	if (n_shown < 0 || nsctl_sessions(NSCTL_OWN, &sessions, &n, &bad, e) < 0)
		return -1;
	for (int i = 0; i < n_shown; i++) {
		if (strcmp(shown[i]->head.name, "OUTDATED") == 0)
			look_for_outdated(sessions, n, config);
		if (shown[i]->field && strncmp(shown[i]->field, "net_", 4) == 0)
			nsctl_network_look(sessions, n);
	}
	if (nsctl_table_print(look, sessions, n, e) < 0)
		return -1;
	if (bad > 0)
		(void)fprintf(stderr,
			"nsctl list: %zu in state unknown: of another version of nsshell, or with a "
			"damaged record; nsctl stop ends it\n",
			bad);
	return 0;
}

int nsctl_list(int argc, char **argv)
{
	struct nsctl_look look = { .columns = geteuid() == 0 ? COLUMNS_DEFAULT ",outdated"
							     : COLUMNS_DEFAULT };
	const char *config = NULL;
	const struct nsctl_option options[] = {
		TABLE_OPTIONS(look.how),
		{ 'o', "output", "COLS", "columns to show, separated by commas", NULL,
			&look.columns },
		{ 'c', "config", "FILE", "what logins read, for OUTDATED", NULL,
			&config },
		{ 0 },
	};
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r == NSCTL_OK)
		nsctl_columns_help();
	if (r >= 0)
		return nsctl_flush(argv[0], r);
	if (look.how.json && look.how.raw)
		return nsctl_usage(argv[0], "--json and --raw are two different outputs");
	if (list(&look, config, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
