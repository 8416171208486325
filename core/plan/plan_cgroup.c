/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups, controllers and limits. */
#include "core/plan/planner.h"

#include "core/base/strlist.h"
#include "core/plan/limits.h"

#include <string.h>

static bool has_controller(const struct planner *b, const char *name)
{
	const struct plan_host *host = b->in->host;

	return host->cgroup != PLAN_CGROUP_NONE && host->controllers &&
	       strlist_has(host->controllers, name);
}

static void controller_add(struct planner *b, const char *name)
{
	struct plan_cgroup *c = &b->p->cgroup;
	const char **more;

	for (size_t i = 0; i < c->n_controllers; i++)
		if (strcmp(c->controllers[i], name) == 0)
			return;
	more = planner_more(b, c->controllers, &c->n_controllers, sizeof(*more));
	if (!more) {
		c->n_controllers = 0;
		return;
	}
	c->controllers = more;
	more[c->n_controllers - 1] = name;
}

static void setting_add(struct planner *b, const char *controller, const char *name,
	const char *value, const char *key)
{
	struct plan_cgroup *c = &b->p->cgroup;
	struct plan_cgroup_setting *more =
		planner_more(b, c->settings, &c->n_settings, sizeof(*more));

	if (!more) {
		c->n_settings = 0;
		return;
	}
	c->settings = more;
	more[c->n_settings - 1] =
		(struct plan_cgroup_setting){ controller, name, value, key };
}

static int check_key(
	const struct planner *b, const char *controller, const char *key, struct err *e)
{
	if (b->in->host->cgroup == PLAN_CGROUP_NONE)
		return err_set(e, 0,
			"%s=: no cgroup file system is mounted on this host; mount cgroup2 on "
			"/sys/fs/cgroup, or set no limits",
			key);
	if (has_controller(b, controller))
		return 0;
	if (strcmp(controller, "memory") == 0)
		return err_set(e, 0,
			"%s=: this host has no memory controller; boot with "
			"cgroup_enable=memory, or unset %s=",
			key, key);
	return err_set(e, 0,
		"%s=: this host has no %s controller; enable it in the kernel and in the root's "
		"cgroup.subtree_control, or unset %s=",
		key, controller, key);
}

static int plan_limit(struct planner *b, const char *key, struct err *e)
{
	struct limit_file files[LIMIT_FILES_MAX];
	size_t n = limits_files(b->in->host->cgroup, key, b->in->policy, files);

	if (!limits_is_set(key, b->in->policy))
		return 0;
	/* Without cgroups there are no files; any controller's name will do to say so. */
	if (check_key(b, n > 0 ? files[0].controller : "", key, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		setting_add(b, files[i].controller, files[i].file,
			planner_text(b, "%s", files[i].value), key);
	if (strcmp(key, "MemoryHigh") == 0 && b->in->host->cgroup == PLAN_CGROUP_V1)
		planner_note(b,
			"MemoryHigh=: cgroup v1 has only a soft limit, kept when the host runs out of memory");
	return 0;
}

int plan_cgroup(struct planner *b, struct err *e)
{
	/* freezer: v2 has it in every group */
	static const char *const v1[] = { "memory", "pids", "cpu", "cpuacct", "freezer",
		NULL };
	static const char *const v2[] = { "memory", "pids", "cpu", NULL };
	enum plan_cgroup_kind kind = b->in->host->cgroup;
	const char *const *use = kind == PLAN_CGROUP_V2 ? v2 : v1;
	struct plan_cgroup *c = &b->p->cgroup;

	c->kind = kind;
	c->slice_name = c->slice = "";
	c->account = c->session = c->supervise = "";
	for (size_t i = 0; limits_keys[i]; i++)
		if (plan_limit(b, limits_keys[i], e) < 0)
			return -1;
	if (kind == PLAN_CGROUP_NONE) {
		planner_note(
			b, "no cgroup file system is mounted: sessions have no groups");
		return 0;
	}
	for (; *use; use++)
		if (has_controller(b, *use))
			controller_add(b, *use);
	c->account = planner_text(b, "nsshell/%u", b->p->uid);
	c->session = planner_text(b, "%s/%s", c->account, b->p->id);
	c->supervise = planner_text(b, "%s/supervise", c->account);
	return 0;
}
