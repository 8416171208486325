/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The account's group where systemd makes it: a delegated scope. systemd writes its limits,
 * nsshell reads them back and makes the groups below. In hierarchies that systemd doesn't
 * manage (v1's freezer and cpuset), nsshell makes the same path by itself.
 */
#include "core/run/cgroup/cgroup.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/plan/property.h"
#include "core/run/cgroup/cgroup_internal.h"
#include "core/run/cgroup/scope.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* A part of a plan, with arrays of its own. */
struct part {
	struct plan_cgroup plan;
	const char *controllers[CGROUP_N_CONTROLLERS];
};

/* The hierarchies that systemd manages, or the others; no settings. */
static void part_take(const struct plan_cgroup *plan, bool managed, struct part *ret)
{
	size_t n = 0;

	ret->plan = *plan;
	for (size_t i = 0; i < plan->n_controllers && n < CGROUP_N_CONTROLLERS; i++)
		if (property_is_managed(plan, plan->controllers[i]) == managed)
			ret->controllers[n++] = plan->controllers[i];
	ret->plan.controllers = ret->controllers;
	ret->plan.n_controllers = n;
	ret->plan.settings = ret->plan.slice_settings = NULL;
	ret->plan.n_settings = ret->plan.n_slice_settings = 0;
}

static enum plan_cgroup_kind kind_now(void)
{
	static enum plan_cgroup_kind kind = PLAN_CGROUP_NONE;

	if (kind == PLAN_CGROUP_NONE)
		kind = cgroup_kind();
	return kind;
}

/* Whether systemd writes the file, or it is left to us. */
static bool is_systemds(const struct plan_cgroup_setting *s)
{
	const struct plan_cgroup c = { .kind = kind_now(), .systemd = true };
	char ignored[PROPERTY_MAX];

	return property_is_managed(&c, s->controller) &&
	       property_of(s->name, s->value, ignored, sizeof(ignored));
}

/* Those settings that systemd writes, or the others; to free(). */
static struct plan_cgroup_setting *take_settings(
	const struct plan_cgroup_setting *v, size_t n, bool systemds, size_t *ret_n)
{
	struct plan_cgroup_setting *ret = calloc(n + 1, sizeof(*ret));

	*ret_n = 0;
	if (!ret)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (is_systemds(&v[i]) == systemds)
			ret[(*ret_n)++] = v[i];
	return ret;
}

int cgroup_scope_set(
	const char *group, const struct plan_cgroup_setting *v, size_t n, struct err *e)
{
	size_t n_theirs, n_own;
	_cleanup_free_ struct plan_cgroup_setting *theirs =
		take_settings(v, n, true, &n_theirs);
	_cleanup_free_ struct plan_cgroup_setting *own =
		take_settings(v, n, false, &n_own);
	const char *unit = strrchr(group, '/');
	struct err ignored;

	if (!theirs || !own)
		return err_set(e, ENOMEM, "set limits of %s", group);
	/* First, where they must be wider than systemd's; and last, where narrower. */
	(void)cgroup_values_update(group, own, n_own, &ignored);
	if (cgroup_values_check(group, theirs, n_theirs, &ignored) < 0 &&
		scope_set(unit ? unit + 1 : group, theirs, n_theirs, e) < 0)
		return -1;
	return cgroup_values_update(group, own, n_own, e);
}

/* The same path where systemd doesn't make it, with the limits that belong there. */
static int make_unmanaged(const struct plan_cgroup *plan, struct err *e)
{
	_cleanup_free_ struct plan_cgroup_setting *own = NULL;
	_cleanup_free_ struct plan_cgroup_setting *slice = NULL;
	size_t n, n_slice;
	struct part p;

	part_take(plan, false, &p);
	if (p.plan.n_controllers == 0)
		return 0;
	own = take_settings(plan->settings, plan->n_settings, false, &n);
	slice = take_settings(
		plan->slice_settings, plan->n_slice_settings, false, &n_slice);
	if (!own || !slice)
		return err_set(e, ENOMEM, "make the cgroup %s", plan->account);
	p.plan.settings = own;
	p.plan.n_settings = n;
	p.plan.slice_settings = slice;
	p.plan.n_slice_settings = n_slice;
	return cgroup_make_account(&p.plan, e);
}

/* What the supervisor has started since systemd moved it: it mounts below the home by children. */
static void settle_children(const char *controller, const char *group, const char *to)
{
	char path[PATH_MAX], text[512], *rest = text, *pid;

	if (cgroup_path(controller, group, "cgroup.procs", path, sizeof(path)) < 0 ||
		io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return;
	while ((pid = strsep(&rest, "\n")))
		if (*pid)
			(void)io_write_text(AT_FDCWD, to, pid);
}

/* From the scope's own group, which is to have no process, to the supervisors'. */
static int settle(const struct plan_cgroup *managed, pid_t supervisor, struct err *e)
{
	/* On v2 all controllers have one directory. */
	size_t n = managed->kind == PLAN_CGROUP_V2 && managed->n_controllers > 0
			   ? 1
			   : managed->n_controllers;
	char path[PATH_MAX], pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", (int)supervisor);
	for (size_t i = 0; i < n; i++) {
		const char *controller = managed->controllers[i];

		if (cgroup_path(controller, managed->supervise, "", path, sizeof(path)) <
				0 ||
			(mkdir(path, 0755) < 0 && errno != EEXIST))
			return err_set(e, errno, "make the cgroup %s for %s",
				managed->supervise, controller);
		if (cgroup_path(controller, managed->supervise, "cgroup.procs", path,
			    sizeof(path)) < 0 ||
			io_write_text(AT_FDCWD, path, pid) < 0)
			return err_set(e, errno, "move the supervisor into %s", path);
		settle_children(controller, managed->account, path);
	}
	return 0;
}

static int set_slice(const struct plan_cgroup *plan, struct err *e)
{
	const struct plan_cgroup_setting *v = plan->slice_settings;
	size_t n = plan->n_slice_settings;

	if (*plan->slice && (cgroup_scope_set(plan->slice, v, n, e) < 0 ||
				    cgroup_values_check(plan->slice, v, n, e) < 0))
		return err_wrap(e, "[Slice %s]", plan->slice_name);
	return 0;
}

int cgroup_scope_prepare(const struct plan_cgroup *plan, pid_t supervisor, struct err *e)
{
	struct part managed;

	part_take(plan, true, &managed);
	if (supervisor > 0 && (scope_start(plan, supervisor, e) < 0 ||
				      settle(&managed.plan, supervisor, e) < 0))
		return -1;
	/* Of a delegated group's own files, this one is for whom it was delegated to. */
	if (plan->kind == PLAN_CGROUP_V2 && cgroup_hand_down(plan, plan->account, e) < 0)
		return -1;
	if (make_unmanaged(plan, e) < 0 || set_slice(plan, e) < 0)
		return -1;
	/* The config may have changed since the account's first login. */
	return cgroup_limits_write(plan->account, plan->settings, plan->n_settings, e);
}

int cgroup_open_supervisor(const struct plan_cgroup *plan, struct cgroup_fds *ret)
{
	struct cgroup_fds f = CGROUP_FDS_NONE;
	struct err ignored;
	struct part managed;

	part_take(plan, true, &managed);
	managed.plan.session = plan->supervise;
	if (managed.plan.n_controllers == 0 ||
		cgroup_open_moves(&managed.plan, &f, &ignored) < 0) {
		cgroup_fds_close(&f);
		return -1;
	}
	*ret = f;
	return 0;
}
