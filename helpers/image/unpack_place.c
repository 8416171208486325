/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a layer's files go. */
#include "helpers/image/unpack_parts.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"

#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OPAQUE "trusted.overlay.opaque"

int unpack_open_below(struct unpacking *u, const char *path, uint64_t flags)
{
	return sys_openat2(u->root, *path ? path : ".", flags | O_DIRECTORY, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

bool unpack_is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

int unpack_set_opaque(struct unpacking *u, int dir, const char *path)
{
	return fsetxattr(dir, OPAQUE, "y", 1, 0) < 0
		       ? unpack_failed(u, "mark as opaque", path)
		       : 0;
}

/* In the place of a whiteout: nothing of the lower layers' directory is in it. */
static int make_opaque(
	struct unpacking *u, int parent, const char *name, const char *path)
{
	_cleanup_close_ int fd = -EBADF;

	if (unlinkat(parent, name, 0) < 0 || mkdirat(parent, name, 0755) < 0)
		return unpack_failed(u, "make", path);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? unpack_failed(u, "open", path) : unpack_set_opaque(u, fd, path);
}

int unpack_make_directory(
	struct unpacking *u, int parent, const char *name, const char *path)
{
	struct stat st;

	if (mkdirat(parent, name, 0755) == 0)
		return 0;
	if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return unpack_failed(u, "make", path);
	if (S_ISDIR(st.st_mode))
		return 0;
	if (unpack_is_whiteout(&st))
		return make_opaque(u, parent, name, path);
	if (S_ISLNK(st.st_mode))
		return unpack_refuse(u, path, "is a symbolic link and a directory");
	return unpack_refuse(u, path, "is a file and a directory");
}

/* Every directory on the way to @path, which the archive didn't name. */
int unpack_make_way(struct unpacking *u, const char *path)
{
	_cleanup_close_ int at = openat(u->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[LAYER_PART_MAX + 1];

	while (at >= 0 && *path) {
		size_t len = strcspn(path, "/");
		int next;

		(void)snprintf(name, sizeof(name), "%.*s", (int)len, path);
		if (unpack_make_directory(u, at, name, path) < 0)
			return -1;
		next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		cleanup_close(&at);
		at = next;
		path += len + (path[len] == '/');
	}
	return at < 0 ? unpack_failed(u, "open the directory", path) : 0;
}

/* The directory that @path is in. Return: 0 with u->parent, which stays u's; 1 where @make is false and there is none. */
int unpack_enter(struct unpacking *u, const char *path, bool make)
{
	size_t len = (size_t)(layername_last(path) - path);
	char dir[LAYER_NAME_MAX];

	(void)snprintf(dir, sizeof(dir), "%.*s", len > 0 ? (int)len - 1 : 0, path);
	if (u->parent >= 0 && strcmp(dir, u->parent_path) == 0)
		return 0;
	cleanup_close(&u->parent);
	u->parent = unpack_open_below(u, dir, O_PATH);
	if (u->parent < 0 && errno == ELOOP)
		return unpack_refuse(u, path, "lies behind a symbolic link");
	if (u->parent < 0 && !make)
		return 1;
	if (u->parent < 0 && unpack_make_way(u, dir) < 0)
		return -1;
	if (u->parent < 0)
		u->parent = unpack_open_below(u, dir, O_PATH);
	if (u->parent < 0)
		return unpack_failed(u, "open the directory of", path);
	(void)snprintf(u->parent_path, sizeof(u->parent_path), "%s", dir);
	return 0;
}

/* What was there by that name before: a whiteout, or the same once more; the last one is meant. */
int unpack_make_room(struct unpacking *u, const char *path)
{
	const char *name = layername_last(path);
	struct stat st;

	if (fstatat(u->parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return unpack_failed(u, "look at", path);
	if (S_ISDIR(st.st_mode))
		return unpack_refuse(u, path, "is a directory and a file");
	if (!unpack_is_whiteout(&st))
		jail_note(u->said, "there twice, the last one counts", path);
	return unlinkat(u->parent, name, 0) < 0 ? unpack_failed(u, "replace", path) : 0;
}
