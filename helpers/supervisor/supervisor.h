/* SPDX-License-Identifier: BSD-3-Clause */
/* The small host-side process of a session: waits for leases and init, then takes all
 * away. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/mount/stage.h"
#include "helpers/opener/programs.h"

#include <stdbool.h>

/**
 * supervisor_run() - Open a session, supervise it, end it
 * @stage:	from stage_look(); the supervisor's
 * @sock:	the first login's; the supervisor's
 * @terminal:	to lend, or -1; the supervisor's
 * @preparer:	socket to groups_prepare() in another process; the supervisor's
 * @account_lock:	the account's lock, where it was taken already; else -1
 * @born:	groups that the supervisor is in, but for those of v1, which it moves into now
 * @programs:	init and supervisor are its own
 * @allow:	OnError=allow
 *
 * Should:   be the only thing its process does from here on
 */
_Noreturn void supervisor_run(const struct plan *plan, const struct stage *stage,
	int sock, int terminal, int preparer, int account_lock,
	const struct cgroup_fds *born, const struct programs *programs, bool allow);

/**
 * supervisor_hand_over() - Share=account: give a login to the account's running session
 * @sock:	the login's socket; a copy goes over
 * @ret_account_lock:	where there is no session: the account's lock, to be kept until there is one, so
 *		that logins at the same time find it
 *
 * Return: 1 when a session took it; 0 when there is none; -1 with @e, e->num ETIMEDOUT when
 * there is one that doesn't answer.
 */
int supervisor_hand_over(
	const struct plan *plan, int sock, int *ret_account_lock, struct err *e);
