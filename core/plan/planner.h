/* SPDX-License-Identifier: BSD-3-Clause */
/* What the planner's own files share; nobody else includes this. */
#pragma once

#include "core/base/compat.h"
#include "core/plan/plan.h"

#include <sys/mount.h>

#define ATTR_PLAIN  (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define ATTR_NOEXEC (ATTR_PLAIN | MOUNT_ATTR_NOEXEC)
#define ATTR_RDONLY (ATTR_PLAIN | MOUNT_ATTR_RDONLY)
/* Device nodes work on it: with nodev none could be opened. */
#define ATTR_DEV    (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)
#define ATTR_CLOSED (ATTR_NOEXEC | MOUNT_ATTR_RDONLY)

/* What login programs write, inside as well. */
#define PLAN_RESOLV  "/etc/resolv.conf"
#define PLAN_WTMP    "/var/log/wtmp"
#define PLAN_LASTLOG "/var/log/lastlog"

/* A host path that is to be seen in the box: the home, a bind, a socket, a directory of
 * devices. */
struct want {
	const char *key; /* "BindPaths", for messages; NULL: from a built-in list */
	enum plan_use use;
	const char *source; /* where it really is */
	const char *target; /* the same */
	const char
		*named; /* target as the config has it, which may lead there by links */
	enum plan_path_kind kind;
	uint64_t attr;
	bool recursive, follow, as_user, must_own, optional, writable, renew;
};

/* A path that nobody in the box may see. */
struct hidden {
	const char *key; /* "InaccessiblePaths", or NULL: from the built-in list */
	const char *path;
	bool covered; /* by an empty tmpfs with what is shown in it, or shown itself */
};

/*
 * The work in progress. Running out of memory is remembered in @oom and told once, at the
 * end: until then the functions below give empty strings and scratch entries, never NULL.
 */
struct planner {
	const struct plan_input *in;
	struct plan *p;
	bool oom;
	const char *home;               /* where it really is */
	const struct plan_image *image; /* NULL: over the host's root */
	bool links_commands; /* some link of the init layer leads to the client of host commands */
	struct want *wants;
	size_t n_wants;
	struct hidden *hidden;
	size_t n_hidden;
	const char *
		*covers; /* directories that become an empty tmpfs, sealed at the end */
	size_t n_covers;
};

/* ---- plan_util.c: memory and paths -------------------------------------------------- */

/* Make room for one more entry of an array of @n, all of them in the plan's arena. */
void *planner_more(struct planner *b, void *array, size_t *n, size_t entry);
const char *planner_copy(struct planner *b, const char *s);
const char *planner_text(struct planner *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void planner_note(struct planner *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct plan_op *planner_op(struct planner *b, enum plan_op_kind kind, const char *target);

/*
 * A copy without doubled and trailing slashes; NULL when it isn't absolute, or has "." or
 * "..".
 */
const char *planner_path(struct planner *b, const char *path);
const char *planner_dirname(struct planner *b, const char *path);
/* Whether @path is @top or lies below it; path_below(): below only. */
bool path_within(const char *path, const char *top);
bool path_below(const char *path, const char *top);
/* path_within() of any in a list ended by NULL; path_in(): equal to one of them. */
bool path_within_any(const char *path, const char *const *tops);
bool path_in(const char *path, const char *const *list);
/* Whether that is @path, which is planner_path()'s, as the config or passwd(5) has it: with slashes doubled or at the end. */
bool path_is(const char *path, const char *written);
/* Whether somebody in the box could reach nsshell's own state through @path. */
bool path_shows_state(const char *path);

/*
 * What the host has at a path that the config or a built-in list names, for a use; what was looked
 * at for PLAN_USE_ANY is for each. NULL: it wasn't looked at.
 */
const struct plan_path *planner_find(
	const struct planner *b, enum plan_use use, const char *path);
enum plan_path_kind planner_kind(
	const struct planner *b, enum plan_use use, const char *path);
/* Where it really is; @path where that isn't known. */
const char *planner_real(struct planner *b, enum plan_use use, const char *path);
/* Whether the host is known to have something at a path without links. */
bool planner_exists(const struct planner *b, const char *path);
/* Say in @e, which tells that @found isn't there, whose doing that is. Return: -1. */
int planner_absent(const struct plan_path *found, struct err *e);

/* ---- plan_alias.c: one file system at several places of the host --------------------- */

/* A path within a file system: what the host mounts elsewhere, too, is the same file there. */
struct within {
	const struct plan_host_mount *mount; /* the one that the path lies on */
	const char *path;
};
/* Return: whether it is known, which also takes the file system to have a number. */
bool planner_within(struct planner *b, const char *path, struct within *ret);
/* The same place by another mount; NULL where that doesn't show it. */
const char *planner_alias(
	struct planner *b, const struct within *w, const struct plan_host_mount *by);
/* path_shows_state(), of a path of the host's, by any mount. */
bool planner_shows_state(struct planner *b, const char *path);
/* Whether no box may have any of a mount: a kernel interface, or nsshell's own state. */
bool planner_is_closed(struct planner *b, const struct plan_host_mount *m);
bool path_matches(const char *pattern, const char *path);

/* ---- the parts of the plan, in the order of their making ---------------------------- */

int plan_ids(struct planner *b, struct err *e);
int plan_wants(struct planner *b, struct err *e); /* plan_wants.c: the binds */
/* Whether something is bound onto what the config calls @path. */
bool planner_wants(const struct planner *b, const char *path);
int plan_hidden(
	struct planner *b, struct err *e); /* plan_hidden.c: what to hide, covers */
int plan_rootfs(struct planner *b, struct err *e); /* plan_rootfs.c: overlays */
/* plan_rootfs.c: whether a mount of the host's is a file system of its own, for data, that no rule
 * places in the box: neither the system's, nor where homes are */
bool plan_is_data(const struct planner *b, size_t i);
void plan_file_mounts(struct planner *b); /* plan_rootfs.c: single files */
/* Why what the host has at @path can't be idmapped, "nfs4"; NULL: it can. */
const char *plan_no_idmap(const struct planner *b, const char *path);
void plan_ops(struct planner *b); /* plan_ops.c: mounts */
void plan_dev(struct planner *b); /* plan_dev.c: below /dev */
int plan_devices(struct planner *b, struct err *e);
void plan_init_ops(struct planner *b); /* plan_init.c: proc, pts, masks */
/* plan_fill.c: what fills up beside memory and processes */
uint64_t planner_inodes(uint64_t size);
uint64_t plan_ptys(const struct policy *policy);
void plan_ipc(struct planner *b);
/* plan_network.c: after plan_privileges(), and its lines of plan_print() */
int plan_network(struct planner *b, struct err *e);
void plan_network_print(const struct plan_network *n, FILE *out);
/* plan_filter.c: system calls, and their lines of plan_print() */
void plan_filter(struct planner *b);
void plan_filter_print(const struct plan_filter *f, FILE *out);
void plan_layers(struct planner *b); /* plan_hidden.c: whiteouts, masks */
/* plan_environment.c: its file in /run comes with plan_ops() */
int plan_environment(struct planner *b, struct err *e);
void plan_environment_file(struct planner *b);
void plan_environment_print(const struct plan *p, FILE *out);
/* plan_inside.c: after plan_commands() */
void plan_inside(struct planner *b);
void plan_inside_ops(struct planner *b);
void plan_inside_print(const struct plan *p, FILE *out);

/* plan_image.c: what a box over an image has of the host's, and of the account's */
void plan_image_rootfs(struct planner *b);
void plan_image_layers(struct planner *b);
void plan_image_run(struct planner *b);

/* plan_commands.c: which there are, what shows them inside, and their lines of plan_print() */
void plan_commands(struct planner *b);
void plan_commands_ops(struct planner *b);
void plan_commands_print(const struct plan *p, FILE *out);
/* plan_pam.c: what other PAM modules have made */
void plan_tmpdir(struct planner *b);
const char *plan_ticket(struct planner *b);
const char *plan_hosts(struct planner *b); /* plan_hosts.c: text of /etc/hosts */
int plan_cgroup(struct planner *b, struct err *e);
#define PLAN_CGROUPS "/sys/fs/cgroup"
/* Where a box shows its own group in the hierarchy of the plan's controller @i; NULL: nowhere. */
const char *plan_hierarchy(struct planner *b, size_t i);
void plan_manager(struct planner *b);     /* plan_manager.c: the user manager's group */
void plan_manager_ops(struct planner *b); /* and what it looks for */
void planner_setting(struct planner *b, struct plan_cgroup_setting **list, size_t *n,
	const struct plan_cgroup_setting *one);
/* limits_text.c: plan_cgroup.limits_text; @own are the account's, slice and host considered */
const char *plan_own_text(struct planner *b);
const char *plan_limits_text(struct planner *b, const struct policy_limits *own);
void plan_lift(struct planner *b); /* limits_lift.c: what isn't limited any more */

/* plan_hidden.c: an entry of the init layer, at a place in an overlay. */
void planner_layer(struct planner *b, enum plan_layer_kind kind, const char *path,
	const char *target);
/* plan_rootfs.c: whether the box has something else than the host at, or above, a place. */
bool planner_is_replaced(const struct planner *b, const char *target);
/* The deepest overlay that @path lies in; its index. */
size_t plan_overlay_of(const struct plan *p, const char *path);
/* The staged mount that @path lies on, or NULL when that is an overlay. */
const struct plan_op *plan_mount_of(const struct plan *p, const char *path);
/* Directories on the way to a mount point, and the mount point itself, where they aren't
 * there. */
void plan_mount_point(struct planner *b, const char *path, enum plan_path_kind kind);
