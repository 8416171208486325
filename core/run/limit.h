/* SPDX-License-Identifier: BSD-3-Clause */
/* Changing a limit of an account that has sessions. */
#pragma once

#include "core/base/err.h"
#include "core/plan/limits.h"

/**
 * limit_write() - Write one value into a group
 * @group:	"nsshell/1000"
 *
 * Return: 0; -1 with @e: e->num ENOENT where the host has no such controller, EBUSY where the
 * group's processes use more than that (cgroup v1).
 */
int limit_write(enum plan_cgroup_kind kind, const char *group, const struct limit_file *f,
	struct err *e);
