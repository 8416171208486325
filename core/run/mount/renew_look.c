/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/renew_look.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/mount/look_once.h"
#include "core/run/mount/resolve.h"
#include "core/run/mount/rootfs.h"
#include "core/run/mount/safe_path.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/vfs.h>

/*
 * Of what is bound, the directories above that are watched: a daemon may make its own anew. Further up
 * much else changes, in /run with each login over SSH, by pam_motd(8).
 */
#define WATCHED_ABOVE 2
/* More than that are renewed by the next look. */
#define RENEW_MOST 32

/* ---- what is new ---------------------------------------------------------- */

struct fresh {
	const struct plan_op *op;
	int mount; /* detached */
};

/* A place that isn't masked. */
struct bare {
	const struct plan_op *op;
	bool dir;
	int mask; /* detached */
};

struct looking {
	const struct plan *plan;
	struct tree box;
	struct fresh fresh[RENEW_MOST];
	size_t n_fresh;
	struct bare bare[RENEW_MOST];
	size_t n_bare;
	int mask; /* of rootfs_masks() */
	struct renew_reply said;
};

static void failed(struct looking *l, const struct err *e)
{
	if (!l->said.failed)
		l->said.e = *e;
	l->said.failed = true;
}

static bool is_mount(int place)
{
	struct statx x;

	return statx(place, "", AT_EMPTY_PATH, STATX_TYPE, &x) == 0 &&
	       (x.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static bool is_another(const struct stat *a, const struct stat *b)
{
	return (a->st_mode & S_IFMT) == (b->st_mode & S_IFMT) &&
	       (a->st_dev != b->st_dev || a->st_ino != b->st_ino);
}

/* What is now where the host had the source, if it is another one. Return: O_PATH fd, or -1. */
static int look_at(
	const struct plan *plan, const struct plan_op *op, const struct stat *shown)
{
	const struct resolve_as as = resolve_as_account(plan);
	struct resolved found;
	struct err ignored;

	if (resolve_path(op->source, op->use, &as, &found, &ignored) != 0)
		return -1;
	if (strcmp(found.real, op->source) != 0 || !is_another(&found.st, shown))
		cleanup_close(&found.fd);
	return found.fd;
}

static void clone_fresh(struct looking *l, const struct plan_op *op, int source)
{
	bool cover = op->kind == PLAN_COVER;
	int mount = sys_clone_attr(source, "", !cover && op->recursive, op->attr);
	struct err e;

	if (mount < 0) {
		(void)err_set(&e, errno, "%s what is new at %s",
			cover ? "cover" : "clone", cover ? op->target : op->source);
		failed(l, &e);
		return;
	}
	l->fresh[l->n_fresh++] = (struct fresh){ op, mount };
}

/* The cover of a program goes with the file that it lies on, where the host replaces that. */
static void look_for(struct looking *l, const struct plan_op *op)
{
	_cleanup_close_ int place = tree_open(&l->box, op->target), source = -EBADF;
	bool cover = op->kind == PLAN_COVER;
	struct stat shown;

	if (l->n_fresh == RENEW_MOST || place < 0 || fstat(place, &shown) < 0 ||
		is_mount(place) == cover || (cover && !S_ISREG(shown.st_mode)))
		return;
	source = cover ? open(op->source, O_PATH | O_NOFOLLOW | O_CLOEXEC)
		       : look_at(l->plan, op, &shown);
	if (source >= 0)
		clone_fresh(l, op, source);
}

/* The old one goes first: on a file that its daemon has removed nothing can be mounted. */
static int take_old(const struct tree *box, const struct fresh *f)
{
	const char *slash = strrchr(f->op->target, '/');
	_cleanup_free_ char *dir =
		strndup(f->op->target, (size_t)(slash - f->op->target));
	_cleanup_close_ int parent = dir ? tree_open(box, dir) : -EBADF;

	if (parent < 0 || fchdir(parent) < 0)
		return -1;
	return umount2(slash + 1, MNT_DETACH | UMOUNT_NOFOLLOW);
}

static int mount_anew(const struct tree *box, const struct fresh *f, struct err *e)
{
	_cleanup_close_ int place = -EBADF;

	if (f->op->kind != PLAN_COVER && take_old(box, f) < 0)
		return 0; /* it was moved meanwhile */
	place = tree_open(box, f->op->target);
	return place < 0 || sys_attach(f->mount, place) < 0
		       ? err_set(e, errno, "mount what is new at %s on %s inside",
				 f->op->source, f->op->target)
		       : 0;
}

/* ---- masks ---------------------------------------------------------------- */

static bool is_mask(int place, const struct stat *st)
{
	struct statfs fs;

	return is_mount(place) && st->st_uid == 0 && (st->st_mode & 07777) == 0 &&
	       fstatfs(place, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

static void look_at_mask(struct looking *l, const struct plan_op *op, size_t before)
{
	_cleanup_close_ int place = tree_open(&l->box, op->target);
	struct stat st;
	struct err e;

	if (place < 0 || fstat(place, &st) < 0 || is_mask(place, &st) ||
		l->n_bare == RENEW_MOST)
		return;
	if (before + l->n_bare >= RENEW_MASKS_MAX) {
		(void)err_set(&e, 0, "%s isn't hidden any more, after %d times",
			op->target, RENEW_MASKS_MAX);
		failed(l, &e);
		return;
	}
	l->bare[l->n_bare++] = (struct bare){ op, S_ISDIR(st.st_mode), -EBADF };
}

/* A tree can be cloned where it is mounted: in a namespace that nobody else is in, over everything. */
static int clone_masks(struct looking *l, int mnt, struct err *e)
{
	_cleanup_close_ int root = -EBADF;
	int r = 0;

	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, errno, "make a mask");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || sys_attach(l->mask, root) < 0)
		r = err_set(e, errno, "make a mask");
	for (size_t i = 0; r == 0 && i < l->n_bare; i++) {
		l->bare[i].mask = sys_clone_attr(l->mask,
			l->bare[i].dir ? ROOTFS_MASK_DIR : ROOTFS_MASK_FILE, false,
			l->bare[i].op->attr);
		if (l->bare[i].mask < 0)
			r = err_set(e, errno, "make a mask");
	}
	if (sys_setns(mnt, CLONE_NEWNS) < 0)
		return err_set(e, errno, "go back to the box");
	return r;
}

static void mask_bare(struct looking *l, int mnt)
{
	struct err e;

	if (clone_masks(l, mnt, &e) < 0) {
		failed(l, &e);
		return;
	}
	for (size_t i = 0; i < l->n_bare; i++) {
		const char *target = l->bare[i].op->target;
		_cleanup_close_ int place = tree_open(&l->box, target);

		if (place < 0 && errno == ENOENT)
			continue;
		if (place >= 0 && sys_attach(l->bare[i].mask, place) == 0) {
			l->said.n_masks++;
			continue;
		}
		(void)err_set(&e, errno, "mask what is new at %s inside", target);
		failed(l, &e);
	}
}

/* ---- both ----------------------------------------------------------------- */

static void look_at_all(struct looking *l, const struct renew *r)
{
	for (size_t i = 0; i < l->plan->n_ops; i++) {
		const struct plan_op *op = &l->plan->ops[i];

		if (op->renew && op->kind == PLAN_MASK)
			look_at_mask(l, op, r->n_masks);
		else if (op->renew)
			look_for(l, op);
	}
}

/* Afterwards it has no capability on the host. */
static int enter(const struct renew *r, struct err *e)
{
	if (sys_setns(r->user, CLONE_NEWUSER) < 0 || sys_setns(r->mnt, CLONE_NEWNS) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "enter the box");
	return 0;
}

static void renew_all(struct looking *l, const struct renew *r)
{
	struct err e;

	look_at_all(l, r);
	if (l->n_fresh == 0 && l->n_bare == 0)
		return;
	l->mask = l->n_bare > 0 ? rootfs_masks(&e) : -EBADF;
	if ((l->n_bare > 0 && l->mask < 0) || enter(r, &e) < 0) {
		failed(l, &e);
		return;
	}
	for (size_t i = 0; i < l->n_fresh; i++)
		if (mount_anew(&l->box, &l->fresh[i], &e) < 0)
			failed(l, &e);
	if (l->n_bare > 0)
		mask_bare(l, r->mnt);
}

/* ---- what to watch -------------------------------------------------------- */

struct watch {
	dev_t dev;
	ino_t ino;
	int fd;
};

struct watches {
	struct watch v[RENEW_WATCHES_MAX];
	size_t n;
};

static int watch_find(const struct watches *w, const struct stat *st)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].dev == st->st_dev && w->v[i].ino == st->st_ino)
			return w->v[i].fd;
	return -1;
}

/* Who has such an fd tells a FUSE when it is closed. */
static bool may_hang(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) < 0 || fs.f_type == FUSE_SUPER_MAGIC;
}

/* In a clone of the host's mount, as the one @above, if it is the same mount. */
static int open_in_clone(int dir, int above, const char *name, const struct stat *st)
{
	_cleanup_close_ int tree = -EBADF, fd = -EBADF;
	struct stat found;

	if (above >= 0)
		fd = sys_openat2(above, name, O_RDONLY | O_DIRECTORY, 0,
			RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (fd >= 0 && fstat(fd, &found) == 0 && found.st_dev == st->st_dev &&
		found.st_ino == st->st_ino)
		return take_fd(&fd);
	tree = sys_clone_tree(dir, "", false, MS_PRIVATE);
	return tree < 0 ? -1 : openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Return: the watch of the directory, or -1: it isn't watched. */
static int watch_add(struct watches *w, int dir, int above, const char *name)
{
	struct stat st;
	int fd;

	if (fstat(dir, &st) < 0)
		return -1;
	fd = watch_find(w, &st);
	if (fd >= 0 || w->n == RENEW_WATCHES_MAX || may_hang(dir))
		return fd;
	fd = open_in_clone(dir, above, name, &st);
	if (fd >= 0)
		w->v[w->n++] = (struct watch){ st.st_dev, st.st_ino, fd };
	return fd;
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Each directory on the way to a path without links, the last @above of them. */
static void watch_way(struct watches *w, const char *path, size_t above)
{
	_cleanup_close_ int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int watched = -1;

	if (depth(path) <= above)
		watched = watch_add(w, at, -1, "/");
	while (at >= 0) {
		char name[NAME_MAX + 1];
		size_t len = strcspn(++path, "/");
		int next;

		if (path[len] == '\0' || len >= sizeof(name))
			return;
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		(void)close(at);
		at = next;
		watched = at < 0 || depth(path) > above ? -1
							: watch_add(w, at, watched, name);
	}
}

static void watch_all(struct watches *w, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct plan_op *op = &plan->ops[i];

		if (op->renew)
			watch_way(w, op->kind == PLAN_COVER ? op->target : op->source,
				op->kind == PLAN_MASK ? SIZE_MAX : WATCHED_ABOVE);
	}
}

/* ---- the whole -------------------------------------------------------------------------- */

/* And let go of them, before anything is done in the box. */
static void say_watches(int sock, struct watches *w)
{
	const struct renew_reply more = { .more = true };
	int fds[IO_FDS_MAX];

	while (w->n > 0) {
		size_t n = 0;

		while (n < IO_FDS_MAX && w->n > 0)
			fds[n++] = w->v[--w->n].fd;
		if (io_send(sock, &more, sizeof(more), fds, n) < 0)
			_exit(1);
		while (n > 0)
			(void)close(fds[--n]);
	}
}

void renew_look(const struct renew *r, const struct plan *plan, int sock)
{
	static struct looking l;
	static struct watches w;
	const int keep[] = { r->root, r->user, r->mnt };

	if (look_alone(sock, keep, 3) < 0)
		_exit(1);
	l = (struct looking){ .plan = plan, .box = { .root = r->root } };
	watch_all(&w, plan);
	say_watches(sock, &w);
	renew_all(&l, r);
	_exit(io_send(sock, &l.said, sizeof(l.said), NULL, 0) < 0);
}
