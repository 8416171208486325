/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups, controllers and limits. */
#include "core/plan/planner.h"

#include "core/base/cpulist.h"
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

void planner_setting(struct planner *b, struct plan_cgroup_setting **list, size_t *n,
	const struct plan_cgroup_setting *one)
{
	struct plan_cgroup_setting *more = planner_more(b, *list, n, sizeof(*more));

	if (!more) {
		*n = 0;
		return;
	}
	*list = more;
	more[*n - 1] = *one;
}

/* What one key of these limits says, added to a list of settings. */
static int plan_limit(struct planner *b, const struct limit *l,
	const struct policy_limits *of, struct plan_cgroup_setting **list, size_t *n,
	struct err *e)
{
	struct limit_file files[LIMIT_FILES_MAX];
	size_t n_files;

	if (!limit_is_set(l, of))
		return 0;
	if (limit_files(b->in->host, l, of, files, &n_files, e) < 0)
		return -1;
	for (size_t i = 0; i < n_files; i++) {
		const struct plan_cgroup_setting one = { files[i].controller,
			files[i].file, planner_copy(b, files[i].value), l->key };

		planner_setting(b, list, n, &one);
		controller_add(b, files[i].controller);
	}
	return 0;
}

static void note_limits(struct planner *b, const struct policy_limits *l)
{
	const struct plan_host *host = b->in->host;
	struct limit_file f[LIMIT_FILES_MAX];
	struct err ignored;
	size_t n;

	if (limit_is_set(&limits[LIMIT_MEMORY_HIGH], l) && host->cgroup == PLAN_CGROUP_V1)
		planner_note(b,
			"MemoryHigh=: cgroup v1 has only a soft limit, kept when the host runs out of memory");
	if (limit_is_set(&limits[LIMIT_IO_WEIGHT], l) && !host->weighs_io)
		planner_note(b,
			"IOWeight=: no disk of this host has a scheduler that heeds it now (bfq, or io.cost.qos)");
	if (limit_is_set(&limits[LIMIT_ALLOWED_CPUS], l) &&
		limit_files(host, &limits[LIMIT_ALLOWED_CPUS], l, f, &n, &ignored) == 0 &&
		n == 1 && strcmp(f[0].value, l->cpus) != 0)
		planner_note(b, "AllowedCPUs=%s: this host has only %s of them", l->cpus,
			f[0].value);
}

/* The account's sessions stay together: a new one goes to where the others are. */
static void place_account(struct planner *b, const char *computed)
{
	const char *now = b->in->account_group;
	struct plan_cgroup *c = &b->p->cgroup;

	c->account = computed;
	if (!now || strcmp(now, computed) == 0)
		return;
	c->account = planner_copy(b, now);
	c->slice = c->slice_name = "";
	c->n_slice_settings = 0;
	planner_note(b,
		"Slice=: the account's sessions stay in %s until the last one ends", now);
}

/* Where systemd runs, slices and scopes have the names that it gives their groups. */
static void plan_groups(struct planner *b)
{
	const struct policy *policy = b->in->policy;
	struct plan_cgroup *c = &b->p->cgroup;
	bool systemd = b->in->host->systemd;
	const char *above = systemd ? "nsshell.slice" : "nsshell";

	c->systemd = systemd;
	if (policy->slice) {
		c->slice_name = planner_copy(b, policy->slice);
		c->slice = above = planner_text(b, "%s/%s%s.slice", above,
			systemd ? "nsshell-" : "", policy->slice);
	}
	if (systemd) {
		c->scope = planner_text(b, "nsshell-%u.scope", b->p->uid);
		c->scope_title = planner_text(b, "nsshell sessions of %s", b->p->user);
		place_account(b, planner_text(b, "%s/%s", above, c->scope));
	} else {
		place_account(b, planner_text(b, "%s/%u", above, b->p->uid));
	}
	c->session = planner_text(b, "%s/%s", c->account, b->p->id);
	c->supervise = planner_text(b, "%s/supervise", c->account);
}

static int plan_oom(struct planner *b, struct err *e)
{
	static const struct plan_cgroup_setting kill = { "memory", "memory.oom.group",
		"1", "OOMPolicy" };
	struct plan_cgroup *c = &b->p->cgroup;

	if (b->in->policy->oom != OOM_KILL)
		return 0;
	if (c->kind != PLAN_CGROUP_V2 || !has_controller(b, "memory")) {
		(void)err_set(e, 0,
			"OOMPolicy=kill: only cgroup v2 with its memory controller can; boot with systemd.unified_cgroup_hierarchy=1 or mount cgroup2 alone, or write OOMPolicy=continue");
		return err_by(e, ERR_BY_CONFIG);
	}
	planner_setting(b, &c->session_settings, &c->n_session_settings, &kill);
	return 0;
}

/* A host that can't count processes, or doesn't say how many it takes, still has logins. */
static void drop_preset(struct planner *b, struct policy_amount *tasks_max)
{
	if (!tasks_max->preset || (has_controller(b, "pids") && b->in->host->tasks > 0))
		return;
	*tasks_max = (struct policy_amount){ .n = PARSE_INFINITY };
	planner_note(b,
		"TasksMax=: nothing limits processes and threads: this host has no pids controller, or doesn't say how many it takes");
}

/*
 * The account's own limits. v1 takes no CPU that the slice lacks, and doesn't follow when the
 * slice gets more: there the account's are said in full.
 */
static int own_limits(struct planner *b, struct policy_limits *ret, struct err *e)
{
	const struct policy *policy = b->in->policy;
	struct cpulist own, slice;
	char text[CPULIST_TEXT];

	*ret = policy->limits;
	drop_preset(b, &ret->tasks_max);
	if (b->in->host->cgroup != PLAN_CGROUP_V1 || !policy->slice ||
		!policy->slice_limits.cpus)
		return 0;
	if (!ret->cpus) {
		ret->cpus = policy->slice_limits.cpus;
		return 0;
	}
	if (cpulist_read(ret->cpus, &own) < 0 ||
		cpulist_read(policy->slice_limits.cpus, &slice) < 0)
		return err_set(e, 0, "AllowedCPUs=%s: no list of CPUs", ret->cpus);
	cpulist_and(&own, &slice);
	if (cpulist_count(&own) == 0) {
		(void)err_set(e, 0,
			"AllowedCPUs=%s: [Slice %s] has none of these CPUs, but %s",
			ret->cpus, policy->slice, policy->slice_limits.cpus);
		return err_by(e, ERR_BY_CONFIG);
	}
	if (cpulist_format(&own, text, sizeof(text)) < 0)
		return err_set(e, 0, "AllowedCPUs=%s: too many single CPUs", ret->cpus);
	ret->cpus = (char *)(uintptr_t)planner_copy(b, text);
	return 0;
}

static int plan_limits(struct planner *b, struct policy_limits *own, struct err *e)
{
	const struct policy *policy = b->in->policy;
	struct plan_cgroup *c = &b->p->cgroup;

	if (own_limits(b, own, e) < 0)
		return -1;
	for (const struct limit *l = limits; l < limits + LIMITS; l++) {
		if (plan_limit(b, l, own, &c->settings, &c->n_settings, e) < 0)
			return -1;
		if (l->shown && plan_limit(b, l, own, &c->session_settings,
					&c->n_session_settings, e) < 0)
			return -1;
		if (policy->slice &&
			plan_limit(b, l, &policy->slice_limits, &c->slice_settings,
				&c->n_slice_settings, e) < 0)
			return err_wrap(e, "[Slice %s]", policy->slice);
	}
	note_limits(b, &policy->limits);
	if (policy->slice)
		note_limits(b, &policy->slice_limits);
	return 0;
}

/*
 * freezer: v2 has it in every group. Where systemd runs, sessions leave its other groups in
 * every hierarchy that it manages.
 */
static const char *const *controllers(const struct plan_host *host)
{
	static const char *const v2[] = { "memory", "pids", "cpu", NULL };
	static const char *const v1[] = { "memory", "pids", "cpu", "cpuacct", "freezer",
		NULL };
	static const char *const v1_systemd[] = { "memory", "pids", "cpu", "cpuacct",
		"freezer", "blkio", "devices", "name=systemd", NULL };

	if (host->cgroup == PLAN_CGROUP_V2)
		return v2;
	return host->systemd ? v1_systemd : v1;
}

/* Those of v1 that programs size themselves by. */
const char *plan_hierarchy(struct planner *b, size_t i)
{
	static const char *const shown[] = { "memory", "pids", "cpu", "cpuacct", "cpuset",
		NULL };
	const struct plan_cgroup *c = &b->p->cgroup;

	if (c->kind != PLAN_CGROUP_V1 || !path_in(c->controllers[i], shown))
		return NULL;
	return planner_text(b, PLAN_CGROUPS "/%s", c->controllers[i]);
}

int plan_cgroup(struct planner *b, struct err *e)
{
	enum plan_cgroup_kind kind = b->in->host->cgroup;
	const char *const *use = controllers(b->in->host);
	struct plan_cgroup *c = &b->p->cgroup;
	struct policy_limits own;

	c->kind = kind;
	c->scope = c->scope_title = "";
	c->slice_name = c->slice = "";
	c->account = c->session = c->supervise = "";
	for (; *use; use++)
		if (has_controller(b, *use))
			controller_add(b, *use);
	if (plan_limits(b, &own, e) < 0 || plan_oom(b, e) < 0)
		return -1;
	/* The last, as init is born there: struct cgroup_fds. */
	if (kind == PLAN_CGROUP_V1 && b->in->host->systemd &&
		has_controller(b, "unified"))
		controller_add(b, "unified");
	if (kind == PLAN_CGROUP_NONE)
		planner_note(b,
			"no controller of cgroups is to be had: sessions have no groups");
	else
		plan_groups(b);
	c->limits_text = plan_limits_text(b, &own);
	c->own_text = plan_own_text(b);
	plan_lift(b);
	plan_manager(b);
	return 0;
}
