/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the hierarchies are: asked for once, or told by who has asked. */
#include "core/run/cgroup/cgroup.h"

#include "core/run/cgroup/cgroup_internal.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Every controller that a group of ours may use. */
const char *const cgroup_controllers[CGROUP_N_CONTROLLERS] = { "pids", "memory", "cpu",
	"cpuacct", "freezer", "cpuset", "blkio", "io", "devices", "name=systemd",
	"unified" };

static char *mounts[CGROUP_N_CONTROLLERS];

static const char *mount_of(size_t i)
{
	if (!mounts[i])
		mounts[i] = cgroup_ask_mount(i);
	return mounts[i] && *mounts[i] ? mounts[i] : NULL;
}

const char *cgroup_mount_point(const char *controller)
{
	for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++)
		if (strcmp(controller, cgroup_controllers[i]) == 0)
			return mount_of(i);
	return NULL;
}

int cgroup_mounts_tell(char *buf, size_t size)
{
	struct err ignored;
	size_t len = 0;

	for (size_t i = 0; i < CGROUP_N_CONTROLLERS && len < size; i++) {
		const char *mount = mount_of(i);

		/* There are none on this host, or there is no memory. */
		if (!mounts[i] && cgroup_start(&ignored) == 0)
			return -1;
		len += (size_t)snprintf(
			buf + len, size - len, "%s\n", mount ? mount : "");
	}
	return len < size ? 0 : -1;
}

void cgroup_mounts_hear(const char *text)
{
	for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++) {
		size_t len = strcspn(text, "\n");

		free(mounts[i]);
		mounts[i] = strndup(text, len);
		text += len + (text[len] == '\n');
	}
}

int cgroup_path(const char *controller, const char *group, const char *file, char *buf,
	size_t size)
{
	const char *mount = cgroup_mount_point(controller);
	int len;

	if (!mount)
		return -1;
	len = snprintf(buf, size, "%s/%s%s%s", mount, group, *file ? "/" : "", file);
	return len > 0 && (size_t)len < size ? 0 : -1;
}

enum plan_cgroup_kind cgroup_kind(void)
{
	struct err ignored;
	char path[PATH_MAX];
	bool any = false;

	if (cgroup_start(&ignored) < 0)
		return PLAN_CGROUP_NONE;
	for (size_t i = 0; i < CGROUP_N_KERNEL; i++) {
		if (cgroup_path(cgroup_controllers[i], "", "cgroup.controllers", path,
			    sizeof(path)) < 0)
			continue;
		if (access(path, F_OK) == 0)
			return PLAN_CGROUP_V2;
		any = true;
	}
	return any ? PLAN_CGROUP_V1 : PLAN_CGROUP_NONE;
}
