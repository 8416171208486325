/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/upper.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/mount/imagestore.h"
#include "core/run/mount/layers.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#define OPTIONS_MAX 4096 /* mount(2) takes a page, with the 0 */

/* ---- which there are ---------------------------------------------------------------- */

static int open_below(uid_t uid, const char *what, const char *name)
{
	char path[sizeof(PATH_UPPER) + 32 + NAME_MAX];

	(void)snprintf(path, sizeof(path), PATH_UPPER "/%u/%s%s%s", uid, what,
		*name ? "/" : "", name);
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* "+NAME:TAG" is over what fs/+NAME:TAG says. */
static int take_image(int fs, struct upper *u, struct err *e)
{
	char text[IMAGE_TEXT_MAX + 2];

	if (io_read_text(fs, u->layer, text, sizeof(text)) < 0)
		return err_set(
			e, errno, "read what the upper over %s lies on", u->layer + 1);
	text[strcspn(text, "\n")] = '\0';
	return image_text_parse(text, u->image, u->hex) < 0
		       ? err_set(e, 0,
				 "the upper over %s lies on \"%.80s\", which is no image",
				 u->layer + 1, text)
		       : 0;
}

/* Return: 1; 0 where it is none of @image's; -1 with @e. */
static int take(
	int fs, const char *name, const char *image, struct upper *u, struct err *e)
{
	*u = (struct upper){ .target = "/" };
	(void)snprintf(u->layer, sizeof(u->layer), "%s", name);
	if (*name != '+')
		return image ? 0 : layers_target(name, u->target) == 0;
	if (image && strcmp(name + 1, image) != 0)
		return 0;
	return take_image(fs, u, e) < 0 ? -1 : 1;
}

static int by_layer(const void *a, const void *b)
{
	const struct upper *x = a, *y = b;
	bool host = !*x->image, other = !*y->image;

	return host == other ? strcmp(x->layer, y->layer) : host ? -1 : 1;
}

int upper_add(struct upper **all, size_t *n, const struct upper *u, struct err *e)
{
	struct upper *more = reallocarray(*all, *n + 1, sizeof(*more));

	if (!more)
		return err_set(e, ENOMEM, "list what was written");
	*all = more;
	more[(*n)++] = *u;
	return 0;
}

static int list(
	DIR *dir, int fs, const char *image, struct upper **all, size_t *n, struct err *e)
{
	const struct dirent *entry;
	struct upper u;

	while ((errno = 0, entry = readdir(dir))) {
		int r = entry->d_name[0] == '.' ? 0
						: take(fs, entry->d_name, image, &u, e);

		if (r < 0 || (r > 0 && upper_add(all, n, &u, e) < 0))
			return -1;
	}
	return errno ? err_set(e, errno, "list what was written") : 0;
}

int upper_list(
	uid_t uid, const char *image, struct upper **ret, size_t *ret_n, struct err *e)
{
	_cleanup_close_ int fs = open_below(uid, "fs", ""),
			    fd = open_below(uid, "upper", "");
	_cleanup_dir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_free_ struct upper *all = NULL;
	char full[IMAGE_NAME_MAX];
	size_t n = 0;

	*ret = NULL;
	*ret_n = 0;
	if (image && imagename_parse(image, full) < 0)
		return err_set(e, 0, "\"%.80s\" is no name of an image: NAME or NAME:TAG",
			image);
	if (!dir)
		return errno == ENOENT ? 0
				       : err_set(e, errno, "open %s/%u", PATH_UPPER, uid);
	(void)take_fd(&fd);
	if (list(dir, fs, image ? full : NULL, &all, &n, e) < 0)
		return -1;
	if (n > 1)
		qsort(all, n, sizeof(*all), by_layer);
	*ret = all;
	*ret_n = n;
	all = NULL;
	return 0;
}

int upper_open(uid_t uid, const struct upper *u, struct err *e)
{
	int fd;

	if (*u->session)
		return upper_open_live(u, e);
	fd = open_below(uid, "upper", u->layer);
	return fd < 0 ? err_set(e, errno, "open %s/%u/upper/%s", PATH_UPPER, uid,
				u->layer)
		      : fd;
}

/* ---- what is below ------------------------------------------------------------------ */

/* Highest first. A single layer takes an empty directory beside it: the place itself. */
static int options(const struct image *i, char ret[OPTIONS_MAX])
{
	size_t at = (size_t)snprintf(
		ret, OPTIONS_MAX, "redirect_dir=nofollow,metacopy=off,lowerdir=");

	for (size_t n = i->layers.n; n-- > 0 && at < OPTIONS_MAX;)
		at += (size_t)snprintf(ret + at, OPTIONS_MAX - at, "%s:", i->layers.v[n]);
	if (at < OPTIONS_MAX)
		at += (size_t)snprintf(ret + at, OPTIONS_MAX - at, "%s", PATH_STAGE);
	errno = E2BIG;
	return at < OPTIONS_MAX ? 0 : -1;
}

/* Short names, below the current directory: one of the new namespace, whose mounts alone can be a layer. */
static int mount_image(const struct image *i, struct err *e)
{
	_cleanup_close_ int stage = io_open_state(PATH_STAGE, 0700, e);
	char text[OPTIONS_MAX];

	if (stage < 0)
		return -1;
	if (options(i, text) < 0 || unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		chdir(PATH_IMAGES "/" PATH_IMAGE_LAYERS) < 0 ||
		mount("overlay", PATH_STAGE, "overlay",
			MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, text) < 0 ||
		chdir("/") < 0)
		return err_set(e, errno, "mount the layers of sha256:%.12s", i->digest);
	return 0;
}

static int lower_of_image(const struct upper *u, struct err *e)
{
	_cleanup_(image_clear) struct image i = { 0 };
	_cleanup_close_ int store = imagestore_open(e), fd = -EBADF;

	if (store < 0 || image_read(store, u->hex, &i, e) != 0 || mount_image(&i, e) < 0)
		return -1;
	fd = sys_clone_tree(AT_FDCWD, PATH_STAGE, false, MS_PRIVATE);
	(void)umount2(PATH_STAGE, MNT_DETACH);
	return take_fd(&fd);
}

int upper_lower(const struct upper *u, struct err *e)
{
	const struct mount_attr attr = { .attr_set =
						 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						 MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY };
	_cleanup_close_ int fd = -EBADF;

	e->msg[0] = '\0';
	fd = *u->image ? lower_of_image(u, e)
		       : sys_clone_tree(AT_FDCWD, u->target, false, MS_PRIVATE);
	if (fd >= 0 && sys_mount_setattr(fd, false, &attr) == 0)
		return take_fd(&fd);
	return e->msg[0] ? -1 : err_set(e, errno, "look at what is below %s", u->target);
}
