/* SPDX-License-Identifier: BSD-3-Clause */
/* The processes of a session, found by its cgroup and held by pidfds. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/run/session/record.h"

#include <stddef.h>
#include <sys/types.h>

/**
 * members_list() - Pids of a group
 * @ret:	free() it; NULL for none
 *
 * Return: 0 or -1 with @e.
 */
int members_list(enum plan_cgroup_kind kind, const char *group, pid_t **ret,
	size_t *ret_n, struct err *e);

/**
 * members_signal() - Send a signal to the processes of a session
 * @ret_n:	how many got it
 *
 * Each pid is held by a pidfd and then seen to be in the group and in a pid namespace other
 * than ours: a pid that was used again is never hit, and neither is the login program, which is
 * in the session's namespaces but was started outside, nor a child of it that is the same program: sshd's,
 * which carries the connection. Init gets SIGKILL alone, which takes all others along; it would pass every
 * other signal on to those that got it already.
 *
 * Return: 0 or -1 with @e.
 */
int members_signal(const struct record *r, int sig, size_t *ret_n, struct err *e);
