/* SPDX-License-Identifier: BSD-3-Clause */
/* Each kind of a layer's files. */
#include "helpers/image/unpack_parts.h"

#include "core/base/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int unpack_begin_file(struct unpacking *u)
{
	const char *name = layername_last(u->path);
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	u->file = openat(u->parent, name, flags, 0600);
	if (u->file < 0 && errno == EEXIST && unpack_make_room(u, u->path) == 0)
		u->file = openat(u->parent, name, flags, 0600);
	if (u->file < 0)
		return u->said->e.msg[0] ? -1 : unpack_failed(u, "make", u->path);
	u->file_end = 0;
	return 0;
}

int unpack_end_file(struct unpacking *u)
{
	if (u->file < 0)
		return 0;
	/* A hole at the end. */
	if (u->file_end < u->head.size && ftruncate(u->file, (off_t)u->head.size) < 0)
		return unpack_failed(u, "make", u->path);
	if (unpack_finish(u, u->file) < 0 ||
		unpack_set_time(u, u->file, NULL, unpack_time_of(&u->head), u->path) < 0)
		return -1;
	cleanup_close(&u->file);
	return 0;
}

static int remember_time(struct unpacking *u)
{
	struct dir_time *more = u->times;

	if ((u->n_times & (u->n_times - 1)) == 0)
		more = reallocarray(
			u->times, u->n_times ? 2 * u->n_times : 1, sizeof(*more));
	if (!more)
		return unpack_failed(u, "remember", u->path);
	u->times = more;
	more[u->n_times] = (struct dir_time){ .path = strdup(u->path),
		.time = unpack_time_of(&u->head) };
	return more[u->n_times++].path ? 0 : unpack_failed(u, "remember", u->path);
}

int unpack_directory(struct unpacking *u)
{
	_cleanup_close_ int fd = -EBADF;

	if (*u->path &&
		unpack_make_directory(u, u->parent, layername_last(u->path), u->path) < 0)
		return -1;
	fd = unpack_open_below(u, u->path, O_RDONLY);
	if (fd < 0)
		return unpack_failed(u, "open", u->path);
	return unpack_finish(u, fd) < 0 ? -1 : remember_time(u);
}

int unpack_symlink(struct unpacking *u)
{
	const char *name = layername_last(u->path);

	if (symlinkat(u->link, u->parent, name) < 0 &&
		(errno != EEXIST || unpack_make_room(u, u->path) < 0 ||
			symlinkat(u->link, u->parent, name) < 0))
		return u->said->e.msg[0] ? -1 : unpack_failed(u, "make", u->path);
	return unpack_finish_by_name(u);
}

int unpack_fifo(struct unpacking *u)
{
	const char *name = layername_last(u->path);

	if (mkfifoat(u->parent, name, u->head.mode & 0777) < 0 &&
		(errno != EEXIST || unpack_make_room(u, u->path) < 0 ||
			mkfifoat(u->parent, name, u->head.mode & 0777) < 0))
		return u->said->e.msg[0] ? -1 : unpack_failed(u, "make", u->path);
	return unpack_finish_by_name(u);
}

static int refuse_link(struct unpacking *u, const char *target)
{
	return err_set(&u->said->e, 0,
		"%.180s is a hard link to %.180s, which is no file of the layer's",
		u->path, target);
}

int unpack_hardlink(struct unpacking *u)
{
	_cleanup_close_ int from = -EBADF;
	char target[LAYER_NAME_MAX];
	const char *name, *why;
	struct stat st;
	int r;

	if (layername_clean(u->link, target, &why) < 0)
		return unpack_refuse(
			u, u->path, "is a hard link that leads out of the layer");
	name = layername_last(target);
	r = unpack_enter(u, target, false);
	if (r != 0)
		return r < 0 ? -1 : refuse_link(u, target);
	from = take_fd(&u->parent);
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode) ||
		unpack_is_whiteout(&st))
		return refuse_link(u, target);
	if (strcmp(target, u->path) == 0)
		return 0;
	if (unpack_enter(u, u->path, true) < 0)
		return -1;
	if (linkat(from, name, u->parent, layername_last(u->path), 0) == 0)
		return 0;
	if (errno != EEXIST || unpack_make_room(u, u->path) < 0 ||
		linkat(from, name, u->parent, layername_last(u->path), 0) < 0)
		return u->said->e.msg[0] ? -1 : unpack_failed(u, "link", u->path);
	return 0;
}

/* ---- what hides lower layers -------------------------------------------------------- */

int unpack_opaque(struct unpacking *u)
{
	_cleanup_close_ int fd = -EBADF;

	if (!*u->path)
		return unpack_refuse(u, "",
			"hides all layers below it, which overlayfs has no way to say");
	if (unpack_make_way(u, u->path) < 0)
		return -1;
	fd = unpack_open_below(u, u->path, O_RDONLY);
	return fd < 0 ? unpack_failed(u, "open", u->path)
		      : unpack_set_opaque(u, fd, u->path);
}

/* A whiteout is of what lower layers have, and never of what this one has itself (layer.md). */
int unpack_whiteout(struct unpacking *u)
{
	const char *name = layername_last(u->path);
	struct stat st;

	if (unpack_enter(u, u->path, true) < 0)
		return -1;
	if (mknodat(u->parent, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EEXIST || fstatat(u->parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return unpack_failed(u, "hide", u->path);
	return S_ISDIR(st.st_mode) ? unpack_opaque(u) : 0;
}
