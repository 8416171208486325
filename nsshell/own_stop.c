/* SPDX-License-Identifier: BSD-3-Clause */
/* Ending sessions of the caller's own, as nsctl stop does for root. */
#include "nsshell/own.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/record.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As long as nsctl stop waits for root. */
#define TIMEOUT_MS 15000

/* The pid can't become another process's between the two looks at it. */
static int hold(const struct record_process *p)
{
	_cleanup_close_ int fd = p->pid > 0 ? sys_pidfd_open(p->pid) : -1;
	uint64_t start;

	if (fd < 0 || io_process_start(p->pid, &start) < 0 || start != p->start)
		return -1;
	return take_fd(&fd);
}

/* One that is somebody else's is as if it weren't there. */
static int tell(uid_t uid, const char *id, int *ret, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct record r;

	if (strlen(id) > PLAN_ID_LEN || record_read(id, &r, e) != 0 || r.uid != uid)
		return err_set(e, 0, "no session has the id \"%.40s\"", id);
	fd = hold(&r.supervisor);
	if (fd < 0)
		return err_set(e, 0,
			"the supervisor of session %s is gone; the next login, or root's "
			"`nsctl gc`, takes away what is left",
			id);
	if (sys_pidfd_signal(fd, SIGTERM) < 0)
		return err_set(e, errno, "tell the supervisor of session %s", id);
	*ret = take_fd(&fd);
	return 0;
}

static int await(int fd, const char *id, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, TIMEOUT_MS) > 0
		       ? 0
		       : err_set(e, 0, "session %s isn't gone after %d s", id,
				 TIMEOUT_MS / 1000);
}

/* All are told first, so that their graces run together. */
int own_stop(const struct door_before *caller, int argc, char **argv)
{
	int fds[OWN_STOP_MAX], n = argc - OWN_STOP_REST;
	bool wait = argc > OWN_STOP_REST && strcmp(argv[OWN_STOP_WAIT], "wait") == 0;
	struct err e = { 0 };
	int r = 0;

	if (n < 1 || n > OWN_STOP_MAX)
		r = err_set(&e, 0, "stop takes 1 to %d sessions", OWN_STOP_MAX);
	for (size_t i = 0; i < OWN_STOP_MAX; i++)
		fds[i] = -EBADF;
	for (int i = 0; i < n && r == 0; i++)
		r = tell(caller->uid, argv[OWN_STOP_REST + i], &fds[i], &e);
	own_leave_root((void *)(uintptr_t)caller);
	for (int i = 0; wait && i < n && r == 0; i++)
		r = await(fds[i], argv[OWN_STOP_REST + i], &e);
	if (r == 0)
		return 0;
	(void)dprintf(STDERR_FILENO, "nsctl stop: %s\n", e.msg);
	return OWN_FAILED;
}
