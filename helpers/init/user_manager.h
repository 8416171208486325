/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UserManager=: systemd --user in a session, as the account, started by the session's init. It
 * is one of the user's processes: nothing of ours trusts it, and a session goes on without it.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <sys/types.h>

/* How long a login waits for it, at most. systemctl --user works from then on. */
#define USER_MANAGER_WAIT_MS 30000
/* Inside; gone once it is ready. */
#define USER_MANAGER_NOTIFY "/run/nsshell/manager"

struct user_manager {
	pid_t pid;  /* 0: there is none */
	int pidfd;  /* readable when it has ended */
	int notify; /* the socket that it says READY=1 to, sd_notify(3) */
	int said;   /* what went wrong before its exec; at its end afterwards */
};
#define USER_MANAGER_NONE                                                                \
	{                                                                                \
		.pidfd = -EBADF, .notify = -EBADF, .said = -EBADF                        \
	}

/**
 * user_manager_start() - Fork the account's user manager, where the plan has one
 * @group:	cgroup.procs of the group that is the account's own
 * @filter:	the session's system call filter, or negative
 * @ret:	for user_manager_await()
 * @note:	why there is none
 *
 * Should:   be called as root of the box, in its root, before capabilities are dropped
 * Mustn't:  give it anything but the account's ids, the session's filter, and /dev/null
 *
 * Return: 0, or -1 with @note.
 */
int user_manager_start(const struct plan *plan, int group, int filter,
	struct user_manager *ret, struct err *note);

/**
 * user_manager_await() - Wait until it is ready, or won't be
 *
 * Closes what user_manager_start() opened, also where that failed. Return: 0, or -1 with @note.
 */
int user_manager_await(struct user_manager *m, struct err *note);
