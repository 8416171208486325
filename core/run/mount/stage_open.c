/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/stage.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/mount/look.h"
#include "core/run/ids/userns.h"

#include <fcntl.h>
#include <string.h>

/* ---- sources ------------------------------------------------------------------------ */

static int no_source(
	const struct plan *plan, const struct plan_op *op, int num, struct err *e)
{
	if (op->must_own && num == ENOENT)
		return err_set(e, 0,
			"the home %s of %s isn't there: mount what it is on, make it (mkhomedir_helper "
			"%s), or give the account another (usermod -d)",
			op->source, plan->user, plan->user);
	if (num == EMFILE)
		return err_set(e, num,
			"open %s, one of too many paths, devices and sockets of this box (give it a "
			"directory above them instead)",
			op->source);
	return err_set(e, num, "open %s%s%s", op->source, op->as_user ? " as " : "",
		op->as_user ? plan->user : "");
}

/* Of what is built in: lxcfs may die at any time, ENOTCONN. */
static bool may_be_missing(const struct plan_op *op, int num)
{
	return op->optional && (num == ENOENT || num == EACCES ||
				       (op->kind == PLAN_COVER && num == ENOTCONN));
}

static bool is_own_file(const struct plan *plan, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == plan->uid;
}

/* Where the account can mount something, or choose what it is. */
static bool is_accounts(const struct plan_op *op)
{
	return op->use != PLAN_USE_ANY || op->as_user || op->own_file;
}

/* Root's own paths, or a mount of the host's that the plan took from its table. */
static int open_roots(const struct plan_op *op, struct resolved *ret, struct err *e)
{
	/* lxcfs, by the name of the mount table: no link leads there. */
	if (op->kind == PLAN_COVER && strcmp(op->source, PATH_COMMAND) != 0)
		ret->fd =
			sys_openat2(AT_FDCWD, op->source, O_PATH, 0, RESOLVE_NO_SYMLINKS);
	else
		ret->fd = open(op->source, O_PATH | O_CLOEXEC);
	if (ret->fd >= 0 && fstat(ret->fd, &ret->st) == 0)
		return 0;
	(void)err_set(e, errno, "open %s", op->source);
	cleanup_close(&ret->fd);
	return -1;
}

/* What is built in. Return: 1 where it can be left out; -1 with @e. */
static int not_built_in(const struct plan *plan, const struct plan_op *op, struct err *e)
{
	if (may_be_missing(op, e->num))
		return 1;
	return resolve_failed(e->num) ? -1 : no_source(plan, op, e->num, e);
}

/* What the config names, or the home; @r: of look_again(). Return: as above. */
static int not_named(
	const struct plan *plan, const struct plan_op *op, int r, struct err *e)
{
	if (r > 0)
		return op->optional ? 1 : no_source(plan, op, ENOENT, e);
	if (e->num == EMFILE)
		return no_source(plan, op, EMFILE, e);
	return !op->optional || resolve_failed(e->num)
		       ? err_wrap(e, "%s%s can't be used",
				 op->must_own ? "the home " : "", op->source)
		       : 1;
}

/* An O_PATH fd of the source; 1 when it is optional and can't be had. */
static int open_source(const struct plan *plan, const struct plan_op *op,
	struct stage_source *ret, struct err *e)
{
	const struct resolve_as as = resolve_as_account(plan);
	struct resolved found = RESOLVED_NONE;
	int r;

	if (op->use != PLAN_USE_ANY)
		r = look_again(op->source, op->use, &as, op->as_user, &found, e);
	else if (is_accounts(op))
		r = look_open(op->source, !op->own_file, &as, op->as_user, &found, e);
	else
		r = open_roots(op, &found, e);
	if (r != 0)
		return op->use == PLAN_USE_ANY ? not_built_in(plan, op, e)
					       : not_named(plan, op, r, e);
	ret->st = found.st;
	if (op->own_file && !is_own_file(plan, &found.st)) {
		cleanup_close(&found.fd);
		return 1;
	}
	ret->mount = found.fd;
	return 0;
}

static bool has_source(const struct plan_op *op)
{
	return (op->kind == PLAN_BIND && op->use != PLAN_USE_VOLUME) ||
	       op->kind == PLAN_DEVICE || op->kind == PLAN_COVER;
}

static int open_all(
	const struct plan *plan, bool accounts, struct stage *s, struct err *e)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct plan_op *op = &plan->ops[i];

		if (has_source(op) && is_accounts(op) == accounts &&
			open_source(plan, op, &s->sources[i], e) < 0)
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
		_cleanup_close_ int path = -EBADF;

		if ((op->kind != PLAN_BIND && op->kind != PLAN_COVER) ||
			s->sources[i].mount < 0)
			continue;
		path = s->sources[i].mount;
		s->sources[i].mount =
			op->kind == PLAN_COVER
				? sys_clone_attr(path, "", op->recursive, op->attr)
				: sys_clone_tree(path, "", op->recursive,
					  op->follow ? MS_SLAVE : MS_PRIVATE);
		if (s->sources[i].mount < 0)
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

/* Return: 0; 1 when the box has more ids than a map has lines for; -1 with @e. */
static int own_ids(const struct plan *plan, int *ret, struct err *e)
{
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct idmap uids, gids;

	if (proc < 0)
		return err_set(e, errno, "open /proc");
	if (idmap_without(&plan->uids, &uids) < 0 ||
		idmap_without(&plan->gids, &gids) < 0)
		return 1;
	return userns_create(proc, &uids, &gids, ret, e);
}

/*
 * Some file systems can't (NFS: EINVAL), and a mount that is idmapped can't be so twice
 * (systemd-homed: EPERM). A mount below that can't be doesn't keep its parent from it, but where the box has
 * a root: there its files would be of ids of the box's.
 *
 * Return: 0; 1 when this one stays as the host has it; -1 with @e.
 */
static int idmap_one(const struct plan *plan, const struct plan_op *op, int mount,
	const struct mount_attr *attr, struct err *e)
{
	bool alone = op->recursive && plan->no_new_privs;

	if (sys_mount_setattr(mount, op->recursive, attr) == 0 ||
		(alone && sys_mount_setattr(mount, false, attr) == 0))
		return 0;
	if (errno == EINVAL || errno == EPERM)
		return 1;
	return err_set(e, errno, "idmap %s", op->source);
}

static int no_idmap(const struct plan *plan, const struct plan_op *op, struct err *e)
{
	if (plan->no_new_privs)
		return 1;
	return err_set(e, 0,
		"Root=yes needs file systems that can be idmapped at %s and at what is mounted below it",
		op->source);
}

/* What can't be done stays as the host has it, without Root=yes: nobody gets more rights by that. */
static int idmap_all(const struct plan *plan, struct stage *s, struct err *e)
{
	_cleanup_close_ int userns = -EBADF;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	int ids = 0, r = 0;

	for (size_t i = 0; r >= 0 && i < plan->n_ops; i++) {
		const struct plan_op *op = &plan->ops[i];

		if (!op->idmap || s->sources[i].mount < 0)
			continue;
		if (ids == 0 && userns < 0)
			r = ids = own_ids(plan, &userns, e);
		attr.userns_fd = (unsigned int)userns;
		if (ids == 0)
			r = idmap_one(plan, op, s->sources[i].mount, &attr, e);
		if (r == 1)
			r = no_idmap(plan, op, e);
		if (r == 1)
			s->plain = op->source;
	}
	return r < 0 ? -1 : 0;
}

int stage_look(const struct plan *plan, struct stage *ret, struct err *e)
{
	struct stage s = STAGE_NONE;

	s.sources = calloc(plan->n_ops + 1, sizeof(*s.sources));
	if (!s.sources)
		return err_set(e, ENOMEM, "open the sources of the mounts");
	s.n = plan->n_ops;
	for (size_t i = 0; i < s.n; i++)
		s.sources[i].mount = -EBADF;
	if (open_all(plan, true, &s, e) < 0) {
		stage_close(&s);
		return -1;
	}
	*ret = s;
	return 0;
}

int stage_open(const struct plan *plan, int terminal, struct stage *s, struct err *e)
{
	if (open_all(plan, false, s, e) < 0 || clone_all(plan, s, e) < 0 ||
		idmap_all(plan, s, e) < 0)
		return -1;
	s->proc = sys_clone_tree(AT_FDCWD, "/proc", false, MS_PRIVATE);
	if (s->proc < 0)
		return err_set(e, errno, "clone /proc");
	return clone_terminal(plan, terminal, s, e);
}

void stage_close(struct stage *s)
{
	for (size_t i = 0; i < s->n; i++)
		cleanup_close(&s->sources[i].mount);
	free(s->sources);
	s->sources = NULL;
	s->n = 0;
	cleanup_close(&s->proc);
	cleanup_close(&s->volumes);
}
