/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl kill: a signal to the processes of sessions. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/run/cgroup/session_processes.h"
#include "core/run/session/own_sessions.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

/* "TERM", "SIGTERM", "15". Return: 0 for what is no signal. */
static int signal_parse(const char *s)
{
	uint32_t n;

	if (parse_u32(s, &n) == 0)
		return n > 0 && n <= (uint32_t)SIGRTMAX ? (int)n : 0;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	for (int sig = 1; sig < SIGRTMIN; sig++) {
		const char *name = sigabbrev_np(sig);

		if (name && strcasecmp(name, s) == 0)
			return sig;
	}
	return 0;
}

/* Return: to how many processes, or -1 with @e. */
static int kill_one(const struct record *r, int sig, struct err *e)
{
	struct session_answer a;
	size_t hit = 0;

	if (geteuid() != 0)
		return own_ask(r->id, SESSION_SIGNAL, sig, &a, NULL, e);
	return members_signal(r, sig, &hit, e) < 0 ? -1 : (int)hit;
}

static int kill_all(
	char *const *words, size_t n_words, int sig, bool quiet, struct err *e)
{
	_cleanup_free_ struct nsctl_session *sessions = NULL;
	size_t n;

	if (nsctl_targets(NSCTL_OWN, words, n_words, &sessions, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct record *r = &sessions[i].record;
		int hit = kill_one(r, sig, e);

		if (hit < 0)
			return err_wrap(e, "session %s of %s", r->id, r->user);
		if (!quiet)
			(void)printf("session %s of %s: SIG%s to %d process%s%s\n", r->id,
				r->user, sigabbrev_np(sig) ? sigabbrev_np(sig) : "RT",
				hit, hit == 1 ? "" : "es",
				strcmp(sessions[i].state, "paused") == 0
					? " (paused: they hear it when it is resumed)"
					: "");
	}
	return 0;
}

int nsctl_kill(int argc, char **argv)
{
	const char *name = "TERM";
	bool quiet = false;
	const struct nsctl_option options[] = {
		{ 's', "signal", "SIG", "a name or a number; TERM if not given", NULL,
			&name },
		{ 'q', "quiet", NULL, "say nothing of it", &quiet, NULL },
		{ 0 },
	};
	int first, sig, r = nsctl_options(options, "USER|SESSION...", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (first == argc)
		return nsctl_usage(argv[0], "which sessions? expected USER or SESSION");
	sig = signal_parse(name);
	if (sig == 0)
		return nsctl_usage(argv[0], "\"%s\" is no signal", name);
	if (kill_all(argv + first, (size_t)(argc - first), sig, quiet, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
