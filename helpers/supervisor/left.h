/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the opener leaves to nsshell-supervisor, which it becomes: plain data and the plan, in a memfd. Fds are named by their
 * numbers, which an exec keeps.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/run/cgroup/cgroup.h"
#include "helpers/supervisor/pass_on.h"
#include "helpers/supervisor/session.h"

#include <stdint.h>

struct supervisor_left {
	struct pass_on head;
	int sock;                     /* the first login's */
	pid_t caller;                 /* who that is, */
	char before[CGROUP_TEXT_MAX]; /* and where cgroup_of() found it */
	uint64_t begun;               /* CLOCK_MONOTONIC, usec */
	char mounts[CGROUP_MOUNTS_MAX];
	struct session session; /* but for the plan */
};

/**
 * left_write() - All of it, and the plan, into a memfd, with the fds that it names to be kept over an exec
 * @ret:	the memfd, for the exec to keep
 *
 * Return: 0 or -1 with @e; then the fds are as they were.
 */
int left_write(struct supervisor_left *l, int *ret, struct err *e);

/**
 * left_read() - The other way round, at once after the exec
 * @fd:		closed
 * @plan:	filled; l->session.plan points at it. Never freed
 *
 * Return: 0; -1 with @e: then nothing is known of the session.
 */
int left_read(int fd, struct supervisor_left *l, struct plan *plan, struct err *e);

/* None of its fds, and no other, outlives the next exec. Return: 0 or -1 with @e. */
int left_keep(struct err *e);
