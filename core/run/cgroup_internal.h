/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of cgroup.h share. */
#pragma once

#include "core/base/err.h"

#include <stddef.h>

/* Every controller that a group of ours may use. */
#define CGROUP_N_CONTROLLERS 9
extern const char *const cgroup_controllers[CGROUP_N_CONTROLLERS];

/* Start libcgroup, with its log off; does nothing the second time. Return: 0 or -1 with @e. */
int cgroup_start(struct err *e);

/* The words for a libcgroup error code. */
const char *cgroup_failure(int code);

/**
 * cgroup_path() - Path of a group's folder, or of a file in it, in one controller's hierarchy
 * @file:	"" for the folder
 *
 * Return: 0, or -1 where the controller isn't mounted or @buf too small.
 */
int cgroup_path(const char *controller, const char *group, const char *file, char *buf,
	size_t size);
