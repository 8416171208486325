/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/stage.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/rootfs.h"
#include "core/run/tree.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define QUIET (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* Mount @mount over @path of the new root. */
static int cover(const struct tree *t, int mount, const char *path, struct err *e)
{
	_cleanup_close_ int place = tree_open(t, path);

	if (place < 0 || sys_attach(mount, place) < 0)
		return err_set(e, errno, "mount on %s inside", path);
	return 0;
}

struct option {
	const char *key, *value;
};

static int mount_fs(const struct tree *t, const char *fstype,
	const struct option *options, size_t n, const struct plan_op *op, struct err *e)
{
	_cleanup_close_ int fs = sys_fs_open(fstype), mount = -EBADF;

	if (fs < 0)
		return err_set(e, errno, "mount %s", fstype);
	for (size_t i = 0; i < n; i++)
		if (sys_fs_set(fs, options[i].key, options[i].value) < 0)
			return err_set(e, errno, "set %s of %s", options[i].key, fstype);
	mount = sys_fs_mount(fs, op->attr);
	if (mount < 0)
		return err_set(e, errno, "mount %s on %s inside", fstype, op->target);
	return cover(t, mount, op->target, e);
}

static int mount_devpts(const struct tree *t, const struct plan_op *op, struct err *e)
{
	char max[24];
	const struct option options[] = {
		{ "gid", "5" }, /* tty, on Debian and everywhere else */
		{ "mode", "0620" },
		{ "ptmxmode", "0666" },
		{ "max", max },
	};

	(void)snprintf(max, sizeof(max), "%lu", op->inodes);
	return mount_fs(t, "devpts", options, sizeof(options) / sizeof(*options), op, e);
}

/* What the kernel of this host doesn't have needs no cover. */
static int open_optional(const struct tree *t, const char *path, struct err *e)
{
	int fd = tree_open(t, path);

	if (fd < 0 && errno != ENOENT)
		return err_set(e, errno, "open %s inside", path);
	return fd;
}

static int bind_readonly(const struct tree *t, const struct plan_op *op, struct err *e)
{
	const struct mount_attr attr = { .attr_set = op->attr | MOUNT_ATTR_RDONLY };
	_cleanup_close_ int place = open_optional(t, op->target, e), mount = -EBADF;

	if (place < 0)
		return place == -1 && errno == ENOENT ? 0 : -1;
	mount = sys_clone_tree(place, "", true, MS_PRIVATE);
	if (mount < 0 || sys_mount_setattr(mount, true, &attr) < 0 ||
		sys_attach(mount, place) < 0)
		return err_set(e, errno, "make %s read-only inside", op->target);
	return 0;
}

static int hide(const struct tree *t, const struct plan_op *op, struct err *e)
{
	_cleanup_close_ int place = open_optional(t, op->target, e), mount = -EBADF,
			    null = -EBADF;
	struct stat st;

	if (place < 0)
		return errno == ENOENT ? 0 : -1;
	if (fstat(place, &st) < 0)
		return err_set(e, errno, "look at %s inside", op->target);
	if (S_ISDIR(st.st_mode)) {
		mount = rootfs_tmpfs(4096, 2, 0555, 0, 0, QUIET | MOUNT_ATTR_RDONLY);
	} else {
		null = tree_open(t, "/dev/null");
		mount = null < 0 ? -1 : sys_clone_tree(null, "", false, MS_PRIVATE);
	}
	if (mount < 0 || sys_attach(mount, place) < 0)
		return err_set(e, errno, "hide %s inside", op->target);
	return 0;
}

/* Before /proc/sys is covered; the file shows the user namespace of who opens it. */
static int set_sysctl(const struct tree *t, const struct plan_op *op, struct err *e)
{
	_cleanup_close_ int fd = tree_open_write(t, op->target);

	if (fd < 0 && (errno == ENOENT || errno == EACCES) && op->optional)
		return 0;
	if (fd < 0 || io_write_all(fd, op->content, strlen(op->content)) < 0)
		return err_set(
			e, errno, "write %s to %s inside", op->content, op->target);
	return 0;
}

static int cover_with(
	const struct tree *t, const struct plan_op *op, int mount, struct err *e)
{
	_cleanup_close_ int place = mount < 0 ? -EBADF : open_optional(t, op->target, e);

	if (place < 0)
		return mount < 0 || errno == ENOENT ? 0 : -1;
	return sys_attach(mount, place) < 0 ? err_set(e, errno, "mount %s on %s inside",
						      op->source, op->target)
					    : 0;
}

static int enter_op(const struct tree *t, const struct plan_op *op,
	const struct stage_source *source, struct err *e)
{
	switch (op->kind) {
	case PLAN_PROC:
		return mount_fs(t, "proc", NULL, 0, op, e);
	case PLAN_SYSCTL:
		return set_sysctl(t, op, e);
	case PLAN_DEVPTS:
		return mount_devpts(t, op, e);
	case PLAN_MQUEUE:
		return mount_fs(t, "mqueue", NULL, 0, op, e);
	case PLAN_CGROUP2:
		return mount_fs(t, "cgroup2", NULL, 0, op, e);
	case PLAN_READONLY:
		return bind_readonly(t, op, e);
	case PLAN_HIDE:
		return hide(t, op, e);
	case PLAN_COVER:
		return cover_with(t, op, source->mount, e);
	default:
		return 0; /* done in the staging namespace */
	}
}

/* pivot_root(2) refuses a locked mount: a copy of it, over itself, isn't locked. */
static int unlock_root(int *ret, struct err *e)
{
	_cleanup_close_ int place = open(ROOTFS_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int copy = -EBADF;

	if (place < 0)
		return err_set(e, errno, "open the rootfs");
	/* A slave stays one: the home follows the host. */
	copy = sys_clone_tree(place, "", true, MS_SLAVE);
	if (copy < 0 || sys_attach(copy, place) < 0)
		return err_set(e, errno, "mount the rootfs on itself");
	*ret = take_fd(&copy);
	return 0;
}

int stage_enter(const struct plan *plan, const struct stage *s, struct err *e)
{
	_cleanup_close_ int root = -EBADF;
	struct tree tree;

	if (unlock_root(&root, e) < 0)
		return -1;
	tree = (struct tree){ .root = root };
	for (size_t i = 0; i < plan->n_ops; i++)
		if (enter_op(&tree, &plan->ops[i], &s->sources[i], e) < 0)
			return -1;
	if (fchdir(root) < 0 || sys_pivot_root(".", ".") < 0)
		return err_set(e, errno, "make the rootfs the root");
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_set(e, errno, "let go of the staging mounts");
	return 0;
}
