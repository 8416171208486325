/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups, controllers and limits. */
#include "core/plan/planner.h"

#include "core/base/strlist.h"

#include <string.h>

#define PERIOD_USEC 100000ULL /* of the CPU quota, the kernel's own default */
#define PAGE        4096ULL
/* The kernel refuses more: PID_MAX_LIMIT, on 64-bit machines. */
#define TASKS_MAX 4194304ULL

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

/* The kernel counts pages; what it shows back is rounded down to one. */
static const char *bytes_text(struct planner *b, uint64_t bytes)
{
	if (bytes < PAGE)
		bytes = PAGE;
	return planner_text(b, "%llu", (unsigned long long)(bytes / PAGE * PAGE));
}

static int plan_memory(struct planner *b, struct err *e)
{
	const struct policy *policy = b->in->policy;
	bool v2 = b->in->host->cgroup == PLAN_CGROUP_V2;

	if (policy->memory_max < INT64_MAX) {
		if (check_key(b, "memory", "MemoryMax", e) < 0)
			return -1;
		setting_add(b, "memory", v2 ? "memory.max" : "memory.limit_in_bytes",
			bytes_text(b, policy->memory_max), "MemoryMax");
	}
	if (policy->memory_high < INT64_MAX) {
		if (check_key(b, "memory", "MemoryHigh", e) < 0)
			return -1;
		setting_add(b, "memory",
			v2 ? "memory.high" : "memory.soft_limit_in_bytes",
			bytes_text(b, policy->memory_high), "MemoryHigh");
		if (!v2)
			planner_note(b,
				"MemoryHigh=: cgroup v1 has only a soft limit, kept "
				"when the host runs out of memory");
	}
	return 0;
}

static int plan_tasks(struct planner *b, struct err *e)
{
	uint64_t max = b->in->policy->tasks_max;

	if (max == PARSE_INFINITY)
		return 0;
	if (check_key(b, "pids", "TasksMax", e) < 0)
		return -1;
	if (max > TASKS_MAX)
		max = TASKS_MAX;
	setting_add(b, "pids", "pids.max",
		planner_text(b, "%llu", (unsigned long long)max), "TasksMax");
	return 0;
}

static int plan_cpu(struct planner *b, struct err *e)
{
	const struct policy *policy = b->in->policy;
	unsigned long long quota = policy->cpu_quota * PERIOD_USEC / 100;
	unsigned long long shares = policy->cpu_weight * 1024ULL / 100;
	bool v2 = b->in->host->cgroup == PLAN_CGROUP_V2;

	if (policy->cpu_quota != 0) {
		if (check_key(b, "cpu", "CPUQuota", e) < 0)
			return -1;
		if (v2) {
			setting_add(b, "cpu", "cpu.max",
				planner_text(b, "%llu %llu", quota, PERIOD_USEC),
				"CPUQuota");
		} else {
			setting_add(b, "cpu", "cpu.cfs_period_us",
				planner_text(b, "%llu", PERIOD_USEC), "CPUQuota");
			setting_add(b, "cpu", "cpu.cfs_quota_us",
				planner_text(b, "%llu", quota), "CPUQuota");
		}
	}
	if (policy->cpu_weight != 0) {
		if (check_key(b, "cpu", "CPUWeight", e) < 0)
			return -1;
		setting_add(b, "cpu", v2 ? "cpu.weight" : "cpu.shares",
			v2 ? planner_text(b, "%u", policy->cpu_weight)
			   : planner_text(b, "%llu", shares < 2 ? 2 : shares),
			"CPUWeight");
	}
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
	c->account = c->session = c->supervise = "";
	if (plan_memory(b, e) < 0 || plan_tasks(b, e) < 0 || plan_cpu(b, e) < 0)
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
