/* SPDX-License-Identifier: BSD-3-Clause */
/* The mounts that are staged by the host, in their order. */
#include "core/plan/planner.h"

#include "core/base/paths.h"

#include <string.h>

#define KIB 1024ULL
#define MIB (1024 * KIB)

const struct plan_op *plan_mount_of(const struct plan *p, const char *path)
{
	const struct plan_op *best = NULL;

	for (size_t i = 0; i < p->n_ops; i++) {
		const struct plan_op *op = &p->ops[i];

		if (op->kind != PLAN_TMPFS && op->kind != PLAN_BIND &&
			op->kind != PLAN_DEVICE)
			continue;
		if (path_within(path, op->target) &&
			(!best || strlen(op->target) >= strlen(best->target)))
			best = op;
	}
	return best;
}

static struct plan_op *dir_add(struct planner *b, const char *path, uint32_t mode)
{
	struct plan_op *op = planner_op(b, PLAN_DIR, path);

	op->mode = mode;
	return op;
}

static struct plan_op *tmpfs_add(
	struct planner *b, const char *path, uint64_t size, uint32_t mode)
{
	struct plan_op *op = planner_op(b, PLAN_TMPFS, path);

	op->attr = ATTR_PLAIN;
	op->mode = mode;
	op->size = size == PARSE_INFINITY ? 0 : size;
	op->inodes = planner_inodes(size);
	return op;
}

/* What PrivateTmp= is about. */
static struct plan_op *shared_tmpfs_add(
	struct planner *b, const char *path, uint64_t size, uint32_t mode)
{
	struct plan_op *op = tmpfs_add(b, path, size, mode);

	op->shared = b->p->share_tmp;
	return op;
}

static struct plan_op *file_add(
	struct planner *b, const char *path, const char *content, uint32_t mode)
{
	struct plan_op *op = planner_op(b, PLAN_FILE, path);

	op->content = content;
	op->mode = mode;
	return op;
}

static bool is_made(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if ((p->ops[i].kind == PLAN_DIR || p->ops[i].kind == PLAN_FILE) &&
			strcmp(p->ops[i].target, path) == 0)
			return true;
	for (size_t i = 0; i < p->n_layers; i++)
		if (p->layers[i].kind != PLAN_LAYER_WHITEOUT &&
			strcmp(p->layers[i].path, path) == 0)
			return true;
	return false;
}

/* In an overlay it is part of the init layer: there may be no upper to make it in. */
static void make_place(
	struct planner *b, const char *path, bool in_overlay, enum plan_path_kind kind)
{
	bool file = kind == PLAN_PATH_FILE;

	if (in_overlay)
		planner_layer(b, file ? PLAN_LAYER_FILE : PLAN_LAYER_DIR, path, NULL);
	else if (file)
		file_add(b, path, NULL, 0644);
	else
		dir_add(b, path, 0755);
}

/*
 * How much of a path in an overlay is there for sure: all of what the caller looked at,
 * unless it lies on a file system that the box doesn't have, of which only the mount
 * point is there.
 */
static const char *known_to_exist(
	const struct planner *b, const char *path, const char *top)
{
	const struct plan_host *host = b->in->host;
	const char *best = NULL;

	if (b->image)
		return top;
	for (size_t i = 0; i < host->n_mounts; i++) {
		const char *target = host->mounts[i].target;

		if (path_below(target, top) && path_within(path, target) &&
			(!best || strlen(target) < strlen(best)))
			best = target;
	}
	if (best)
		return best;
	if (planner_exists(b, path) || path_within(b->home, path))
		return path;
	return top;
}

void plan_mount_point(struct planner *b, const char *path, enum plan_path_kind kind)
{
	const struct plan_op *on = plan_mount_of(b->p, path);
	const char *have;
	size_t len;

	if (on && on->kind != PLAN_TMPFS)
		return; /* in a directory of the host, or of the user: nothing is made there
			 */
	have = on ? on->target
		  : known_to_exist(
			    b, path, b->p->overlays[plan_overlay_of(b->p, path)].target);
	len = strcmp(have, "/") == 0 ? 0 : strlen(have);
	while (path[len] == '/') {
		const char *step;

		len += 1 + strcspn(path + len + 1, "/");
		step = planner_text(b, "%.*s", (int)len, path);
		/* On the way to it an image's own directories stay what they are. */
		if (is_made(b->p, step) || (!on && b->image && path[len] != '\0'))
			continue;
		make_place(b, step, !on, path[len] == '\0' ? kind : PLAN_PATH_DIR);
	}
}

static void ops_covers(struct planner *b)
{
	for (size_t i = 0; i < b->n_covers; i++) {
		const struct plan_op *on = plan_mount_of(b->p, b->covers[i]);

		plan_mount_point(b, b->covers[i], PLAN_PATH_DIR);
		if (!on || on->kind != PLAN_TMPFS)
			tmpfs_add(b, b->covers[i], 64 * KIB, 0755)->inodes = 64;
	}
}

static void ops_tmp(struct planner *b)
{
	/* Xvfb, Xvnc and session managers of a user can't make these themselves: they want
	 * root's. */
	static const char *const sockets[] = { "/tmp/.X11-unix", "/tmp/.ICE-unix", NULL };
	uint64_t size = b->in->policy->tmp_size;

	(void)shared_tmpfs_add(b, "/tmp", size, 01777);
	for (size_t i = 0; sockets[i]; i++)
		dir_add(b, sockets[i], 01777);
	if (plan_mount_of(b->p, "/var/tmp"))
		plan_mount_point(b, "/var/tmp", PLAN_PATH_DIR); /* in a cover of /var */
	(void)shared_tmpfs_add(b, "/var/tmp", size, 01777);
	plan_tmpdir(b);
}

/* What nsshell(1) wants to know in here. */
static void ops_shell(struct planner *b)
{
	const struct plan *p = b->p;
	struct plan_op *op;

	if (p->door_shell[0])
		file_add(b, PATH_RUN_SHELL, planner_text(b, "%s\n", p->door_shell), 0444);
	if (b->in->policy->record) {
		op = dir_add(b, PATH_RUN_TERMINALS, 0700);
		op->uid = p->uid;
		op->gid = p->gid;
	}
}

/* A user manager needs a runtime directory for itself. */
static void ops_run_of_account(struct planner *b)
{
	const struct plan *p = b->p;
	struct plan_op *op;

	(void)shared_tmpfs_add(b, "/run/lock", 4 * MIB, 01777);
	if (*p->user_manager)
		return;
	op = shared_tmpfs_add(b, p->runtime_dir, 64 * MIB, 0700);
	op->uid = p->uid;
	op->gid = p->gid;
}

/* The sockets of the account's sessions, session_socket.h: who lives here reaches them, too. */
static void ops_own(struct planner *b)
{
	const char *path = planner_text(b, PATH_OWN "/%u", b->p->uid);
	struct plan_op *op;

	dir_add(b, PATH_OWN, 0755);
	dir_add(b, path, 0755);
	op = planner_op(b, PLAN_BIND, path);
	op->source = path;
	op->attr = ATTR_CLOSED;
}

static void ops_run(struct planner *b)
{
	const struct plan *p = b->p;
	struct plan_op *op;

	tmpfs_add(b, "/run", 64 * MIB, 0755);
	dir_add(b, "/run/lock", 01777);
	dir_add(b, "/run/mount", 0755);
	dir_add(b, "/run/screen", 01777);
	dir_add(b, "/run/sshd", 0755);
	dir_add(b, "/run/user", 0755);
	op = dir_add(b, p->runtime_dir, 0700);
	op->uid = p->uid;
	op->gid = p->gid;
	if (p->share_tmp)
		ops_run_of_account(b);
	file_add(b, "/run/utmp", NULL, 0664);
	dir_add(b, "/run/nsshell", 0755);
	if (b->in->policy->upper == UPPER_NONE) {
		file_add(b, PATH_RUN_WTMP, NULL, 0664);
		file_add(b, PATH_RUN_LASTLOG, NULL, 0664);
	}
	file_add(b, "/run/nsshell/session", planner_text(b, "%s\n", p->id), 0444);
	/* A file of the host's: what holds for the account may change while the session runs. */
	file_add(b, PATH_RUN_LIMITS, NULL, 0444);
	op = planner_op(b, PLAN_BIND, PATH_RUN_LIMITS);
	op->source = planner_text(b, PATH_SESSIONS "/%s.limits", p->id);
	op->attr = ATTR_CLOSED;
	ops_own(b);
	plan_environment_file(b);
	file_add(b, "/run/nsshell/hostname", planner_text(b, "%s\n", p->hostname), 0444);
	file_add(b, "/run/nsshell/hosts", plan_hosts(b), 0444);
	if (policy_has_address(b->in->policy))
		file_add(b, "/run/nsshell/resolv.conf", p->network.resolv, 0444);
	if (b->image)
		plan_image_run(b);
	ops_shell(b);
	plan_manager_ops(b);
}

static void ops_sys(struct planner *b)
{
	struct plan_op *op = planner_op(b, PLAN_BIND, "/sys");

	op->source = "/sys";
	op->attr = ATTR_CLOSED;
	if (b->in->host->cgroup == PLAN_CGROUP_V1)
		tmpfs_add(b, PLAN_CGROUPS, 64 * KIB, 0755);
	for (size_t i = 0; i < b->p->cgroup.n_controllers; i++)
		if (plan_hierarchy(b, i))
			dir_add(b, plan_hierarchy(b, i), 0755);
}

/* What is written there is the host's: no id of the box's may get onto its disk. */
static void own_ids(struct planner *b, struct plan_op *op)
{
	const char *why = plan_no_idmap(b, op->source);

	op->idmap = !why;
	if (why)
		planner_note(b,
			"%s: %s can't be idmapped: an access control list that is set there "
			"inside may name an id of the box's instead of the host's",
			op->source, why);
}

/* Where a link of the host's that the config names lies in what is the box's own, it is made anew. */
static void link_to(struct planner *b, const struct want *w)
{
	const struct plan_op *on = plan_mount_of(b->p, w->named);

	if (strcmp(w->named, w->target) == 0 || !on || on->kind != PLAN_TMPFS)
		return;
	plan_mount_point(b, planner_dirname(b, w->named), PLAN_PATH_DIR);
	planner_op(b, PLAN_SYMLINK, w->named)->source = w->target;
}

static void ops_wants(struct planner *b)
{
	for (size_t i = 0; i < b->n_wants; i++) {
		const struct want *w = &b->wants[i];
		struct plan_op *op;

		link_to(b, w);
		plan_mount_point(b, w->target, w->kind);
		op = planner_op(b, PLAN_BIND, w->target);
		op->source = w->source;
		op->use = w->use;
		op->attr = w->attr;
		op->recursive = w->recursive;
		op->follow = w->follow;
		if (w->writable)
			own_ids(b, op);
		op->as_user = w->as_user;
		op->must_own = w->must_own;
		op->optional = w->optional;
		op->renew = w->renew;
	}
}

/*
 * Init mounts it then, and what takes its place is mounted in a box that runs. So it is at a place of
 * the box's own, which its user can't move, nor hold up a login at, and nothing else lies below it.
 */
static bool can_renew(const struct plan *p, const struct plan_op *op)
{
	const struct plan_op *on = NULL;

	for (const struct plan_op *o = p->ops; o < p->ops + p->n_ops; o++) {
		if (path_below(o->target, op->target))
			return false;
		if ((o->kind == PLAN_TMPFS || o->kind == PLAN_BIND) &&
			path_below(op->target, o->target) &&
			(!on || strlen(o->target) >= strlen(on->target)))
			on = o;
	}
	return !on || (on->kind == PLAN_TMPFS && !on->shared);
}

static bool is_hidden_below(const struct plan *p, const char *source)
{
	for (const struct plan_op *o = p->ops; o < p->ops + p->n_ops; o++)
		if (o->kind == PLAN_MASK && path_below(o->source, source))
			return true;
	return false;
}

/* Who writes in a bind could move what is hidden below it to where @source is, and have it shown. */
static bool could_show_hidden(const struct plan *p, const char *source)
{
	for (const struct plan_op *o = p->ops; o < p->ops + p->n_ops; o++)
		if (o->kind == PLAN_BIND && !(o->attr & MOUNT_ATTR_RDONLY) &&
			path_below(source, o->source) && is_hidden_below(p, o->source))
			return true;
	return false;
}

static void renewable(struct plan *p)
{
	for (size_t i = 0; i < p->n_ops; i++) {
		struct plan_op *op = &p->ops[i];

		if (op->kind == PLAN_BIND && op->renew)
			op->renew = can_renew(p, op) && !could_show_hidden(p, op->source);
	}
}

/*
 * The mailbox: mail that comes while the session lasts must show, and what is read and deleted must
 * be so for the host. One of the two is the other's link, on each distribution.
 */
static void ops_mail(struct planner *b)
{
	static const char *const spools[] = { "/var/mail", "/var/spool/mail", NULL };

	for (size_t i = 0; spools[i]; i++) {
		const char *box = planner_text(b, "%s/%s", spools[i], b->p->user);
		struct plan_op *op;

		if (plan_mount_of(b->p, box) ||
			(b->in->policy->root && plan_no_idmap(b, box)))
			continue;
		op = planner_op(b, PLAN_BIND, box);
		op->source = box;
		op->attr = ATTR_NOEXEC;
		op->as_user = true;
		op->optional = true;
		op->own_file = true;
		op->idmap = !plan_no_idmap(b, box);
	}
}

static void ops_seal(struct planner *b)
{
	planner_op(b, PLAN_SEAL, "/dev")->attr = ATTR_DEV | MOUNT_ATTR_RDONLY;
	if (b->in->host->cgroup == PLAN_CGROUP_V1)
		planner_op(b, PLAN_SEAL, PLAN_CGROUPS)->attr = ATTR_CLOSED;
	for (size_t i = 0; i < b->n_covers; i++) {
		const struct plan_op *on = plan_mount_of(b->p, b->covers[i]);

		if (on && strcmp(on->target, b->covers[i]) == 0)
			planner_op(b, PLAN_SEAL, b->covers[i])->attr = ATTR_CLOSED;
	}
}

void plan_ops(struct planner *b)
{
	if (b->image)
		plan_image_layers(b);
	ops_covers(b);
	ops_tmp(b);
	ops_run(b);
	plan_dev(b);
	ops_sys(b);
	ops_wants(b);
	plan_file_mounts(b);
	ops_mail(b);
	plan_layers(b);
	ops_seal(b);
	plan_init_ops(b);
	renewable(b->p);
	b->p->ticket = plan_ticket(b);
}
