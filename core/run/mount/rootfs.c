/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/rootfs.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/mount/layers.h"
#include "core/run/mount/rootfs_image.h"
#include "core/run/mount/safe_path.h"
#include "core/run/ids/userns.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#define OVERLAYS_MAX 64
/* The holding tmpfs has the init layers beside the uppers. */
#define STAGE_EXTRA        (1U << 20)
#define STAGE_EXTRA_INODES 1024

/* What is opened in the host's mount namespace, before it is left. */
struct sources {
	int lower[OVERLAYS_MAX]; /* detached clones */
	int disk; /* detached clone of the account's directory, Upper=disk */
	size_t n;
};

static void sources_close(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		cleanup_close(&s->lower[i]);
	cleanup_close(&s->disk);
}

/* ---- in the host's mount namespace -------------------------------------------------- */

static bool is_tree(const char *path)
{
	for (size_t i = 0; plan_live_trees[i]; i++)
		if (strcmp(plan_live_trees[i], path) == 0)
			return true;
	return false;
}

/*
 * Should:   be the root of one of the host's mounts, or a tree of the system's that is part of one
 * Mustn't:  be a directory in another that is closed: who is in the box would be past that
 */
static int open_lower(const struct plan_overlay *o, struct err *e)
{
	bool image = o->n_layers > 0;
	_cleanup_close_ int fd = sys_openat2(AT_FDCWD, o->lower, O_PATH | O_DIRECTORY, 0,
		image ? 0 : RESOLVE_NO_SYMLINKS);
	struct statx st;

	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st) < 0)
		return err_set(e, errno, "open %s", o->lower);
	/* Since Linux 5.8. */
	if (!image && (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
		!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT) && !is_tree(o->lower))
		return err_set(e, 0, "nothing is mounted on %s", o->lower);
	return take_fd(&fd);
}

static int clone_lower(const struct plan_overlay *o, int userns, int *ret, struct err *e)
{
	struct mount_attr attr = { .attr_set = (o->idmap ? MOUNT_ATTR_IDMAP : 0) |
					       (o->live ? o->attr : 0),
		.userns_fd = o->idmap ? (unsigned int)userns : 0 };
	_cleanup_close_ int lower = open_lower(o, e), tree = -EBADF;

	if (lower < 0)
		return -1;
	tree = sys_clone_tree(lower, "", false, MS_PRIVATE);
	if (tree < 0)
		return err_set(e, errno, "clone the tree at %s", o->lower);
	if (attr.attr_set && sys_mount_setattr(tree, false, &attr) < 0)
		return err_set(e, errno, "idmap the tree at %s", o->lower);
	*ret = take_fd(&tree);
	return 0;
}

static int open_sources(const struct plan *plan, int proc, struct sources *s,
	char changed[LAYERS_CHANGED_MAX], struct err *e)
{
	_cleanup_close_ int userns = -EBADF;
	bool idmap = false;

	if (plan->n_overlays > OVERLAYS_MAX)
		return err_set(e, E2BIG, "mount %zu overlays", plan->n_overlays);
	for (size_t i = 0; i < plan->n_overlays; i++)
		idmap |= plan->overlays[i].idmap;
	if (idmap && userns_create(proc, &plan->uids, &plan->gids, &userns, e) < 0)
		return -1;
	for (s->n = 0; s->n < plan->n_overlays; s->n++)
		if (clone_lower(&plan->overlays[s->n], userns, &s->lower[s->n], e) < 0)
			return -1;
	if (plan->overlays[0].n_layers > 0 &&
		rootfs_image_check(plan, s->lower[0], e) < 0)
		return -1;
	return plan->upper == UPPER_DISK
		       ? layers_open(plan, s->lower, changed, &s->disk, e)
		       : 0;
}

/* ---- the new mount namespace -------------------------------------------------------- */

static int go_private(struct err *e)
{
	const struct mount_attr attr = { .propagation = MS_PRIVATE };
	_cleanup_close_ int root = -EBADF;

	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, errno, "leave the host's mount namespace%s",
			errno == ENOSPC
				? " (user.max_mnt_namespaces allows no more: sysctl user.max_mnt_namespaces)"
				: "");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || sys_mount_setattr(root, true, &attr) < 0)
		return err_set(e, errno, "make the mounts private");
	return 0;
}

/*
 * Not by pivot_root(2), which looks at every process of the host: 2 ms of four thousand, in which no other starts or
 * ends. The namespace's first root, on which the host's was mounted, is what is left; it is entered by the namespace.
 *
 * Return: 0; 1 where a mount that is locked, as in a user namespace of a container's, can't go; -1 with errno.
 */
static int unmount_host(int proc)
{
	_cleanup_close_ int ns = openat(proc, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	bool gone = false;

	if (ns < 0)
		return -1;
	/* Once, but for a root that is mounted over another. */
	while (umount2("/", MNT_DETACH) == 0) {
		gone = true;
		if (sys_setns(ns, CLONE_NEWNS) < 0)
			return -1;
	}
	if (errno != EINVAL)
		return -1;
	return gone ? 0 : 1;
}

static int become_root(int stage, int proc, struct err *e)
{
	int locked = unmount_host(proc);
	const char *at = locked > 0 ? PATH_RUN : "/";
	_cleanup_close_ int place = -EBADF;

	if (locked < 0)
		return err_set(e, errno, "let go of the host's mounts");
	place = open(at, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0 || sys_attach(stage, place) < 0 || fchdir(stage) < 0)
		return err_set(
			e, errno, "mount the tmpfs that holds the rootfs on %s", at);
	if (locked == 0)
		return chroot(".") < 0 ? err_set(e, errno, "enter the rootfs") : 0;
	return sys_pivot_root(".", ".") < 0 || umount2(".", MNT_DETACH) < 0
		       ? err_set(e, errno, "let go of the host's mounts")
		       : 0;
}

/* The holding tmpfs becomes "/", and everything of the host's goes. */
static int enter_stage(const struct plan *plan, int proc, struct err *e)
{
	uint64_t size = plan->upper == UPPER_TMPFS ? plan->upper_size : 0;
	uint64_t inodes = plan->upper == UPPER_TMPFS ? plan->upper_inodes : 0;
	_cleanup_close_ int stage = -EBADF;

	if (size == PARSE_INFINITY)
		size = 0;
	else
		size += STAGE_EXTRA;
	/* init, root of the box, passes through it to the merged tree, and nowhere else. */
	stage = rootfs_tmpfs(size, inodes ? inodes + STAGE_EXTRA_INODES : 0, 0711, 0, 0,
		MOUNT_ATTR_NOSUID);
	if (stage < 0)
		return err_set(e, errno, "mount the tmpfs that holds the rootfs");
	if (become_root(stage, proc, e) < 0)
		return -1;
	return chdir("/") < 0 ? err_set(e, errno, "enter the rootfs") : 0;
}

/* ---- overlays ----------------------------------------------------------------------- */

/* Of a layer of the overlay, as "upper", in the stage: with Upper=disk by its name there. */
static int layer_path(const struct plan *plan, size_t i, const char *kind, char ret[320])
{
	char name[256];

	if (plan->upper != UPPER_DISK) {
		(void)snprintf(ret, 320, "/%s/%zu", kind, i);
		return 0;
	}
	if (layers_of(&plan->overlays[i], name) < 0)
		return -1;
	(void)snprintf(ret, 320, "/disk/%s/%s", kind, name);
	return 0;
}

/* With the owner and the mode of what it lies over. */
static int make_layer(const struct plan *plan, size_t i, const char *kind)
{
	bool init = strcmp(kind, "init") == 0;
	_cleanup_close_ int lower = rootfs_open_lower(i);
	char above[32], path[320];
	struct stat st;

	(void)snprintf(above, sizeof(above), "%s/%s",
		!init && plan->upper == UPPER_DISK ? "/disk" : "", kind);
	(void)snprintf(path, sizeof(path), "/init/%zu", i);
	if ((mkdir(above, 0700) < 0 && errno != EEXIST) ||
		(!init && layer_path(plan, i, kind, path) < 0))
		return -1;
	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : -1;
	return fstat(lower, &st) < 0
		       ? -1
		       : rootfs_give(path, st.st_uid, st.st_gid, st.st_mode);
}

static int make_layers(const struct plan *plan, size_t i, struct err *e)
{
	const char *const kinds[] = { "init", "upper", "workdir" };

	for (size_t k = 0; k < (plan->overlays[i].readonly ? 1 : 3); k++)
		if (make_layer(plan, i, kinds[k]) < 0)
			return err_set(e, errno, "make the layer %s over %s", kinds[k],
				plan->overlays[i].target);
	return 0;
}

static int attach_inside(int mount, const char *target, struct err *e)
{
	_cleanup_close_ int root = open(ROOTFS_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct tree tree = { .root = root };
	_cleanup_close_ int place = tree_open(&tree, target);

	if (root < 0 || place < 0 || sys_attach(mount, place) < 0)
		return err_set(e, errno, "attach the file system at %s", target);
	return 0;
}

static int mount_image(const struct plan *plan, size_t i, struct err *e)
{
	const struct plan_overlay *o = &plan->overlays[i];
	char upper[320] = "", work[320];

	if (!o->readonly && (layer_path(plan, i, "upper", upper) < 0 ||
				    layer_path(plan, i, "workdir", work) < 0))
		return err_set(e, errno, "name the layer over %s", plan->image);
	if (mkdir(ROOTFS_ROOT, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "make %s of the rootfs", ROOTFS_ROOT);
	return rootfs_image_mount(o,
		       &(struct rootfs_image_place){ .place = ROOTFS_ROOT,
			       .top = "/init/0",
			       .upper = o->readonly ? NULL : upper,
			       .work = work },
		       e) < 0
		       ? err_wrap(e, "mount the image %s", plan->image)
		       : 0;
}

static int mount_overlay(const struct plan *plan, size_t i, struct err *e)
{
	char lower[64], upper[320], work[320];
	_cleanup_close_ int fs = -EBADF, mount = -EBADF;

	if (plan->overlays[i].n_layers > 0)
		return mount_image(plan, i, e);
	fs = sys_fs_open("overlay");

	(void)snprintf(lower, sizeof(lower), "/init/%zu:/lower/%zu", i, i);
	if (fs < 0 || layer_path(plan, i, "upper", upper) < 0 ||
		layer_path(plan, i, "workdir", work) < 0)
		return err_set(e, errno, "mount an overlay");
	if (sys_fs_set(fs, "lowerdir", lower) < 0 ||
		(!plan->overlays[i].readonly &&
			(sys_fs_set(fs, "upperdir", upper) < 0 ||
				sys_fs_set(fs, "workdir", work) < 0)))
		return err_set(e, errno, "set the layers of the overlay at %s",
			plan->overlays[i].target);
	mount = sys_fs_mount(fs, plan->overlays[i].attr);
	if (mount < 0)
		return err_set(
			e, errno, "mount the overlay at %s", plan->overlays[i].target);
	if (i == 0)
		return rootfs_attach(mount, ROOTFS_ROOT, e);
	return attach_inside(mount, plan->overlays[i].target, e);
}

/* An image's is all of its layers together, to look at; the overlay itself takes them one by one. */
static int attach_lower(const struct plan *plan, size_t i, int lower, struct err *e)
{
	const struct plan_overlay *o = &plan->overlays[i];
	char path[ROOTFS_LOWER_LEN];

	rootfs_lower(i, path);
	if (o->n_layers == 0)
		return rootfs_attach(lower, path, e);
	if (rootfs_attach(lower, ROOTFS_LAYERS, e) < 0)
		return -1;
	if (mkdir(path, 0700) < 0 || (mkdir(ROOTFS_NOTHING, 0700) < 0))
		return err_set(e, errno, "make %s of the rootfs", path);
	return rootfs_image_mount(o, &(struct rootfs_image_place){ .place = path }, e) < 0
		       ? err_wrap(e, "look at the image %s", plan->image)
		       : 0;
}

static int mount_all(const struct plan *plan, int proc, struct sources *s, struct err *e)
{
	if (mkdir("/lower", 0700) < 0)
		return err_set(e, errno, "make /lower of the rootfs");
	if (plan->upper == UPPER_DISK && rootfs_attach(s->disk, "/disk", e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		if (plan->overlays[i].live)
			continue;
		if (attach_lower(plan, i, s->lower[i], e) < 0 ||
			make_layers(plan, i, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < plan->n_layers; i++)
		if (rootfs_init_layer(plan, &plan->layers[i], proc, e) < 0)
			return -1;
	for (size_t i = 0; i < s->n; i++)
		if ((plan->overlays[i].live ? attach_inside(s->lower[i],
						      plan->overlays[i].target, e)
					    : mount_overlay(plan, i, e)) < 0)
			return -1;
	return 0;
}

int rootfs_build(const struct plan *plan, int proc, char changed[LAYERS_CHANGED_MAX],
	struct err *e)
{
	struct sources s = { .disk = -EBADF };
	int r;

	changed[0] = '\0';
	r = open_sources(plan, proc, &s, changed, e) < 0 || go_private(e) < 0 ||
			    enter_stage(plan, proc, e) < 0 ||
			    mount_all(plan, proc, &s, e) < 0
		    ? -1
		    : 0;
	sources_close(&s);
	return r;
}
