/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/cgroup_file.h"

#include "core/run/cgroup/cgroup_internal.h"

#include <errno.h>

int cgroup_open(enum plan_cgroup_kind kind, const char *controller, const char *group)
{
	/* By the controllers that v2's has. */
	static const char *const any[] = { "pids", "memory", "cpu", "io", "cpuset" };

	errno = ENOENT;
	if (kind == PLAN_CGROUP_NONE || *group == '\0')
		return -1;
	if (kind == PLAN_CGROUP_V1)
		return cgroup_directory(controller, group);
	for (size_t i = 0; i < sizeof(any) / sizeof(*any); i++) {
		int fd = cgroup_directory(any[i], group);

		if (fd >= 0 || errno != ENOENT)
			return fd;
	}
	return -1;
}
