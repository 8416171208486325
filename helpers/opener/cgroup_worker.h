/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session's cgroups are made by one process while another builds the rootfs: both take
 * about as long.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/run/cgroup/cgroup.h"

#include <stdbool.h>

/**
 * groups_prepare() - Make the groups when told to, and hand them over
 * @peer:	to the supervisor; stays the caller's
 * @login:	the login's socket: where a v2 group is among them it gets PROTO_MOVE from here,
 *		since that move costs one RCU grace period (8 to 11 ms), which passes while the
 *		rootfs is built
 * @supervisor:	the supervisor, or 0 where it was born in its group, as cgroup_prepare() says
 *
 * Returns once the supervisor has said that it needs nobody any more, groups_let_go(), or is gone. Return: whether it has.
 *
 * The supervisors' group comes after, when nobody waits.
 */
bool groups_prepare(const struct plan *plan, int peer, int login, pid_t supervisor);

/* The supervisor's record is there: what is made from now on can be found after a crash. */
int groups_begin(int peer, struct err *e);

/* nsshell-supervisor has taken over, or takes away by itself what there is. */
void groups_let_go(int peer);

/**
 * groups_await() - Take the session's groups, or, the second time, the supervisors'
 * @ret:	filled on success
 *
 * Return: 0 or -1 with @e, the other process's own.
 */
int groups_await(int peer, struct cgroup_fds *ret, struct err *e);

/* Wait until the other process has ended, whatever it makes. @peer -EBADF: there is none. */
void groups_finish(int peer);
