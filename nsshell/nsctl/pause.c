/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl pause and resume: let all processes of a session stand still, and go on. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"
#include "core/run/enter/inside.h"
#include "core/run/session/own_sessions.h"
#include "core/run/session/pause.h"

#include <unistd.h>

static int set_one(const struct record *r, bool frozen, struct err *e)
{
	struct session_answer a;

	if (frozen && inside_is(r->id))
		return err_set(e, 0,
			"this runs in it, and couldn't let it go on: pause it from elsewhere");
	if (geteuid() != 0)
		return own_ask(
			r->id, frozen ? SESSION_PAUSE : SESSION_RESUME, 0, &a, NULL, e);
	return frozen ? pause_session(r, PAUSE_ROOT, e) : pause_resume(r, PAUSE_ROOT, e);
}

static int set_all(
	char *const *words, size_t n_words, bool frozen, bool quiet, struct err *e)
{
	_cleanup_free_ struct nsctl_session *sessions = NULL;
	size_t n;

	if (nsctl_targets(NSCTL_OWN, words, n_words, &sessions, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct record *r = &sessions[i].record;

		if (set_one(r, frozen, e) < 0)
			return err_wrap(e, "session %s of %s", r->id, r->user);
		if (!quiet)
			(void)printf("session %s of %s: %s\n", r->id, r->user,
				frozen ? "paused" : "resumed");
	}
	return 0;
}

static int run(int argc, char **argv, bool frozen)
{
	bool quiet = false;
	const struct nsctl_option options[] = {
		{ 'q', "quiet", NULL, "say nothing of it", &quiet, NULL },
		{ 0 },
	};
	int first, r = nsctl_options(options, "USER|SESSION...", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (first == argc)
		return nsctl_usage(argv[0], "which sessions? expected USER or SESSION");
	if (set_all(argv + first, (size_t)(argc - first), frozen, quiet, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}

int nsctl_pause(int argc, char **argv)
{
	return run(argc, argv, true);
}

int nsctl_resume(int argc, char **argv)
{
	return run(argc, argv, false);
}
