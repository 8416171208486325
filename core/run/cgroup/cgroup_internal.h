/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of cgroup.h share. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/run/cgroup/cgroup.h"

#include <stdbool.h>
#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Every controller that a group of ours may use; and two that are hierarchies without any, for
 * systemd to keep track of processes in: "name=systemd" of v1, and v2's where v1 has all the
 * controllers, "unified".
 */
#define CGROUP_N_CONTROLLERS 11
#define CGROUP_N_KERNEL      9
extern const char *const cgroup_controllers[CGROUP_N_CONTROLLERS];

/* A cgroup hierarchy's mount, within a line of mountinfo. */
struct cgroup_mount {
	const char *at,
		*words; /* words: v1's controllers among other options, between blanks */
	bool whole, v2;
};

/**
 * cgroup_mount_parse() - Take a line of /proc/self/mountinfo apart (proc(5))
 * @line:	without its end; changed, and what @ret points into
 *
 * Return: whether it is one.
 */
bool cgroup_mount_parse(char *line, struct cgroup_mount *ret);

/* Whether a text of words between blanks, of one line, has this one. */
bool cgroup_has_word(const char *text, const char *word);

/**
 * cgroup_path() - Path of a group's directory, or of a file in it, in one controller's hierarchy
 * @file:	"" for the directory
 *
 * Return: 0, or -1 with errno where the controller isn't mounted or @buf too small.
 */
int cgroup_path(const char *controller, const char *group, const char *file, char *buf,
	size_t size);

/* The directory at cgroup_path(). Return: O_CLOEXEC fd, the caller's, or -1 with errno. */
int cgroup_directory(const char *controller, const char *group);

/* The text of a file there, as io_read_text(); ENOENT, too, where the controller isn't mounted. */
ssize_t cgroup_read(const char *controller, const char *group, const char *file,
	char *buf, size_t size);

/* The group above: "" for one at the top. */
void cgroup_above(const char *group, char buf[PATH_MAX]);

/**
 * cgroup_line() - Take a line of /proc/PID/cgroup apart: "4:cpu,cpuacct:/user.slice", "0::/user.slice" (cgroups(7))
 * @line:	without its end; changed
 * @controllers:	"" for v2
 *
 * Return: whether it is one.
 */
bool cgroup_line(char *line, char **controllers, char **group);

/* ---- cgroup_value.c ----------------------------------------------------------------- */

/* Whether a file's text says what was written: rounded to pages, among lines for other devices. */
bool cgroup_value_is(const struct plan_cgroup_setting *s, const char *text);

/* Write what isn't as it should be. Return: 0 or -1 with @e, which names the limit. */
int cgroup_values_update(
	const char *group, const struct plan_cgroup_setting *v, size_t n, struct err *e);

/* Read all of it back. Return: 0 or -1 with @e. */
int cgroup_values_check(
	const char *group, const struct plan_cgroup_setting *v, size_t n, struct err *e);

/* ---- cgroup_shown.c ----------------------------------------------------------------- */

/**
 * cgroup_limits_write() - Write what isn't as it should be into an account's or a slice's group
 *
 * By systemd where that has made it. What of an account's limit_is_shown() goes into the groups of
 * its sessions as well.
 *
 * Return: 0 or -1 with @e, which names the limit.
 */
int cgroup_limits_write(
	const char *group, const struct plan_cgroup_setting *v, size_t n, struct err *e);

/* Let the session's group say what the account's does now. Nothing fails: it doesn't limit more. */
void cgroup_show(const struct plan_cgroup *plan, const struct plan_cgroup_setting *s);

/* ---- cgroup_lift.c ------------------------------------------------------------------ */

/*
 * Take limits away from groups that are there: before others are written, as one may stand in
 * another's way (memory with swap below memory). What the kernel keeps stays: nobody is refused a
 * login for having less than the config allows.
 */
void cgroup_lift(const struct plan_cgroup *plan);

/* ---- cgroup_cpuset.c ---------------------------------------------------------------- */

/* Whether the setting is one of CPUs, and the host's cpusets are v1's. */
bool cgroup_cpuset_is_v1(const struct plan_cgroup_setting *s);

/* Give a group, and those below it, these CPUs. Return: 0 or -1 with errno. */
int cgroup_cpuset_change(const char *group, const char *value);

/* Fill a new group's cpuset with what the group above has. Return: 0 or -1 with @e. */
int cgroup_cpuset_inherit(const char *group, struct err *e);

/* ---- cgroup_above.c ----------------------------------------------------------------- */

/* v2: let the groups below have the plan's controllers. Return: 0 or -1 with @e. */
int cgroup_hand_down(const struct plan_cgroup *plan, const char *group, struct err *e);

/**
 * cgroup_make_directories() - Make a group below one that is there, without limits of its own
 *
 * On v1 a directory in each hierarchy, with the CPUs and memory nodes of the group above. It may
 * be there already.
 *
 * Return: 0 or -1 with @e.
 */
int cgroup_make_directories(
	const struct plan_cgroup *plan, const char *group, struct err *e);

/* The groups above the account's, the slice with its limits. Return: 0 or -1 with @e. */
int cgroup_make_above(const struct plan_cgroup *plan, struct err *e);

/**
 * cgroup_make_limited() - Make the account's group, in a group that is there, with its limits, by libcgroup
 *
 * Starting the library takes longer than to make the group: only for one that isn't there.
 *
 * Return: 0 or -1 with @e.
 */
int cgroup_make_limited(const struct plan_cgroup *plan, struct err *e);

/* Write the slice's limits, and read them back. Return: 0 or -1 with @e. */
int cgroup_slice_update(const struct plan_cgroup *plan, struct err *e);

/* ---- cgroup_manager.c --------------------------------------------------------------- */

/**
 * cgroup_make_manager() - Hand a part of the session's group to the account (v2)
 * @ret:	its cgroup.procs, for who is to be in it
 *
 * The account may make groups in there, and move its processes among them: no limit's file is
 * its own. It may be there already.
 *
 * Return: 0 or -1 with @e.
 */
int cgroup_make_manager(const struct plan_cgroup *plan, int *ret, struct err *e);

/* ---- cgroup.c ----------------------------------------------------------------------- */

/* The account's group and those above, with their limits, where nsshell makes them. Return: 0 or
 * -1 with @e. */
int cgroup_make_account(const struct plan_cgroup *plan, struct err *e);

/* Write what isn't as the plan says in the account's group. Return: 0 or -1 with @e. */
int cgroup_update_values(const struct plan_cgroup *plan, struct err *e);

/* Read all of it back. Return: 0 or -1 with @e, which names the limit. */
int cgroup_check_values(const struct plan_cgroup *plan, struct err *e);

/* The directory of plan->session or, another time, another group. Return: 0 or -1 with @e. */
int cgroup_open_moves(
	const struct plan_cgroup *plan, struct cgroup_fds *f, struct err *e);

/* ---- cgroup_end.c ------------------------------------------------------------------- */

/* Whether a group is a scope or slice of systemd's, by its name. */
bool cgroup_is_unit(const char *group);

/* ---- cgroup_scope.c ----------------------------------------------------------------- */

/**
 * cgroup_scope_prepare() - Have the account's group made by systemd, with its limits
 *
 * As cgroup_prepare(), without the session's.
 */
int cgroup_scope_prepare(const struct plan_cgroup *plan, pid_t supervisor, struct err *e);

/* Write what isn't as it should be into such a group, or have systemd do so. */
int cgroup_scope_set(
	const char *group, const struct plan_cgroup_setting *v, size_t n, struct err *e);
