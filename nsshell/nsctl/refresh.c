/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl refresh: have running sessions show the files of the lxcfs that runs now. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/clock.h"
#include "core/run/mount/lxcfs.h"
#include "core/run/session/stop.h"

#include <unistd.h>

/* lxcfs is started before it is mounted; how long that may take. */
#define WAIT_MS  5000
#define AGAIN_MS 50
#define ENDS_MS  500

static int find(bool wait, char where[PATH_MAX], struct err *e)
{
	bool dead = false;

	for (int ms = 0;; ms += AGAIN_MS) {
		if (lxcfs_find(where, &dead, e) < 0)
			return -1;
		if (!wait || (*where && !dead) || ms >= WAIT_MS)
			break;
		clock_pause(AGAIN_MS * 1000);
	}
	if (dead)
		where[0] = '\0';
	return 0;
}

/* Whether a session is just ending: its namespaces go shortly before its init does. */
static bool ends(const struct record *r)
{
	_cleanup_close_ int init = io_process_hold(r->init.pid, r->init.start);

	return init < 0 || stop_wait(init, ENDS_MS) == 1;
}

static int refresh(bool wait, bool quiet, struct err *e)
{
	_cleanup_free_ struct nsctl_session *sessions = NULL;
	size_t n, bad, done = 0, failed = 0;
	char where[PATH_MAX];

	if (nsctl_sessions(NSCTL_REFUSE, &sessions, &n, &bad, e) < 0 ||
		find(wait, where, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct record *r = &sessions[i].record;
		struct err why = { 0 };

		if (r->init.pid > 0 && lxcfs_renew(r, where, &why) == 0)
			done++;
		if (why.msg[0] == '\0' || ends(r))
			continue;
		failed++;
		(void)fprintf(stderr, "session %s of %s: %s\n", r->id, r->user, why.msg);
	}
	if (!quiet && *where)
		(void)printf("%zu sessions show lxcfs at %s\n", done, where);
	else if (!quiet)
		(void)printf("%zu sessions show the host's numbers: lxcfs doesn't run\n",
			done);
	return failed > 0 ? err_set(e, 0, "%zu sessions are as they were", failed) : 0;
}

int nsctl_refresh(int argc, char **argv)
{
	bool quiet = false, wait = false;
	const struct nsctl_option options[] = {
		{ 'q', "quiet", NULL, "say nothing but errors", &quiet, NULL },
		{ 'w', "wait", NULL, "give lxcfs five seconds to be there", &wait, NULL },
		{ 0 },
	};
	int r = nsctl_options(options, "", argc, argv, NULL);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (refresh(wait, quiet, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
