/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/stop.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/freeze.h"
#include "core/run/session/reconcile.h"

#include <poll.h>
#include <signal.h>

/* Frozen processes hear nothing, and on cgroup v1 don't even die. */
static void thaw(const struct record *r)
{
	freeze_thaw(r->cgroup[0] ? cgroup_kind() : PLAN_CGROUP_NONE, r->cgroup);
}

/* What it left is taken away. Return: 1 when nothing is left to wait for, or -1 with @e. */
static int end_left(const struct record *r, struct err *e)
{
	size_t n;

	if (reconcile_all(&n, e) < 0)
		return -1;
	return record_is_alive(r->id, e) == 0
		       ? 1
		       : err_set(e, 0, "the supervisor of session %s can't be told",
				 r->id);
}

int stop_begin(const struct record *r, int *ret_pidfd, struct err *e)
{
	_cleanup_close_ int pidfd =
		io_process_hold(r->supervisor.pid, r->supervisor.start);

	thaw(r);
	if (pidfd < 0 && errno == ESRCH)
		return end_left(r, e);
	if (pidfd < 0 || sys_pidfd_signal(pidfd, SIGTERM) < 0)
		return err_set(e, errno, "tell the supervisor of session %s", r->id);
	*ret_pidfd = take_fd(&pidfd);
	return 0;
}

/* Of one whose record doesn't tell its init: its supervisor hears the end of that. */
static void kill_group(const struct record *r)
{
	thaw(r);
	if (r->cgroup[0])
		(void)cgroup_kill(cgroup_kind(), r->cgroup, 0);
}

int stop_kill(const struct record *r, struct err *e)
{
	_cleanup_close_ int init = io_process_hold(r->init.pid, r->init.start);

	if (init < 0 && errno == ESRCH) {
		if (r->state == RECORD_UNKNOWN)
			kill_group(r);
		return 0;
	}
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
