/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of plan_check() that is about file systems. */
#include "core/base/paths.h"
#include "core/plan/check.h"
#include "core/plan/volumename.h"

#include <string.h>

#define OVERLAYS_MAX 64
#define OPS_MAX      4096
#define ATTR_KNOWN                                                                       \
	(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* ---- the rootfs -------------------------------------------------------------------------- */

static bool are_image_layers(const struct checked *c, const struct plan_overlay *o)
{
	const struct plan_image *image = c->in->host->image;

	if (o->n_layers != image->n_layers || strcmp(o->lower, image->lower) != 0)
		return false;
	for (size_t i = 0; i < o->n_layers; i++)
		if (strncmp(o->layers[i], "l/", 2) != 0 ||
			strcmp(o->layers[i] + 2,
				image->layers[image->n_layers - 1 - i]) != 0)
			return false;
	return true;
}

static const char *overlay(const struct checked *c, const struct plan_overlay *o)
{
	bool root = c->in->policy->root;
	uint64_t must = MOUNT_ATTR_NODEV | (root ? 0 : MOUNT_ATTR_NOSUID) |
			(o->readonly || o->live ? MOUNT_ATTR_RDONLY : 0);

	if ((o->attr & must) != must || (o->attr & ~(uint64_t)ATTR_KNOWN))
		return "attributes of the rootfs";
	if (!check_path(o->target) || !check_path(o->lower))
		return "a path of the rootfs";
	if (c->in->host->image)
		return are_image_layers(c, o) ? NULL : "the image's layers";
	if (o->n_layers > 0 || strcmp(o->lower, o->target) != 0 ||
		(strcmp(o->lower, "/") != 0 &&
			!path_within_any(o->lower, plan_system_dirs)) ||
		plan_is_own_place(o->lower) ||
		(strcmp(o->lower, "/") != 0 && path_shows_state(o->lower) &&
			!path_below(PATH_STATE, o->lower)))
		return "a lower of the rootfs";
	return o->live && path_shows_state(o->lower) ? "nsshell's own state" : NULL;
}

/* What is at a path inside is something else than the lower has there. */
static bool is_covered(const struct plan *p, const char *path)
{
	for (size_t i = 0; i < p->n_layers; i++)
		if (p->layers[i].kind == PLAN_LAYER_WHITEOUT &&
			p->layers[i].overlay == plan_overlay_of(p, path) &&
			path_within(path, p->layers[i].path))
			return true;
	for (size_t i = 0; i < p->n_ops; i++)
		if ((p->ops[i].kind == PLAN_TMPFS || p->ops[i].kind == PLAN_MASK) &&
			path_within(path, p->ops[i].target))
			return true;
	return false;
}

static const char *layer(const struct plan *p, const struct plan_layer *l)
{
	bool points = l->kind == PLAN_LAYER_SYMLINK || l->kind == PLAN_LAYER_LINES ||
		      l->kind == PLAN_LAYER_SHELL || l->kind == PLAN_LAYER_COMMAND;

	if (l->overlay >= p->n_overlays || !check_path(l->path) ||
		!path_within(l->path, p->overlays[l->overlay].target))
		return "a path of the init layer";
	if ((l->mode & ~0777U) || (points && !l->target) ||
		(l->kind == PLAN_LAYER_LINES && !l->content))
		return "an entry of the init layer";
	return NULL;
}

const char *check_rootfs(const struct checked *c)
{
	const struct plan *p = c->p;
	const struct plan_path *state = check_found(c, PLAN_USE_HIDE, PATH_STATE);
	const char *wrong = NULL;

	if (p->n_overlays == 0 || p->n_overlays > OVERLAYS_MAX ||
		strcmp(p->overlays[0].target, "/") != 0 ||
		(c->in->host->image && p->n_overlays != 1))
		return "the rootfs";
	for (size_t i = 0; !wrong && i < p->n_overlays; i++)
		wrong = overlay(c, &p->overlays[i]);
	for (size_t i = 0; !wrong && i < p->n_layers; i++)
		wrong = layer(p, &p->layers[i]);
	if (!wrong && !c->in->host->image && state && state->kind != PLAN_PATH_ABSENT &&
		!is_covered(p, PATH_STATE))
		wrong = "nsshell's own state";
	return wrong;
}

/* ---- mounts ------------------------------------------------------------------------------- */

static bool is_source(const struct plan_path *f, const struct plan_op *op)
{
	/* That a home isn't there is told when the session is staged. */
	bool there = op->use == PLAN_USE_HOME || f->kind != PLAN_PATH_ABSENT;

	return f->use == op->use && there && !f->refused &&
	       (strcmp(op->source, f->path) == 0 ||
		       (f->real && strcmp(op->source, f->real) == 0));
}

/* Of what root has looked at for that use, for the config or a built-in list. */
static bool is_found(const struct checked *c, const struct plan_op *op)
{
	const struct plan_host *h = c->in->host;

	for (size_t i = 0; i < h->n_paths; i++)
		if (is_source(&h->paths[i], op))
			return true;
	return false;
}

static bool has_entry(const struct strlist *list, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < list->n; i++) {
		const char *from = list->v[i] + (list->v[i][0] == '-');

		if (strcspn(from, ":") == len && strncmp(path, from, len) == 0)
			return true;
	}
	return false;
}

/* Of what root has found for an entry of BindPaths= or BindReadOnlyPaths=. */
static bool is_entry_of(
	const struct checked *c, const struct strlist *list, const struct plan_op *op)
{
	const struct plan_host *h = c->in->host;

	for (size_t i = 0; i < h->n_paths; i++)
		if (is_source(&h->paths[i], op) && has_entry(list, h->paths[i].path))
			return true;
	return false;
}

/* The directory of the host's terminal descriptions, of which a file was looked at. */
static bool is_terminfo(const struct checked *c, const char *source)
{
	static const char one[] = "/x/xterm";
	const struct plan_host *h = c->in->host;

	for (size_t i = 0; i < h->n_paths; i++) {
		const char *path = h->paths[i].path;
		size_t len = strlen(source);

		if (h->paths[i].use == PLAN_USE_ANY &&
			h->paths[i].kind != PLAN_PATH_ABSENT &&
			path_in(path, plan_image_wants) &&
			strncmp(path, source, len) == 0 && strcmp(path + len, one) == 0)
			return true;
	}
	return false;
}

/* What is bound with root's rights: the sockets and limits of this session, and what is in no config. */
static bool is_ours(const struct checked *c, const struct plan_op *op)
{
	char own[64], now[128];

	(void)snprintf(own, sizeof(own), PATH_OWN "/%u", c->in->account->uid);
	(void)snprintf(now, sizeof(now), PATH_SESSIONS "/%s.limits", c->in->login->id);
	return (op->attr & MOUNT_ATTR_RDONLY) &&
	       ((strcmp(op->source, own) == 0 && strcmp(op->target, own) == 0) ||
		       (strcmp(op->source, now) == 0 &&
			       strcmp(op->target, PATH_RUN_LIMITS) == 0) ||
		       strcmp(op->source, PATH_COMMAND) == 0 ||
		       strcmp(op->source, PLAN_RESOLV) == 0 ||
		       (strcmp(op->source, "/sys") == 0 &&
			       strcmp(op->target, "/sys") == 0) ||
		       is_terminfo(c, op->source));
}

/* One of the config's for this account, which nsshell keeps. */
static const char *volume(const struct checked *c, const struct plan_op *op)
{
	const struct strlist *list = &c->in->policy->volumes;
	char source[128];

	if (op->recursive || op->follow || op->as_user || op->must_own || op->own_file)
		return "a volume";
	for (size_t i = 0; i < list->n; i++) {
		size_t len = strcspn(list->v[i], ":");

		(void)snprintf(source, sizeof(source), PATH_VOLUMES "/%u/%.*s",
			c->in->account->uid, (int)len, list->v[i]);
		if (volumename_is_valid(list->v[i], len) &&
			strcmp(op->source, source) == 0)
			return NULL;
	}
	return "a volume";
}

/* Whether it is the account's own file is looked at when it is opened. */
static bool is_mailbox(const struct checked *c, const struct plan_op *op)
{
	static const char *const spools[] = { "/var/mail", "/var/spool/mail" };
	char path[4096];

	for (size_t i = 0; op->own_file && i < 2; i++) {
		(void)snprintf(
			path, sizeof(path), "%s/%s", spools[i], c->in->account->name);
		if (strcmp(op->source, path) == 0)
			return !op->recursive && !op->follow;
	}
	return false;
}

/*
 * What is opened with the account's rights. What root does there, below, isn't held by these: it is what the config
 * names, or the host's file systems and files at their own places.
 */
static const char *as_account(const struct checked *c, const struct plan_op *op)
{
	const struct policy *said = c->in->policy;
	bool closed = (op->attr & MOUNT_ATTR_RDONLY) != 0;
	bool there = strcmp(op->source, op->target) == 0,
	     systems = path_within_any(op->target, plan_system_dirs);

	if (op->use == PLAN_USE_HOME || (there && is_mailbox(c, op)))
		return NULL;
	if (op->use == PLAN_USE_BIND &&
		(is_entry_of(c, &said->bind_paths, op) ||
			(closed && is_entry_of(c, &said->bind_ro_paths, op))))
		return NULL;
	if (!there || plan_is_own_place(op->source))
		return "a bind of what nobody asked for";
	if (op->use == PLAN_USE_BIND && said->host_mounts && !systems)
		return NULL;
	return op->use == PLAN_USE_ANY && closed && systems && !op->recursive &&
			       !op->follow
		       ? NULL
		       : "a bind of what nobody asked for";
}

static const char *bind(const struct checked *c, const struct plan_op *op)
{
	bool devices = path_below(op->target, "/dev") && path_below(op->source, "/dev");

	if (!devices && !(op->attr & MOUNT_ATTR_NODEV))
		return "a bind with devices";
	if ((op->must_own || op->use == PLAN_USE_HOME) &&
		(!op->must_own || !op->as_user || op->use != PLAN_USE_HOME ||
			!is_found(c, op)))
		return "the home";
	if (op->use == PLAN_USE_VOLUME)
		return volume(c, op);
	if (op->use == PLAN_USE_HIDE || op->use == PLAN_USE_TARGET)
		return "what a bind is for";
	if (is_ours(c, op))
		return op->recursive || op->follow ? "a bind that brings more along"
						   : NULL;
	if (path_shows_state(op->source))
		return "nsshell's own state";
	if (op->as_user)
		return as_account(c, op);
	if (op->use == PLAN_USE_BIND)
		return "a bind with root's rights";
	if (op->recursive || op->follow || op->own_file)
		return "a bind that brings more along";
	if (!(op->attr & MOUNT_ATTR_RDONLY) && !devices)
		return "a bind that may be written";
	return is_found(c, op) ? NULL : "a bind of what nobody asked for";
}

static const char *device(const struct checked *c, const struct plan_op *op)
{
	if (!path_below(op->target, "/dev") || !is_found(c, op))
		return "a device";
	return op->use == PLAN_USE_ANY || op->use == PLAN_USE_DEVICE ? NULL : "a device";
}

static const char *terminal(const struct checked *c, const struct plan_op *op)
{
	return strcmp(op->source, c->p->tty) == 0 && op->mode == 0620 &&
			       op->uid == c->in->account->uid &&
			       op->gid == PLAN_TTY_GID && path_below(op->target, "/dev")
		       ? NULL
		       : "the terminal";
}

/* By init, in the box's own namespaces. */
static const char *sysctl(const struct checked *c, const struct plan_op *op)
{
	static const char *const own[] = { "/proc/sys/user", "/proc/sys/kernel/shmall",
		"/proc/sys/kernel/msgmni", "/proc/sys/kernel/sem", NULL };

	(void)c;
	return op->content && path_within_any(op->target, own) ? NULL : "a sysctl";
}

static const char *cover(const struct checked *c, const struct plan_op *op)
{
	size_t len = strlen(op->source), end = strlen(op->target);

	(void)c;
	if (strcmp(op->source, PATH_COMMAND) == 0)
		return op->attr & MOUNT_ATTR_RDONLY ? NULL : "a cover";
	/* lxcfs, wherever that is mounted. */
	return path_in(op->target, plan_lxcfs_files) && len > end &&
			       strcmp(op->source + len - end, op->target) == 0 &&
			       op->attr == ATTR_CLOSED && !path_shows_state(op->source)
		       ? NULL
		       : "a cover";
}

static const char *kernels(const struct checked *c, const struct plan_op *op)
{
	static const char *const own[] = { "/proc", "/sys", "/dev/pts", "/dev/mqueue",
		NULL };

	(void)c;
	return path_within_any(op->target, own) ? NULL : "a file system of the kernel's";
}

/* A row a kind of operation, in their order. */
static const struct {
	bool source, mounts; /* it has a source; it is a mount, nosuid as all are */
	bool devices;        /* where nodes may work */
	const char *(*check)(const struct checked *c, const struct plan_op *op);
} rules[] = {
	[PLAN_TMPFS] = { false, true, false, NULL },
	[PLAN_BIND] = { true, true, true, bind },
	[PLAN_DEVICE] = { true, false, false, device },
	[PLAN_TERMINAL] = { true, true, true, terminal },
	[PLAN_DIR] = { false, false, false, NULL },
	[PLAN_FILE] = { false, false, false, NULL },
	[PLAN_SYMLINK] = { true, false, false, NULL },
	[PLAN_MASK] = { true, true, false, NULL },
	[PLAN_SEAL] = { false, true, false, NULL },
	[PLAN_PROC] = { false, true, false, kernels },
	[PLAN_SYSCTL] = { false, false, false, sysctl },
	[PLAN_DEVPTS] = { false, true, true, kernels },
	[PLAN_MQUEUE] = { false, true, false, kernels },
	[PLAN_CGROUP2] = { false, true, false, kernels },
	[PLAN_CGROUP1] = { false, true, false, kernels },
	[PLAN_READONLY] = { false, true, false, kernels },
	[PLAN_HIDE] = { false, true, false, kernels },
	[PLAN_COVER] = { true, true, false, cover },
};

static bool is_id_of_box(const struct checked *c, const struct plan_op *op)
{
	return (op->uid == 0 || op->uid == c->in->account->uid) &&
	       (op->gid == 0 || op->gid == c->in->account->gid ||
		       op->gid == PLAN_TTY_GID);
}

/* What is no mount root makes itself: in what is the box's alone, and never through a bind on the host. */
static bool is_made_on_host(const struct plan *p, const struct plan_op *op)
{
	for (const struct plan_op *on = op; on-- > p->ops;) {
		bool on_it = path_below(op->target, on->target);

		if (on_it && (on->kind == PLAN_TMPFS || on->kind == PLAN_BIND))
			return on->kind == PLAN_BIND;
	}
	return false;
}

static const char *op_wrong(const struct checked *c, const struct plan_op *op)
{
	bool dev = rules[op->kind].devices || strcmp(op->target, "/dev") == 0;
	uint64_t must = MOUNT_ATTR_NOSUID | (dev ? 0 : MOUNT_ATTR_NODEV);

	if (!check_path(op->target) || strcmp(op->target, "/") == 0)
		return "where something is put";
	if (rules[op->kind].source && !op->source)
		return "an operation without a source";
	if (op->kind != PLAN_SYMLINK && op->source && !check_path(op->source))
		return "a source";
	if (rules[op->kind].mounts &&
		((op->attr & must) != must || (op->attr & ~(uint64_t)ATTR_KNOWN)))
		return "attributes of a mount";
	if (!rules[op->kind].mounts && is_made_on_host(c->p, op))
		return "what would be made on the host";
	if ((op->mode & ~01777U) || !is_id_of_box(c, op))
		return "an owner or a mode";
	return rules[op->kind].check ? rules[op->kind].check(c, op) : NULL;
}

static bool has_op(const struct plan *p, enum plan_op_kind kind, const char *target)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == kind && strcmp(p->ops[i].target, target) == 0)
			return true;
	return false;
}

const char *check_ops(const struct checked *c)
{
	const struct plan *p = c->p;
	const char *wrong = NULL;

	if (p->n_ops > OPS_MAX)
		return "more mounts than a box has";
	for (size_t i = 0; !wrong && i < p->n_ops; i++)
		wrong = op_wrong(c, &p->ops[i]);
	if (wrong)
		return wrong;
	return has_op(p, PLAN_TMPFS, "/run") && has_op(p, PLAN_TMPFS, "/dev") &&
			       has_op(p, PLAN_TMPFS, "/tmp") &&
			       has_op(p, PLAN_PROC, "/proc") &&
			       has_op(p, PLAN_DEVPTS, "/dev/pts")
		       ? NULL
		       : "what every box has of its own";
}
