/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl stop: end sessions, and wait until nothing of them is left. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/session/account_sessions.h"
#include "core/run/session/own_sessions.h"
#include "core/run/session/stop.h"

#include <string.h>
#include <unistd.h>

#define STEP_MS 100
/* Init gives its processes three seconds, and the rest of the teardown takes as long. */
#define TIMEOUT_MS 15000
/* To know who has a lock takes a moment's try. */
#define LOOK_MS 1

struct stopping {
	const struct nsctl_session *s;
	int supervisor; /* a pidfd of it, for who isn't root a connection to it; -EBADF: nothing to wait for */
	bool quiet, terminal;
};

/* What waits, on a terminal one line that changes. */
static void progress(const struct stopping *g, long *before)
{
	const struct record *r = &g->s->record;
	long n = cgroup_count(r->cgroup[0] ? cgroup_kind() : PLAN_CGROUP_NONE, r->cgroup);

	if (g->quiet || n <= 0 || (*before >= 0 && n >= *before))
		return;
	*before = n;
	(void)printf("%ssession %s of %s: %ld process%s left%s",
		g->terminal ? "\r\033[K" : "", r->id, r->user, n, n == 1 ? "" : "es",
		g->terminal ? "" : "\n");
	(void)fflush(stdout);
}

/* A session's end takes its account's lock, which is root's to look at. */
static int late(const struct record *r, struct err *e)
{
	_cleanup_close_ int account_lock = -EBADF;
	struct err lock;
	bool held = geteuid() == 0 &&
		    account_sessions_lock(r->uid, LOOK_MS, &account_lock, &lock) == 1;

	return err_set(e, 0,
		"session %s of %s isn't gone after %d s%s%s: \"nsctl status %s\" shows what is left, \"nsctl stop --kill\" doesn't ask it",
		r->id, r->user, TIMEOUT_MS / 1000, held ? ", and waits to " : "",
		held ? lock.msg : "", r->id);
}

static int await(const struct stopping *g, struct err *e)
{
	const struct record *r = &g->s->record;
	uint64_t begun = clock_ms();
	long before = -1;

	while (g->supervisor >= 0 && !stop_wait(g->supervisor, STEP_MS)) {
		if (clock_ms() - begun > TIMEOUT_MS)
			return late(r, e);
		progress(g, &before);
	}
	if (!g->quiet)
		(void)printf("%ssession %s of %s has ended\n",
			g->terminal ? "\r\033[K" : "", r->id, r->user);
	return 0;
}

static int begin(struct stopping *g, struct err *e)
{
	return geteuid() == 0 ? stop_begin(&g->s->record, &g->supervisor, e)
			      : own_stop(g->s->record.id, &g->supervisor, e);
}

/* All are told first, so that their graces run together. */
static int stop_all(struct stopping *g, size_t n, bool kill, bool wait, struct err *e)
{
	struct err next = { 0 };
	int result = 0;

	for (size_t i = 0; i < n; i++) {
		struct err *at = result ? &next : e;

		if (begin(&g[i], at) < 0 || (kill && stop_kill(&g[i].s->record, at) < 0))
			result = -1;
	}
	for (size_t i = 0; wait && i < n; i++)
		if (await(&g[i], result ? &next : e) < 0)
			result = -1;
	return result;
}

/* Without words all that the caller may stop. */
static int find(char *const *words, size_t n_words, struct nsctl_session **ret,
	size_t *ret_n, struct err *e)
{
	size_t bad;

	return n_words > 0 ? nsctl_targets(NSCTL_OWN, words, n_words, ret, ret_n, e)
			   : nsctl_sessions(NSCTL_OWN, ret, ret_n, &bad, e);
}

static int stop(char *const *words, size_t n_words, bool kill, bool wait, bool quiet,
	struct err *e)
{
	_cleanup_free_ struct nsctl_session *sessions = NULL;
	_cleanup_free_ struct stopping *g = NULL;
	size_t n;
	int r;

	if (find(words, n_words, &sessions, &n, e) < 0)
		return -1;
	if (geteuid() != 0 && kill)
		return err_set(e, 0, "killing at once is root's: run it as root");
	g = calloc(n + 1, sizeof(*g));
	if (!g)
		return err_set(e, ENOMEM, "stop sessions");
	for (size_t i = 0; i < n; i++)
		g[i] = (struct stopping){ &sessions[i], -EBADF, quiet,
			isatty(STDOUT_FILENO) == 1 };
	r = stop_all(g, n, kill, wait, e);
	for (size_t i = 0; i < n; i++)
		cleanup_close(&g[i].supervisor);
	return r;
}

int nsctl_stop(int argc, char **argv)
{
	bool all = false, kill = false, quiet = false, no_wait = false;
	const struct nsctl_option options[] = {
		{ 'a', "all", NULL, "all sessions", &all, NULL },
		{ 'k', "kill", NULL, "kill at once, without SIGTERM and grace", &kill,
			NULL },
		{ 0, "no-wait", NULL, "don't wait until it is gone", &no_wait, NULL },
		{ 'q', "quiet", NULL, "say nothing of it", &quiet, NULL },
		{ 0 },
	};
	int first,
		r = nsctl_options(options, "USER|SESSION...|--all", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (all != (first == argc))
		return nsctl_usage(
			argv[0], all ? "--all takes no USER or SESSION"
				     : "which sessions? expected USER, SESSION or --all");
	if (stop(argv + first, (size_t)(argc - first), kill, !no_wait, quiet, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
