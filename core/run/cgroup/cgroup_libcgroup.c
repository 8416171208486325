/* SPDX-License-Identifier: BSD-3-Clause */
/* An account's group, made with its limits by libcgroup. A later login finds it there, and doesn't start the library. */
#include "core/base/compat.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <libcgroup.h>
#include <stdarg.h>
#include <string.h>

/* libcgroup would print to stdout where CGROUP_LOGLEVEL is set. */
static void no_log(void *data, int level, const char *fmt, va_list ap)
{
	(void)data, (void)level, (void)fmt, (void)ap;
}

static const char *failure(int code)
{
	int num = code == ECGOTHER ? cgroup_get_last_errno() : 0;

	if (num != 0)
		return strerrordesc_np(num);
	/* It leaves the error out where it meets nothing that it knows. */
	return code == ECGOTHER ? "it doesn't say why; cat /proc/cgroups /proc/mounts may"
				: cgroup_strerror(code);
}

static int start(struct err *e)
{
	static bool done;
	int r = 0;

	cgroup_set_logger(no_log, CGROUP_LOG_ERROR, NULL);
	if (!done)
		r = cgroup_init();
	if (r != 0)
		return err_set(e, 0, "start libcgroup: %s", failure(r));
	done = true;
	return 0;
}

/* A file may be written more than once, for each disk and direction: libcgroup takes one. */
static bool is_first_of_file(const struct plan_cgroup *plan, size_t k)
{
	const struct plan_cgroup_setting *s = plan->settings;

	for (size_t i = 0; i < k; i++)
		if (strcmp(s[i].controller, s[k].controller) == 0 &&
			strcmp(s[i].name, s[k].name) == 0)
			return false;
	return true;
}

static int add_controller(
	const struct plan_cgroup *plan, const char *controller, struct cgroup *group)
{
	struct cgroup_controller *c = cgroup_add_controller(group, controller);
	int r = c ? 0 : ECGCONTROLLERCREATEFAILED;

	for (size_t k = 0; r == 0 && k < plan->n_settings; k++)
		if (strcmp(plan->settings[k].controller, controller) == 0 &&
			is_first_of_file(plan, k))
			r = cgroup_add_value_string(
				c, plan->settings[k].name, plan->settings[k].value);
	return r;
}

int cgroup_make_limited(const struct plan_cgroup *plan, struct err *e)
{
	struct cgroup *group;
	int r;

	if (start(e) < 0)
		return -1;
	group = cgroup_new_cgroup(plan->account);
	r = group ? 0 : ECGOTHER;
	for (size_t i = 0; r == 0 && i < plan->n_controllers; i++)
		r = add_controller(plan, plan->controllers[i], group);
	if (r == 0)
		r = cgroup_create_cgroup(group, 1);
	if (group)
		cgroup_free(&group);
	return r == 0 ? 0
		      : err_set(e, 0, "make the cgroup %s: %s", plan->account,
				failure(r));
}
