/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/stage.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/mount/look_once.h"
#include "core/run/mount/rootfs.h"
#include "core/run/mount/safe_path.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/sysmacros.h>

/* A place that shows nothing and that nobody inside may open: host root's, mode 000. */
#define MASK_DIR  "/mask/" ROOTFS_MASK_DIR
#define MASK_FILE "/mask/" ROOTFS_MASK_FILE

/* What an op is done with. */
struct doing {
	const struct plan *plan;
	const struct plan_op *op;
	const struct stage_source *source;
	struct tree tree;
	int proc, host;
};

static uint32_t host_uid(const struct doing *d)
{
	return idmap_to_host(&d->plan->uids, d->op->uid);
}

static uint32_t host_gid(const struct doing *d)
{
	return idmap_to_host(&d->plan->gids, d->op->gid);
}

static int set_attr(const struct doing *d, int mount, struct err *e)
{
	const struct mount_attr attr = { .attr_set = d->op->attr };

	if (d->op->attr && sys_mount_setattr(mount, d->op->recursive, &attr) < 0)
		return err_set(e, errno, "set the attributes of the mount for %s",
			d->op->target);
	return 0;
}

/* A program of nsshell's own, as the host has it now. Return: a detached mount, or -1. */
static int clone_anew(const struct doing *d)
{
	_cleanup_close_ int here =
		openat(d->proc, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int path = -EBADF, mount = -EBADF;

	if (here < 0 || sys_setns(d->host, CLONE_NEWNS) < 0)
		return -1;
	path = open(d->op->source, O_PATH | O_CLOEXEC);
	if (path >= 0)
		mount = sys_clone_tree(path, "", false, MS_PRIVATE);
	return sys_setns(here, CLONE_NEWNS) < 0 ? -1 : take_fd(&mount);
}

static int attach_anew(const struct doing *d, int place, struct err *e)
{
	_cleanup_close_ int mount =
		strcmp(d->op->source, PATH_COMMAND) == 0 ? clone_anew(d) : -EBADF;

	if (mount >= 0 && set_attr(d, mount, e) == 0 && sys_attach(mount, place) == 0)
		return 0;
	return err_set(e, 0, "%s was replaced meanwhile: log in again", d->op->source);
}

static int attach(const struct doing *d, int mount, enum tree_kind kind, struct err *e)
{
	_cleanup_close_ int place = tree_place(&d->tree, d->op->target, kind, e);

	if (place < 0)
		return -1;
	if (sys_attach(mount, place) == 0)
		return 0;
	/* The kernel mounts no file that was replaced since it was opened. */
	if (errno == ENOENT && d->op->source)
		return attach_anew(d, place, e);
	return err_set(e, errno, "mount on %s inside", d->op->target);
}

static int do_tmpfs(const struct doing *d, struct err *e)
{
	const struct plan_op *op = d->op;

	if (d->source->mount >= 0)
		return attach(d, d->source->mount, TREE_DIR, e);

	_cleanup_close_ int mount =
		rootfs_tmpfs(op->size == PARSE_INFINITY ? 0 : op->size, op->inodes,
			op->mode, host_uid(d), host_gid(d), op->attr);

	if (mount < 0)
		return err_set(e, errno, "mount a tmpfs for %s", op->target);
	return attach(d, mount, TREE_DIR, e);
}

static int do_bind(const struct doing *d, struct err *e)
{
	/* A file of the account's own is bound where the box shows it, not behind a link. */
	_cleanup_close_ int place =
		d->op->own_file ? tree_open(&d->tree, d->op->target) : -EBADF;
	enum tree_kind kind = S_ISDIR(d->source->st.st_mode) ? TREE_DIR : TREE_FILE;

	if (d->source->mount < 0 || (d->op->own_file && place < 0))
		return 0;
	if (set_attr(d, d->source->mount, e) < 0)
		return -1;
	if (d->op->renew) { /* mounted by init */
		place = tree_place(&d->tree, d->op->target, kind, e);
		return place < 0 ? -1 : 0;
	}
	return attach(d, d->source->mount, kind, e);
}

/*
 * A node made anew costs no mount. Root's own ids become those of the box's root, but where its user may be that one
 * and not everybody on the host may use the device.
 */
static int make_device(const struct doing *d, int parent, const char *name)
{
	const struct stat *st = &d->source->st;
	bool given = d->plan->no_new_privs || (st->st_mode & 0006) == 0006;

	errno = ENODEV;
	if (!S_ISCHR(st->st_mode) && !S_ISBLK(st->st_mode))
		return -1;
	if (mknodat(parent, name, st->st_mode & (S_IFMT | 0777), st->st_rdev) < 0)
		return -1;
	return fchownat(parent, name, st->st_uid || !given ? st->st_uid : d->tree.uid,
		st->st_gid || !given ? st->st_gid : d->tree.gid, AT_SYMLINK_NOFOLLOW);
}

static int give(const struct doing *d, int made)
{
	return fchown(made, host_uid(d), host_gid(d)) < 0 ? -1
							  : fchmod(made, d->op->mode);
}

static int make_dir(const struct doing *d, int parent, const char *name)
{
	_cleanup_close_ int made = -EBADF;

	if (mkdirat(parent, name, 0700) < 0)
		return errno == EEXIST ? 0 : -1;
	made = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return made < 0 ? -1 : give(d, made);
}

static int make_file(const struct doing *d, int parent, const char *name)
{
	const char *text = d->op->content ? d->op->content : "";
	_cleanup_close_ int made = openat(
		parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	/* An earlier session of the account's made it, in the upper that they share. */
	if (made < 0 && errno == EEXIST && !d->op->content)
		return 0;
	return made < 0 || io_write_all(made, text, strlen(text)) < 0 ? -1
								      : give(d, made);
}

static int make_symlink(const struct doing *d, int parent, const char *name)
{
	return symlinkat(d->op->source, parent, name) < 0
		       ? -1
		       : fchownat(parent, name, host_uid(d), host_gid(d),
				 AT_SYMLINK_NOFOLLOW);
}

static int make_with(const struct doing *d, struct err *e,
	int (*make)(const struct doing *d, int parent, const char *name))
{
	const char *name;
	_cleanup_close_ int parent = tree_parent(&d->tree, d->op->target, &name, e);

	if (parent < 0)
		return -1;
	return make(d, parent, name) < 0
		       ? err_set(e, errno, "make %s inside", d->op->target)
		       : 0;
}

/*
 * The masking tmpfs is made when the first op needs it: mounted for this session alone, on a
 * directory that a session on the same rootfs may have made before.
 */
static int make_mask(struct err *e)
{
	_cleanup_close_ int mount = -EBADF;

	if (access(MASK_FILE, F_OK) == 0)
		return 0;
	mount = rootfs_masks(e);
	return mount < 0 ? -1 : rootfs_attach(mount, "/mask", e);
}

static int do_mask(const struct doing *d, struct err *e)
{
	_cleanup_close_ int place = -EBADF, mount = -EBADF;
	int r = tree_look(&d->tree, d->op->target, &place, e);
	struct stat st;

	/* What isn't there inside needs no mask. */
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (make_mask(e) < 0)
		return -1;
	if (fstat(place, &st) == 0)
		mount = sys_clone_attr(AT_FDCWD,
			S_ISDIR(st.st_mode) ? MASK_DIR : MASK_FILE, false, d->op->attr);
	return mount < 0 || sys_attach(mount, place) < 0
		       ? err_set(e, errno, "mask %s inside", d->op->target)
		       : 0;
}

static int do_seal(const struct doing *d, struct err *e)
{
	_cleanup_close_ int place = tree_open(&d->tree, d->op->target);

	if (place < 0)
		return err_set(e, errno, "open %s inside", d->op->target);
	return set_attr(d, place, e);
}

static int do_op(const struct doing *d, struct err *e)
{
	switch (d->op->kind) {
	case PLAN_TMPFS:
		return do_tmpfs(d, e);
	case PLAN_BIND:
	case PLAN_TERMINAL:
		return do_bind(d, e);
	case PLAN_DEVICE:
		return d->source->mount < 0 ? 0 : make_with(d, e, make_device);
	case PLAN_DIR:
		return make_with(d, e, make_dir);
	case PLAN_FILE:
		return make_with(d, e, make_file);
	case PLAN_SYMLINK:
		return make_with(d, e, make_symlink);
	case PLAN_MASK:
		return do_mask(d, e);
	case PLAN_SEAL:
		return do_seal(d, e);
	case PLAN_PROC:
	case PLAN_DEVPTS:
	case PLAN_MQUEUE:
	case PLAN_CGROUP2:
	case PLAN_CGROUP1:
	case PLAN_SYSCTL:
	case PLAN_READONLY:
	case PLAN_HIDE:
	case PLAN_COVER:
		return 0; /* init's, stage_enter.c */
	}
	return err_set(e, EINVAL, "do operation %d of the plan", d->op->kind);
}

/* Whether the way to its target leads through what the account may have mounted, and never answers. */
static bool is_on_accounts(const struct plan *plan, const struct plan_op *op)
{
	for (const struct plan_op *above = plan->ops; above < op; above++) {
		size_t len = strlen(above->target);

		if (above->kind == PLAN_BIND && above->as_user && op->target &&
			strncmp(op->target, above->target, len) == 0 &&
			op->target[len] == '/')
			return true;
	}
	return false;
}

static int do_op_there(void *arg, struct err *e)
{
	return do_op(arg, e);
}

/* The account's lock is held. */
static int do_op_bounded(struct doing *d, struct err *e)
{
	const struct plan *p = d->plan;
	const struct resolve_as as = resolve_as_account(p);
	const struct look_job job = { do_op_there, d, 0 };
	const int keep[] = { d->tree.root, d->source->mount };

	return is_on_accounts(p, d->op) ? look_run(&job, &as, keep, 2, e) : do_op(d, e);
}

int stage_mount(const struct plan *plan, const struct stage *s, int host, struct err *e)
{
	_cleanup_close_ int root = open(ROOTFS_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct doing d = {
		.plan = plan,
		.tree = { .root = root,
			.uid = idmap_to_host(&plan->uids, 0),
			.gid = idmap_to_host(&plan->gids, 0) },
		.proc = s->proc,
		.host = host,
	};

	if (root < 0)
		return err_set(e, errno, "open the rootfs");
	for (size_t i = 0; i < plan->n_ops; i++) {
		d.op = &plan->ops[i];
		d.source = &s->sources[i];
		if (do_op_bounded(&d, e) < 0)
			return -1;
	}
	/* Beside the new root, so that it goes when init pivots. */
	return rootfs_attach(s->proc, "/proc", e);
}
