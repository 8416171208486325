/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/stop.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/freeze.h"
#include "core/run/cgroup/session_processes.h"
#include "core/run/session/reconcile.h"

#include <poll.h>
#include <signal.h>

/* Frozen processes hear nothing, and on cgroup v1 don't even die. */
static void thaw(const struct record *r)
{
	freeze_thaw(r->cgroup[0] ? cgroup_kind() : PLAN_CGROUP_NONE, r->cgroup);
}

int stop_begin(const struct record *r, int *ret_pidfd, struct err *e)
{
	_cleanup_close_ int pidfd = members_hold(&r->supervisor);
	size_t n;

	thaw(r);
	if (pidfd < 0 && errno == ESRCH)
		return reconcile_all(&n, e) < 0 ? -1 : 1;
	if (pidfd < 0 || sys_pidfd_signal(pidfd, SIGTERM) < 0)
		return err_set(e, errno, "tell the supervisor of session %s", r->id);
	*ret_pidfd = take_fd(&pidfd);
	return 0;
}

int stop_kill(const struct record *r, struct err *e)
{
	_cleanup_close_ int init = members_hold(&r->init);

	if (init < 0 && errno == ESRCH)
		return 0;
	thaw(r);
	if (init < 0 || sys_pidfd_signal(init, SIGKILL) < 0)
		return err_set(e, errno, "kill session %s", r->id);
	return 0;
}

int stop_wait(int pidfd, int timeout_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) > 0;
}
