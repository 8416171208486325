/* SPDX-License-Identifier: BSD-3-Clause */
/* Stopping every process of a group where it stands, and letting it go on. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <stdbool.h>

/**
 * freeze_set() - Freeze or thaw a group
 * @group:	"nsshell/1000/ID"
 *
 * v2: cgroup.freeze (Linux 5.2), v1: the freezer controller. Waits up to a second until all
 * of it stands; a process in an uninterruptible sleep may take longer. On v1 a frozen process
 * doesn't even die of SIGKILL before it is thawed.
 *
 * Return: 0 or -1 with @e; ETIMEDOUT when some still run, the group being set to freeze.
 */
int freeze_set(enum plan_cgroup_kind kind, const char *group, bool frozen, struct err *e);

/* Whether a group is set to freeze. Return: 1, 0, or -1 where it can't be told. */
int freeze_get(enum plan_cgroup_kind kind, const char *group);

/**
 * freeze_thaw() - Let a group that is about to be ended hear of it
 *
 * Nothing happens to a group that isn't frozen, or isn't there.
 */
void freeze_thaw(enum plan_cgroup_kind kind, const char *group);
