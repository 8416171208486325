/* SPDX-License-Identifier: BSD-3-Clause */
/* The groups above an account's: "nsshell", and its slice with limits of its own. */
#include "core/run/cgroup/cgroup.h"

#include "core/base/io.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* ---- v2: controllers are handed down, level by level -------------------------------- */

int cgroup_hand_down(const struct plan_cgroup *plan, const char *group, struct err *e)
{
	char path[PATH_MAX], now[512], text[64];

	if (cgroup_path(plan->controllers[0], group, "cgroup.subtree_control", path,
		    sizeof(path)) < 0)
		return err_set(e, 0, "find the controller %s", plan->controllers[0]);
	if (io_read_text(AT_FDCWD, path, now, sizeof(now)) < 0)
		return err_set(e, errno, "read %s", path);
	for (size_t i = 0; i < plan->n_controllers; i++) {
		if (cgroup_has_word(now, plan->controllers[i]))
			continue;
		(void)snprintf(text, sizeof(text), "+%s", plan->controllers[i]);
		if (io_write_text(AT_FDCWD, path, text) < 0)
			return err_set(e, errno, "enable the controller %s in %s",
				plan->controllers[i], path);
	}
	return 0;
}

static int make_directory(const struct plan_cgroup *plan, const char *controller,
	const char *group, struct err *e)
{
	char path[PATH_MAX];

	if (cgroup_path(controller, group, "", path, sizeof(path)) < 0)
		return err_set(e, 0, "find the controller %s", controller);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "make the cgroup %s for %s", group, controller);
	if (plan->kind == PLAN_CGROUP_V2 || strcmp(controller, "cpuset") != 0)
		return 0;
	return cgroup_cpuset_inherit(group, e);
}

int cgroup_make_directories(
	const struct plan_cgroup *plan, const char *group, struct err *e)
{
	for (size_t i = 0; i < plan->n_controllers; i++)
		if (make_directory(plan, plan->controllers[i], group, e) < 0)
			return -1;
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

int cgroup_slice_update(const struct plan_cgroup *plan, struct err *e)
{
	const struct plan_cgroup_setting *v = plan->slice_settings;
	size_t n = plan->n_slice_settings;

	if (cgroup_values_update(plan->slice, v, n, e) < 0 ||
		cgroup_values_check(plan->slice, v, n, e) < 0)
		return err_wrap(e, "[Slice %s]", plan->slice_name);
	return 0;
}

int cgroup_make_above(const struct plan_cgroup *plan, struct err *e)
{
	bool v2 = plan->kind == PLAN_CGROUP_V2;

	if (v2 && cgroup_hand_down(plan, "", e) < 0)
		return -1;
	for (const char *at = plan->account; (at = strchr(at, '/')); at++) {
		char group[PATH_MAX];

		(void)snprintf(group, sizeof(group), "%.*s", (int)(at - plan->account),
			plan->account);
		if (cgroup_make_directories(plan, group, e) < 0 ||
			(v2 && cgroup_hand_down(plan, group, e) < 0))
			return -1;
	}
	return *plan->slice ? cgroup_slice_update(plan, e) : 0;
}
