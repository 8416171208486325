/* SPDX-License-Identifier: BSD-3-Clause */
/* Making groups. */
#include "core/run/cgroup/cgroup.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/plan/limits.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* As many as there are hierarchies, in each of which a group may be taken away. */
#define MAKE_TRIES      20
#define MAKE_PAUSE_USEC 1000

/* ---- making ------------------------------------------------------------------------- */

/*
 * A group below the account's, without limits of its own: a directory in each hierarchy, for which
 * libcgroup takes ten times as long, and on v2 would make the account's anew, without its limits,
 * where a session that ended has just taken it away.
 */
static int make_child(const struct plan_cgroup *plan, const char *name, struct err *e)
{
	if (plan->kind == PLAN_CGROUP_V2 && !plan->systemd &&
		cgroup_hand_down(plan, plan->account, e) < 0)
		return -1;
	return cgroup_make_directories(plan, name, e);
}

int cgroup_check_values(const struct plan_cgroup *plan, struct err *e)
{
	return cgroup_values_check(plan->account, plan->settings, plan->n_settings, e);
}

int cgroup_update_values(const struct plan_cgroup *plan, struct err *e)
{
	return cgroup_limits_write(plan->account, plan->settings, plan->n_settings, e);
}

static bool group_is_there(const struct plan_cgroup *plan, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < plan->n_controllers; i++)
		if (cgroup_path(plan->controllers[i], name, "", path, sizeof(path)) < 0 ||
			stat(path, &st) < 0)
			return false;
	return true;
}

/* Whether the controller's hierarchy is v2's. */
static bool is_v2(const struct plan_cgroup *plan, const char *controller)
{
	return plan->kind == PLAN_CGROUP_V2 || strcmp(controller, "unified") == 0;
}

static int open_directory(
	const struct plan_cgroup *plan, struct cgroup_fds *f, struct err *e)
{
	const char *last = plan->controllers[plan->n_controllers - 1];
	char path[PATH_MAX];

	if (!is_v2(plan, last))
		return 0;
	if (cgroup_path(last, plan->session, "", path, sizeof(path)) < 0)
		return err_set(e, 0, "find the cgroup %s", plan->session);
	f->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->directory < 0 ? err_set(e, errno, "open %s", path) : 0;
}

/* Several controllers may share one mounted hierarchy (cpu,cpuacct): one fd each directory.
 */
int cgroup_open_moves(const struct plan_cgroup *plan, struct cgroup_fds *f, struct err *e)
{
	char path[PATH_MAX];
	struct stat seen[CGROUP_FDS_MAX];

	for (size_t i = 0; i < plan->n_controllers && f->n < CGROUP_FDS_MAX; i++) {
		const char *file =
			is_v2(plan, plan->controllers[i]) ? "cgroup.procs" : "tasks";
		struct stat *st = &seen[f->n];
		bool again = false;
		int fd;

		if (cgroup_path(plan->controllers[i], plan->session, file, path,
			    sizeof(path)) < 0)
			return err_set(e, 0, "find the cgroup %s", plan->session);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || fstat(fd, st) < 0)
			return err_set(e, errno, "open %s", path);
		for (size_t k = 0; k < f->n; k++)
			again |= seen[k].st_dev == st->st_dev &&
				 seen[k].st_ino == st->st_ino;
		if (again)
			cleanup_close(&fd);
		else
			f->move[f->n++] = fd;
	}
	return open_directory(plan, f, e);
}

static int make_account(const struct plan_cgroup *plan, struct err *e)
{
	bool v2 = plan->kind == PLAN_CGROUP_V2;

	if (cgroup_make_above(plan, e) < 0)
		return -1;
	if (group_is_there(plan, plan->account))
		return (v2 && cgroup_hand_down(plan, plan->account, e) < 0)
			       ? -1
			       : cgroup_update_values(plan, e);
	/* Before its own CPUs it must have those of the group above. */
	if (!v2 && cgroup_make_directories(plan, plan->account, e) < 0)
		return -1;
	if (cgroup_make_limited(plan, e) < 0)
		return -1;
	return cgroup_update_values(plan, e);
}

/*
 * A session that ends takes away what no other uses yet: the account's group, and those above.
 * It goes through the hierarchies in the same order as who makes them.
 */
static bool was_taken_away(const struct plan_cgroup *plan, int *tries, struct err *e)
{
	if (++*tries == MAKE_TRIES ||
		(e->num != ENOENT && group_is_there(plan, plan->account)))
		return false;
	clock_pause(MAKE_PAUSE_USEC);
	*e = (struct err){ 0 };
	return true;
}

int cgroup_make_account(const struct plan_cgroup *plan, struct err *e)
{
	int r, tries = 0;

	do
		r = make_account(plan, e);
	while (r < 0 && was_taken_away(plan, &tries, e));
	if (r < 0 || !*plan->slice)
		return r;
	/* Now that it isn't empty it stays, with what is written into it. */
	return cgroup_slice_update(plan, e);
}

static int make_session(const struct plan_cgroup *plan, struct err *e)
{
	const struct plan_cgroup_setting *v = plan->session_settings;

	if (make_child(plan, plan->session, e) < 0)
		return -1;
	for (size_t i = 0; i < plan->n_session_settings; i++)
		if (limit_is_shown(v[i].key))
			cgroup_show(plan, &v[i]);
		else if (cgroup_values_update(plan->session, &v[i], 1, e) < 0 ||
			 cgroup_values_check(plan->session, &v[i], 1, e) < 0)
			return -1;
	return 0;
}

static int make_both(const struct plan_cgroup *plan, pid_t supervisor, struct err *e)
{
	int r, tries = 0;

	do {
		r = plan->systemd ? cgroup_scope_prepare(plan, supervisor, e)
				  : cgroup_make_account(plan, e);
		if (r < 0)
			return -1;
		r = make_session(plan, e);
		/* From here on the account's group stays: what it says now holds. */
		if (r == 0 && !plan->systemd)
			r = cgroup_update_values(plan, e);
		if (r == 0)
			r = cgroup_check_values(plan, e);
	} while (r < 0 && !plan->systemd && was_taken_away(plan, &tries, e));
	return r;
}

static int prepare(const struct plan_cgroup *plan, pid_t supervisor, struct cgroup_fds *f,
	struct err *e)
{
	cgroup_lift(plan);
	if (make_both(plan, supervisor, e) < 0)
		return -1;
	if (*plan->manager && cgroup_make_manager(plan, &f->manager, e) < 0)
		return -1;
	return cgroup_open_moves(plan, f, e);
}

int cgroup_prepare(const struct plan_cgroup *plan, pid_t supervisor,
	struct cgroup_fds *ret, struct err *e)
{
	struct cgroup_fds f = CGROUP_FDS_NONE;

	if (plan->kind != PLAN_CGROUP_NONE && plan->n_controllers > 0 &&
		prepare(plan, supervisor, &f, e) < 0) {
		cgroup_fds_close(&f);
		return -1;
	}
	*ret = f;
	return 0;
}

int cgroup_prepare_supervisor(
	const struct plan_cgroup *plan, struct cgroup_fds *ret, struct err *e)
{
	struct plan_cgroup own = *plan;
	struct cgroup_fds f = CGROUP_FDS_NONE;

	own.session = plan->supervise;
	/* A scope was made for it, or it was born there. */
	if (plan->kind != PLAN_CGROUP_NONE && !plan->systemd && plan->n_controllers > 0 &&
		(make_child(plan, plan->supervise, e) < 0 ||
			cgroup_open_moves(&own, &f, e) < 0)) {
		cgroup_fds_close(&f);
		return -1;
	}
	*ret = f;
	return 0;
}
