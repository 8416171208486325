/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/stage.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/mount/rootfs.h"
#include "core/run/mount/safe_path.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Of one hierarchy; Linux has 14. */
#define CONTROLLERS_MAX 16

/* Mount @mount over @path of the new root. */
static int cover(const struct tree *t, int mount, const char *path, struct err *e)
{
	_cleanup_close_ int place = tree_open(t, path);

	if (place < 0 || sys_attach(mount, place) < 0)
		return err_set(e, errno, "mount on %s inside", path);
	return 0;
}

struct option {
	const char *key, *value; /* NULL: a word alone */
};

static int mount_fs(const struct tree *t, const char *fstype,
	const struct option *options, size_t n, const struct plan_op *op, struct err *e)
{
	_cleanup_close_ int fs = sys_fs_open(fstype), mount = -EBADF;

	if (fs < 0)
		return err_set(e, errno, "mount %s", fstype);
	for (size_t i = 0; i < n; i++)
		if ((options[i].value ? sys_fs_set(fs, options[i].key, options[i].value)
				      : sys_fs_flag(fs, options[i].key)) < 0)
			return err_set(e, errno, "set %s of %s", options[i].key, fstype);
	mount = sys_fs_mount(fs, op->attr);
	if (mount < 0)
		return err_set(e, errno, "mount %s on %s inside", fstype, op->target);
	return cover(t, mount, op->target, e);
}

static int mount_devpts(const struct tree *t, const struct plan_op *op, struct err *e)
{
	char gid[16], mode[16], max[24];
	const struct option options[] = {
		{ "gid", gid },
		{ "mode", mode },
		{ "ptmxmode", "0666" }, /* everybody makes terminals of their own */
		{ "max", max },
	};

	(void)snprintf(gid, sizeof(gid), "%" PRIu32, op->gid);
	(void)snprintf(mode, sizeof(mode), "%04" PRIo32, op->mode);
	(void)snprintf(max, sizeof(max), "%" PRIu64, op->inodes);
	return mount_fs(t, "devpts", options, sizeof(options) / sizeof(*options), op, e);
}

/* The controllers of a line of /proc/PID/cgroup, "4:cpu,cpuacct:/". Return: how many; 0 where @wanted
 * isn't among them. */
static size_t controllers_of(
	char *line, const char *wanted, struct option ret[CONTROLLERS_MAX])
{
	char *list = strchr(line, ':'), *name;
	bool found = false;
	size_t n = 0;

	if (!list)
		return 0;
	*list++ = '\0';
	list[strcspn(list, ":")] = '\0';
	while (n < CONTROLLERS_MAX && (name = strsep(&list, ","))) {
		found |= strcmp(name, wanted) == 0;
		ret[n++] = (struct option){ name, NULL };
	}
	return found ? n : 0;
}

/* A hierarchy is known by all of its controllers; the root of what is mounted is the namespace's. */
static int mount_hierarchy(const struct tree *t, const struct plan_op *op, struct err *e)
{
	const char *wanted = strrchr(op->target, '/') + 1;
	struct option options[CONTROLLERS_MAX];
	char text[4096], *rest = text, *line;
	size_t n = 0;

	if (io_read_text(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) < 0)
		return err_set(e, errno, "look for the %s hierarchy", wanted);
	while (n == 0 && (line = strsep(&rest, "\n")))
		n = controllers_of(line, wanted, options);
	return n == 0 ? err_set(e, ENOENT, "look for the %s hierarchy", wanted)
		      : mount_fs(t, "cgroup", options, n, op, e);
}

/* What the kernel of this host doesn't have needs no cover: here and below. */
static int bind_readonly(const struct tree *t, const struct plan_op *op, struct err *e)
{
	_cleanup_close_ int place = -EBADF, mount = -EBADF;
	int r = tree_look(t, op->target, &place, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	mount = sys_clone_attr(place, "", true, op->attr);
	if (mount < 0 || sys_attach(mount, place) < 0)
		return err_set(e, errno, "make %s read-only inside", op->target);
	return 0;
}

/* A device that can't be opened would be no /dev/null. */
static int null_device(const struct tree *t, uint64_t attr)
{
	_cleanup_close_ int null = tree_open(t, "/dev/null");

	return null < 0 ? -1
			: sys_clone_attr(
				  null, "", false, attr & ~(uint64_t)MOUNT_ATTR_NODEV);
}

static int hide(const struct tree *t, const struct plan_op *op, struct err *e)
{
	_cleanup_close_ int place = -EBADF, mount = -EBADF;
	int r = tree_look(t, op->target, &place, e);
	struct stat st;

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (fstat(place, &st) == 0)
		mount = S_ISDIR(st.st_mode) ? rootfs_tmpfs(4096, 2, 0555, 0, 0, op->attr)
					    : null_device(t, op->attr);
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
	_cleanup_close_ int place = -EBADF;
	int r = mount < 0 ? 1 : tree_look(t, op->target, &place, e);

	if (r != 0)
		return r < 0 ? -1 : 0;
	if (sys_attach(mount, place) == 0)
		return 0;
	/* The kernel mounts no file that was replaced since it was opened. */
	if (errno == ENOENT && op->optional)
		return 0;
	return err_set(e, errno, "mount %s on %s inside", op->source, op->target);
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
	case PLAN_CGROUP1:
		return mount_hierarchy(t, op, e);
	case PLAN_READONLY:
		return bind_readonly(t, op, e);
	case PLAN_HIDE:
		return hide(t, op, e);
	case PLAN_BIND:
		return op->renew ? cover_with(t, op, source->mount, e) : 0;
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
