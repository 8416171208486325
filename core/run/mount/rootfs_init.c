/* SPDX-License-Identifier: BSD-3-Clause */
/* Init layers: what lies over a rootfs' lower and below its upper, and never becomes part of either. */
#include "core/run/mount/rootfs.h"

#include "core/base/cleanup.h"
#include "core/run/mount/rootfs_image.h"
#include "core/run/mount/safe_path.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/*
 * What the lower of an overlay has at a place in it, through no link: an image's may lead anywhere. Return: 0; 1
 * when there is nothing, as with a link on the way; -1 with errno.
 */
static int look_below(size_t i, const char *below, struct stat *ret)
{
	_cleanup_close_ int root = rootfs_open_lower(i), fd = -EBADF;

	if (root < 0)
		return -1;
	fd = tree_open(&(struct tree){ .root = root }, below);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 1 : -1;
	return fstat(fd, ret);
}

int rootfs_give(const char *made, uint32_t uid, uint32_t gid, mode_t mode)
{
	return lchown(made, uid, gid) < 0 ? -1 : chmod(made, mode & 07777);
}

static int give_root(const struct plan *plan, const char *made)
{
	return lchown(made, idmap_to_host(&plan->uids, 0), idmap_to_host(&plan->gids, 0));
}

/*
 * A directory of the init layer. In a merged one the topmost layer's owner and mode show: it takes on those of the
 * lower; one that the lower doesn't have is root's of the box. What isn't a directory there, a link mostly,
 * would be covered: only with @cover it is.
 */
static int layer_dir(const struct plan *plan, size_t i, const char *below, bool cover,
	const char *made)
{
	struct stat st;
	int r;

	if (mkdir(made, 0755) < 0)
		return errno == EEXIST ? 0 : -1;
	r = look_below(i, below, &st);
	if (r < 0)
		return -1;
	if (r == 0 && S_ISDIR(st.st_mode))
		return rootfs_give(made, st.st_uid, st.st_gid, st.st_mode);
	if (r == 0 && !cover) {
		(void)rmdir(made);
		errno = ENOTDIR;
		return -1;
	}
	return give_root(plan, made) < 0 ? -1 : chmod(made, 0755);
}

/* Make the directories above @path in the layer, like those of the lower. */
static int layer_way(const struct plan *plan, size_t i, const char *path, struct err *e)
{
	for (const char *slash = strchr(path + 1, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		char made[PATH_MAX], below[PATH_MAX];
		int len = (int)(slash - path);

		(void)snprintf(made, sizeof(made), "/init/%zu%.*s", i, len, path);
		(void)snprintf(below, sizeof(below), "%.*s", len, path);
		if (layer_dir(plan, i, below, false, made) == 0)
			continue;
		if (errno == ENOTDIR && plan->overlays[i].n_layers > 0)
			return err_set(e, 0,
				"the image %s has a link or a file at %s, on the way to %s: name that without "
				"a link",
				plan->image, below, path);
		return err_set(e, errno, "make %s of the init layer", below);
	}
	return 0;
}

/* @linked: behind links of the image's. */
static int make_entry(const struct plan *plan, const struct plan_layer *l,
	const char *below, bool linked, int proc)
{
	char made[PATH_MAX];
	int r = -1;

	(void)snprintf(made, sizeof(made), "/init/%zu%s", l->overlay, below);
	switch (l->kind) {
	case PLAN_LAYER_WHITEOUT:
		return mknod(made, S_IFCHR, makedev(0, 0));
	case PLAN_LAYER_DIR:
		return layer_dir(plan, l->overlay, below,
			plan->overlays[l->overlay].n_layers > 0, made);
	case PLAN_LAYER_SYMLINK:
	case PLAN_LAYER_COMMAND:
		r = symlink(l->target, made);
		break;
	case PLAN_LAYER_SHELL:
		r = rootfs_image_shell(l, proc, made);
		break;
	case PLAN_LAYER_FILE:
		r = mknod(made, S_IFREG | 0644, 0);
		break;
	case PLAN_LAYER_LINES:
		r = rootfs_image_lines(l, made);
		break;
	}
	/* An entry before it made one. */
	if (r < 0 && linked && errno == EEXIST)
		return 0;
	return r < 0 ? -1 : give_root(plan, made);
}

int rootfs_init_layer(
	const struct plan *plan, const struct plan_layer *l, int proc, struct err *e)
{
	bool linked = l->kind == PLAN_LAYER_SHELL || l->kind == PLAN_LAYER_COMMAND ||
		      l->if_missing;
	const char *target = plan->overlays[l->overlay].target;
	const char *below = l->path + (strcmp(target, "/") == 0 ? 0 : strlen(target));
	char real[PATH_MAX];

	if (linked) { /* so that no link on the way is covered */
		int r = rootfs_image_lacks(l, proc, real, e);

		if (r <= 0)
			return r;
		below = real;
	}
	if (layer_way(plan, l->overlay, below, e) < 0)
		return -1;
	return make_entry(plan, l, below, linked, proc) < 0
		       ? err_set(e, errno, "make %s of the init layer", l->path)
		       : 0;
}
