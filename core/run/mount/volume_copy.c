/* SPDX-License-Identifier: BSD-3-Clause */
/* By two directories, and no path: neither a link nor ".." leads out of them. */
#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/run/mount/volumes.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* XATTR_LIST_MAX and XATTR_SIZE_MAX, xattr(7) */
#define ATTRS_MAX 65536

struct copying {
	uint64_t bytes;
	int files, depth;
	struct err *e;
};

static int failed(const struct copying *c, const char *what)
{
	return err_set(c->e, errno, "%s of what the image has there", what);
}

static int too_much(const struct copying *c)
{
	return err_set(c->e, 0,
		"the image has more there than a volume begins with (1 GiB, %d files, %d directories deep): bind "
		"a directory of the host's",
		VOLUME_FILES_MAX, VOLUME_DEPTH_MAX);
}

static int count_bytes(struct copying *c, uint64_t n)
{
	c->bytes += n;
	return c->bytes > VOLUME_BYTES_MAX ? too_much(c) : 0;
}

static int open_in(int dir, const char *name, int flags)
{
	return sys_openat2(dir, name,
		(uint64_t)(O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | flags), 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			RESOLVE_NO_XDEV);
}

/* ---- what a file is ----------------------------------------------------------------- */

static bool is_taken(const char *attr)
{
	return strncmp(attr, "user.", 5) == 0 ||
	       strncmp(attr, "system.posix_acl_", 17) == 0;
}

/* What can't be had here there is none of. */
static int copy_attrs(struct copying *c, int from, int to)
{
	static char names[ATTRS_MAX], value[ATTRS_MAX];
	ssize_t n = flistxattr(from, names, sizeof(names));

	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : failed(c, "list the attributes");
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		ssize_t size =
			is_taken(name) ? fgetxattr(from, name, value, sizeof(value)) : 0;

		if (size > 0 && count_bytes(c, (uint64_t)size) < 0)
			return -1;
		if (size < 0 ||
			(size > 0 && fsetxattr(to, name, value, (size_t)size, 0) < 0 &&
				errno != EOPNOTSUPP))
			return failed(c,
				errno == EINVAL
					? "copy an access control list, with an id that the box hasn't,"
					: "copy an attribute");
	}
	return 0;
}

static int give(const struct copying *c, int to, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	mode_t mode = st->st_mode & (S_ISDIR(st->st_mode) ? 03777 : 01777);

	return fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, mode) < 0 ||
			       futimens(to, times) < 0
		       ? failed(c, "set owner and mode")
		       : 0;
}

/* ---- each kind ---------------------------------------------------------------------- */

static int copy_range(struct copying *c, int from, int to, off_t at, off_t end)
{
	if (count_bytes(c, (uint64_t)(end - at)) < 0)
		return -1;
	if (lseek(to, at, SEEK_SET) < 0)
		return failed(c, "copy a file");
	while (at < end) {
		ssize_t n = sendfile(to, from, &at, (size_t)(end - at));

		if (n < 0)
			return failed(c, "copy a file");
		if (n == 0)
			break;
	}
	return 0;
}

static int copy_data(struct copying *c, int from, int to, off_t size)
{
	off_t at = 0, end;

	while ((at = lseek(from, at, SEEK_DATA)) >= 0) {
		end = lseek(from, at, SEEK_HOLE);
		if (end < 0)
			return failed(c, "copy a file");
		if (copy_range(c, from, to, at, end) < 0)
			return -1;
		at = end;
	}
	return errno != ENXIO || ftruncate(to, size) < 0 ? failed(c, "copy a file") : 0;
}

static int copy_file(struct copying *c, int from_dir, int to_dir, const char *name)
{
	_cleanup_close_ int from = open_in(from_dir, name, 0), to = -EBADF;
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return failed(c, "open a file");
	to = openat(
		to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return failed(c, "make a file");
	return copy_data(c, from, to, st.st_size) < 0 || copy_attrs(c, from, to) < 0
		       ? -1
		       : give(c, to, &st);
}

static int copy_link(int from_dir, int to_dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return -1;
	target[n] = '\0';
	return symlinkat(target, to_dir, name);
}

static int copy_name(const struct copying *c, int from_dir, int to_dir, const char *name,
	const struct stat *st)
{
	int r = S_ISLNK(st->st_mode) ? copy_link(from_dir, to_dir, name)
				     : mkfifoat(to_dir, name, st->st_mode & 0777);

	return r < 0 || fchownat(to_dir, name, st->st_uid, st->st_gid,
				AT_SYMLINK_NOFOLLOW) < 0
		       ? failed(c, "make a link or a FIFO")
		       : 0;
}

static int copy_all(struct copying *c, int from, int to);

/* NOLINTNEXTLINE(misc-no-recursion): bounded by VOLUME_DEPTH_MAX */
static int copy_dir(struct copying *c, int from_dir, int to_dir, const char *name)
{
	_cleanup_close_ int from = open_in(from_dir, name, O_DIRECTORY), to = -EBADF;

	if (c->depth >= VOLUME_DEPTH_MAX)
		return too_much(c);
	if (from < 0)
		return failed(c, "open a directory");
	if (mkdirat(to_dir, name, 0700) < 0)
		return failed(c, "make a directory");
	to = open_in(to_dir, name, O_DIRECTORY);
	return to < 0 ? failed(c, "make a directory") : copy_all(c, from, to);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by VOLUME_DEPTH_MAX */
static int copy_one(struct copying *c, int from, int to, const char *name)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	if (++c->files > VOLUME_FILES_MAX)
		return too_much(c);
	/* What hides nothing of another layer is named, and isn't there. */
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : failed(c, "look at a file");
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return copy_dir(c, from, to, name);
	case S_IFREG:
		return copy_file(c, from, to, name);
	case S_IFLNK:
	case S_IFIFO:
		return copy_name(c, from, to, name, &st);
	default:
		return 0;
	}
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by VOLUME_DEPTH_MAX */
static int copy_all(struct copying *c, int from, int to)
{
	_cleanup_dir_ DIR *dir =
		take_dir(openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;
	struct stat st;

	if (!dir || fstat(from, &st) < 0)
		return failed(c, "open a directory");
	c->depth++;
	while ((errno = 0, entry = readdir(dir)))
		if (copy_one(c, from, to, entry->d_name) < 0)
			return -1;
	if (errno)
		return failed(c, "read a directory");
	c->depth--;
	return copy_attrs(c, from, to) < 0 ? -1 : give(c, to, &st);
}

int volume_copy(int from, int to, struct err *e)
{
	struct copying c = { .e = e };

	return copy_all(&c, from, to) < 0 ? -1 : c.files;
}
