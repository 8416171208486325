/* SPDX-License-Identifier: BSD-3-Clause */
/* Ending sessions of the caller's own, as nsctl stop does for root. */
#include "nsshell/own.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/run/members.h"
#include "core/run/pause.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As long as nsctl stop waits for root. */
#define TIMEOUT_MS 15000

static int tell(const struct door_before *caller, const char *id, int *ret, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct record r;

	if (own_find(caller, id, &r, e) < 0)
		return -1;
	fd = members_hold(&r.supervisor);
	if (fd < 0)
		return err_set(e, 0,
			"the supervisor of session %s is gone; the next login, or root's "
			"`nsctl gc`, takes away what is left",
			id);
	/* Its processes would go on for as long as they have to end. */
	if (pause_is_roots(&r))
		return err_set(e, EPERM,
			"root has paused session %s, and has to resume or end it", id);
	if (sys_pidfd_signal(fd, SIGTERM) < 0)
		return err_set(e, errno, "tell the supervisor of session %s", id);
	*ret = take_fd(&fd);
	return 0;
}

/* As the caller: who doesn't read what is told keeps only themselves waiting. */
static int await(int fd, const char *id, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, TIMEOUT_MS) <= 0)
		return err_set(e, 0,
			"session %s isn't gone after %d s: \"nsctl status %s\" shows what is left",
			id, TIMEOUT_MS / 1000, id);
	(void)dprintf(STDOUT_FILENO, OWN_STOP_GONE);
	return 0;
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
		r = tell(caller, argv[OWN_STOP_REST + i], &fds[i], &e);
	own_leave_root((void *)(uintptr_t)caller);
	for (int i = 0; wait && i < n && r == 0; i++)
		r = await(fds[i], argv[OWN_STOP_REST + i], &e);
	if (r == 0)
		return 0;
	(void)dprintf(STDERR_FILENO, "nsshell-own: %s\n", e.msg);
	return OWN_FAILED;
}
