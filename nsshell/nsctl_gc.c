/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl gc: take away what crashed sessions left. */
#include "nsshell/nsctl.h"
#include "nsshell/nsctl_sessions.h"

#include "core/base/cleanup.h"
#include "core/run/reconcile.h"

#include <string.h>

static size_t orphans_print(const struct nsctl_session *s, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		char since[64];

		if (strcmp(s[i].state, "crashed") != 0)
			continue;
		found++;
		nsctl_time(s[i].record.since, since, sizeof(since));
		(void)printf(
			"session %s of %s, opened %s: its supervisor is gone; %ld processes%s%s\n",
			s[i].record.id, s[i].record.user, since,
			s[i].processes < 0 ? 0 : s[i].processes,
			s[i].record.cgroup[0] ? ", cgroup " : "", s[i].record.cgroup);
	}
	return found;
}

static int collect(bool dry, struct err *e)
{
	_cleanup_free_ struct nsctl_session *sessions = NULL;
	size_t n, bad, found, ended = 0;

	if (nsctl_sessions(NSCTL_REFUSE, &sessions, &n, &bad, e) < 0)
		return -1;
	found = orphans_print(sessions, n);
	if (!dry && reconcile_all(&ended, e) < 0)
		return -1;
	if (dry)
		(void)printf("%zu would be ended, %zu run\n", found, n - found);
	else
		(void)printf("%zu ended, %zu run\n", ended, n - found);
	if (bad > 0)
		(void)fprintf(stderr,
			"nsctl gc: %zu records can't be read and are left alone\n", bad);
	return 0;
}

int nsctl_gc(int argc, char **argv)
{
	bool dry = false;
	const struct nsctl_option options[] = {
		{ 'n', "dry-run", NULL, "show it and leave it", &dry, NULL },
		{ 0 },
	};
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (collect(dry, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
