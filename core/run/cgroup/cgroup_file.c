/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/cgroup_file.h"

#include "core/base/cleanup.h"
#include "core/run/cgroup/cgroup.h"

#include <fcntl.h>
#include <limits.h>

static int open_in(const char *controller, const char *group)
{
	const char *mount = cgroup_mount_point(controller);
	char path[PATH_MAX];
	int len;

	if (!mount) {
		errno = ENOENT;
		return -1;
	}
	len = snprintf(path, sizeof(path), "%s/%s", mount, group);
	if (len < 0 || (size_t)len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int cgroup_open(enum plan_cgroup_kind kind, const char *controller, const char *group)
{
	/* By the controllers that v2's has. */
	static const char *const any[] = { "pids", "memory", "cpu", "io", "cpuset" };

	errno = ENOENT;
	if (kind == PLAN_CGROUP_NONE || *group == '\0')
		return -1;
	if (kind == PLAN_CGROUP_V1)
		return open_in(controller, group);
	for (size_t i = 0; i < sizeof(any) / sizeof(*any); i++) {
		int fd = open_in(any[i], group);

		if (fd >= 0 || errno != ENOENT)
			return fd;
	}
	return -1;
}
