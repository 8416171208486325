/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/stage.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/run/privs.h"
#include "core/run/userns.h"

#include <fcntl.h>
#include <string.h>

/* ---- sources ------------------------------------------------------------------------ */

static int check_owner(const struct plan *plan, const struct plan_op *op,
	const struct stat *st, struct err *e)
{
	if (!op->must_own)
		return 0;
	if (S_ISLNK(st->st_mode))
		return err_set(e, 0,
			"the home %s of %s is a symlink: put the folder's real path into passwd "
			"(usermod -d)",
			op->source, plan->user);
	if (!S_ISDIR(st->st_mode))
		return err_set(e, ENOTDIR, "the home %s of %s", op->source, plan->user);
	if (st->st_uid != plan->uid)
		return err_set(e, 0,
			"the home %s of %s belongs to uid %u: chown it to %s", op->source,
			plan->user, st->st_uid, plan->user);
	return 0;
}

static int no_source(
	const struct plan *plan, const struct plan_op *op, int num, struct err *e)
{
	if (op->must_own && num == ENOENT)
		return err_set(e, 0,
			"the home %s of %s isn't there: make it (mkhomedir_helper %s)",
			op->source, plan->user, plan->user);
	if (op->must_own && num == ENOTDIR)
		return err_set(e, 0,
			"the home %s of %s is a symlink or no folder: put a real folder's path into "
			"passwd (usermod -d)",
			op->source, plan->user);
	if (num == EMFILE)
		return err_set(e, num,
			"open %s, one of too many paths, devices and sockets of this box (give it a "
			"folder above them instead)",
			op->source);
	return err_set(e, num, "open %s%s%s", op->source, op->as_user ? " as " : "",
		op->as_user ? plan->user : "");
}

/* lxcfs may die at any time: ENOTCONN. */
static bool may_be_missing(const struct plan_op *op, int num)
{
	return num == ENOENT || num == EACCES ||
	       (op->kind == PLAN_COVER && num == ENOTCONN);
}

/* Return: 0, or 1 when it is none. */
static int take_own_file(const struct plan *plan, int *fd, int *ret, struct stat *st)
{
	if (fstat(*fd, st) < 0 || !S_ISREG(st->st_mode) || st->st_uid != plan->uid)
		return 1;
	*ret = take_fd(fd);
	return 0;
}

/* An O_PATH fd of the source; 1 when it is optional and not there. */
static int open_source(const struct plan *plan, const struct plan_op *op, int *ret,
	struct stat *st, struct err *e)
{
	/* O_DIRECTORY also triggers an automount at the path's end (open(2)). */
	int flags = O_PATH | O_CLOEXEC | (op->must_own ? O_NOFOLLOW | O_DIRECTORY : 0) |
		    (op->own_file ? O_NOFOLLOW : 0);
	_cleanup_close_ int fd = open(op->source, flags);

	if (fd < 0)
		return op->optional && may_be_missing(op, errno)
			       ? 1
			       : no_source(plan, op, errno, e);
	if (op->own_file)
		return take_own_file(plan, &fd, ret, st);
	if (fstat(fd, st) < 0)
		return op->optional && may_be_missing(op, errno)
			       ? 1
			       : err_set(e, errno, "look at %s", op->source);
	if (check_owner(plan, op, st, e) < 0)
		return -1;
	*ret = take_fd(&fd);
	return 0;
}

static bool has_source(const struct plan_op *op)
{
	return op->kind == PLAN_BIND || op->kind == PLAN_DEVICE || op->kind == PLAN_COVER;
}

/* Open all sources of one kind, as the account or as root, into fds. */
static int open_all(const struct plan *plan, bool as_user, struct stage *s, struct err *e)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct plan_op *op = &plan->ops[i];

		if (has_source(op) && op->as_user == as_user &&
			open_source(
				plan, op, &s->sources[i].mount, &s->sources[i].st, e) < 0)
			return -1;
	}
	return 0;
}

/* A detached clone takes the place of each O_PATH fd; device nodes are made anew instead.
 */
static int clone_all(const struct plan *plan, struct stage *s, struct err *e)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct plan_op *op = &plan->ops[i];
		int path = s->sources[i].mount;

		if ((op->kind != PLAN_BIND && op->kind != PLAN_COVER) || path < 0)
			continue;
		s->sources[i].mount = sys_clone_tree(
			path, "", op->recursive, op->follow ? MS_SLAVE : MS_PRIVATE);
		(void)close(path);
		if (s->sources[i].mount < 0 ||
			(op->kind == PLAN_COVER &&
				sys_mount_setattr(s->sources[i].mount, false,
					&(struct mount_attr){ .attr_set = op->attr }) <
					0))
			return err_set(e, errno, "clone the tree at %s", op->source);
	}
	return 0;
}

static int clone_terminal(
	const struct plan *plan, int terminal, struct stage *s, struct err *e)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		if (plan->ops[i].kind != PLAN_TERMINAL || terminal < 0)
			continue;
		if (fstat(terminal, &s->sources[i].st) < 0)
			return err_set(e, errno, "look at the terminal");
		s->sources[i].mount = sys_clone_tree(terminal, "", false, MS_PRIVATE);
		if (s->sources[i].mount < 0)
			return err_set(e, errno, "clone the terminal %s", plan->tty);
	}
	return 0;
}

/* ---- ids ---------------------------------------------------------------------------- */

static int own_ids(const struct plan *plan, int *ret, pid_t *ret_dying)
{
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct idmap uids, gids;
	struct err ignored;

	if (proc < 0 || idmap_without(&plan->uids, &uids) < 0 ||
		idmap_without(&plan->gids, &gids) < 0)
		return -1;
	return userns_create(proc, &uids, &gids, ret, ret_dying, &ignored);
}

/*
 * What can't be done stays as the host has it: some file systems can't (NFS), and a mount that is
 * idmapped can't be so twice (systemd-homed). Nobody gets more rights by that.
 */
static void idmap_all(const struct plan *plan, struct stage *s)
{
	_cleanup_close_ int userns = -EBADF;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	pid_t dying = 0;
	int r = 0;

	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct plan_op *op = &plan->ops[i];

		if (!op->idmap || s->sources[i].mount < 0)
			continue;
		if (r == 0 && userns < 0)
			r = own_ids(plan, &userns, &dying);
		attr.userns_fd = (unsigned int)userns;
		if (r < 0 ||
			sys_mount_setattr(s->sources[i].mount, op->recursive, &attr) < 0)
			s->plain = op->source;
	}
	userns_reap(dying);
}

static int open_sources(
	const struct plan *plan, int terminal, struct stage *s, struct err *e)
{
	struct err back;
	int r;

	if (open_all(plan, false, s, e) < 0)
		return -1;
	r = privs_look_as(plan->uid, plan->gid, plan->groups, plan->n_groups, e);
	if (r == 0)
		r = open_all(plan, true, s, e);
	if (privs_look_as_root(&back) < 0) {
		*e = back;
		return -1;
	}
	if (r < 0 || clone_all(plan, s, e) < 0)
		return -1;
	idmap_all(plan, s);
	s->proc = sys_clone_tree(AT_FDCWD, "/proc", false, MS_PRIVATE);
	if (s->proc < 0)
		return err_set(e, errno, "clone /proc");
	return clone_terminal(plan, terminal, s, e);
}

int stage_open(const struct plan *plan, int terminal, struct stage *ret, struct err *e)
{
	struct stage s = STAGE_NONE;

	s.sources = calloc(plan->n_ops + 1, sizeof(*s.sources));
	if (!s.sources)
		return err_set(e, ENOMEM, "open the sources of the mounts");
	s.n = plan->n_ops;
	for (size_t i = 0; i < s.n; i++)
		s.sources[i].mount = -EBADF;
	if (open_sources(plan, terminal, &s, e) < 0) {
		stage_close(&s);
		return -1;
	}
	*ret = s;
	return 0;
}

void stage_close(struct stage *s)
{
	for (size_t i = 0; i < s->n; i++)
		cleanup_close(&s->sources[i].mount);
	free(s->sources);
	s->sources = NULL;
	s->n = 0;
	cleanup_close(&s->proc);
}
