/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/safe_path.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/run/ids/privs.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define TREE_RESOLVE (RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

static int open_below(int dir, const char *path)
{
	while (*path == '/')
		path++;
	return sys_openat2(dir, *path ? path : ".", O_PATH | O_NOFOLLOW, 0, TREE_RESOLVE);
}

int tree_open(const struct tree *t, const char *path)
{
	return open_below(t->root, path);
}

int tree_look(const struct tree *t, const char *path, int *ret, struct err *e)
{
	int fd = open_below(t->root, path);

	if (fd < 0)
		return errno == ENOENT ? 1 : err_set(e, errno, "open %s inside", path);
	*ret = fd;
	return 0;
}

int tree_open_write(const struct tree *t, const char *path)
{
	while (*path == '/')
		path++;
	return sys_openat2(t->root, path, O_WRONLY | O_NOFOLLOW, 0, TREE_RESOLVE);
}

/* Return: 0, or of a file its fd; -1 with errno. */
static int make_at(int parent, const char *name, enum tree_kind kind)
{
	return kind == TREE_DIR
		       ? mkdirat(parent, name, 0755)
		       : openat(parent, name,
				 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
				 0644);
}

/* It is theirs from its first moment: what they put in its place meanwhile isn't touched. */
static int make_as(
	uid_t uid, gid_t gid, int parent, const char *name, enum tree_kind kind)
{
	struct err ignored;
	int num = EPERM, made = -1;

	if (privs_look_as(uid, gid, NULL, 0, &ignored) == 0) {
		made = make_at(parent, name, kind);
		num = made < 0 ? errno : 0;
	}
	if (made >= 0 && kind == TREE_FILE)
		(void)close(made);
	if (privs_look_as_root(&ignored) < 0)
		num = EPERM;
	errno = num;
	return num ? -1 : 0;
}

/* What can't be given away doesn't stay. */
static int make_and_give(
	uid_t uid, gid_t gid, int parent, const char *name, enum tree_kind kind)
{
	_cleanup_close_ int fd = -EBADF;
	int made = make_at(parent, name, kind), saved;

	if (made < 0)
		return -1;
	fd = kind == TREE_DIR ? open_below(parent, name) : made;
	if (fd >= 0 && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) == 0)
		return 0;
	saved = errno;
	(void)unlinkat(parent, name, kind == TREE_DIR ? AT_REMOVEDIR : 0);
	errno = saved;
	return -1;
}

/*
 * What is made belongs to who owns the directory above: below a home to the account, with no more rights
 * than it has; in what is the box's alone to its root, who may do so where the mode says that nobody may. What is
 * there already is left as it is.
 */
static int make(const struct tree *t, int parent, const char *name, enum tree_kind kind)
{
	struct stat above;
	int r;

	if (fstat(parent, &above) < 0)
		return -1;
	r = above.st_uid == t->uid
		    ? make_and_give(above.st_uid, above.st_gid, parent, name, kind)
		    : make_as(above.st_uid, above.st_gid, parent, name, kind);
	return r < 0 && errno != EEXIST ? -1 : 0;
}

/* Return: fd of the last directory of @path, each being made where it isn't there; -1 with errno. */
static int make_way(const struct tree *t, const char *path)
{
	char names[PATH_MAX], *save = NULL;
	int at = open_below(t->root, "");

	(void)snprintf(names, sizeof(names), "%s", path);
	for (char *name = strtok_r(names, "/", &save); at >= 0 && name;
		name = strtok_r(NULL, "/", &save)) {
		_cleanup_close_ int above = at;

		at = open_below(above, name);
		if (at < 0 && errno == ENOENT && make(t, above, name, TREE_DIR) == 0)
			at = open_below(above, name);
	}
	return at;
}

int tree_parent(const struct tree *t, const char *path, const char **name, struct err *e)
{
	char copy[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	if (!slash || strlen(path) >= sizeof(copy))
		return err_set(e, ENAMETOOLONG, "place %s inside", path);
	memcpy(copy, path, (size_t)(slash - path));
	copy[slash - path] = '\0';
	fd = open_below(t->root, copy);
	if (fd < 0 && errno == ENOENT)
		fd = make_way(t, copy);
	if (fd < 0)
		return err_set(e, errno, "open %s inside", copy);
	*name = slash + 1;
	return fd;
}

int tree_place(const struct tree *t, const char *path, enum tree_kind kind, struct err *e)
{
	_cleanup_close_ int parent = -EBADF, place = tree_open(t, path);
	const char *name = path;
	struct stat st;

	if (place < 0 && errno == ENOENT) {
		parent = tree_parent(t, path, &name, e);
		if (parent < 0)
			return -1;
		if (make(t, parent, name, kind) < 0)
			return err_set(e, errno, "make %s inside", path);
		place = open_below(parent, name);
	}
	if (place < 0)
		return err_set(e, errno, "open %s inside", path);
	if (fstat(place, &st) < 0)
		return err_set(e, errno, "look at %s inside", path);
	if (S_ISLNK(st.st_mode))
		return err_set(e, ELOOP, "open %s inside", path);
	if (S_ISDIR(st.st_mode) != (kind == TREE_DIR))
		return err_set(e, S_ISDIR(st.st_mode) ? EISDIR : ENOTDIR,
			"mount on %s inside", path);
	return take_fd(&place);
}
