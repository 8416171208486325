/* SPDX-License-Identifier: BSD-3-Clause */
/* libcgroup itself: started once, and asked where the hierarchies are. */
#include "core/base/compat.h"
#include "core/run/cgroup/cgroup_internal.h"
#include "core/run/cgroup/cgroup_join.h"

#include <libcgroup.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

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

/* libcgroup reads the mount table at every question. */
char *cgroup_ask_mount(size_t i)
{
	char path[PATH_MAX / 2], *mount = NULL;
	struct err ignored;

	if (cgroup_start(&ignored) < 0)
		return NULL;

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
