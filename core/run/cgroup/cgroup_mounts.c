/* SPDX-License-Identifier: BSD-3-Clause */
/* libcgroup itself: started once, and asked where the hierarchies are. */
#include "core/run/cgroup/cgroup.h"

#include "core/base/compat.h"
#include "core/run/cgroup/cgroup_internal.h"
#include "core/run/cgroup/cgroup_join.h"

#include <libcgroup.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Every controller that a group of ours may use. */
const char *const cgroup_controllers[CGROUP_N_CONTROLLERS] = { "pids", "memory", "cpu",
	"cpuacct", "freezer", "cpuset", "blkio", "io", "devices", "name=systemd",
	"unified" };

/* libcgroup would print to stdout where CGROUP_LOGLEVEL is set. */
static void no_log(void *data, int level, const char *fmt, va_list ap)
{
	(void)data, (void)level, (void)fmt, (void)ap;
}

const char *cgroup_failure(int code)
{
	return code == ECGOTHER ? strerrordesc_np(cgroup_get_last_errno())
				: cgroup_strerror(code);
}

int cgroup_start(struct err *e)
{
	static bool done;
	int r;

	if (done)
		return 0;
	cgroup_set_logger(no_log, CGROUP_LOG_ERROR, NULL);
	r = cgroup_init();
	if (r != 0)
		return err_set(e, 0, "start libcgroup: %s", cgroup_failure(r));
	done = true;
	return 0;
}

static char *find_mount(size_t i)
{
	char path[PATH_MAX / 2], *mount = NULL;

	/* libcgroup knows no hierarchy by what it doesn't have. */
	if (i >= CGROUP_N_KERNEL)
		return strdup(
			cgroup_mount_find(i == CGROUP_N_KERNEL ? "name=systemd" : "",
				path, sizeof(path)) < 0
				? ""
				: path);
	if (cgroup_get_subsys_mount_point(cgroup_controllers[i], &mount) != 0)
		return strdup("");
	return mount;
}

/* libcgroup reads the mount table at every question: ask once for each controller. */
const char *cgroup_mount_point(const char *controller)
{
	static char *mounts[CGROUP_N_CONTROLLERS];
	struct err ignored;

	if (cgroup_start(&ignored) < 0)
		return NULL;
	for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++) {
		if (strcmp(controller, cgroup_controllers[i]) != 0)
			continue;
		if (!mounts[i])
			mounts[i] = find_mount(i);
		return mounts[i] && *mounts[i] ? mounts[i] : NULL;
	}
	return NULL;
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
