/* SPDX-License-Identifier: BSD-3-Clause */
/* The directory of a control group, for those that read or write single files in it. */
#pragma once

#include "core/plan/plan.h"

/**
 * cgroup_open() - Open a group's directory
 * @controller:	"memory"; on v2, where all share one hierarchy, any
 * @group:	"nsshell/1000" or "nsshell/1000/ID"
 *
 * Return: O_CLOEXEC fd, the caller's, or -1 with errno; ENOENT also where the host has no
 * such controller.
 */
int cgroup_open(enum plan_cgroup_kind kind, const char *controller, const char *group);
