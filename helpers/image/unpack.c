/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/unpack.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/plan/layerentry.h"
#include "core/plan/layername.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define OPAQUE "trusted.overlay.opaque"
#define BUFFER (256 * 1024)

/* Times of directories are set at the end: what is made in one changes it. */
struct dir_time {
	char *path;
	struct timespec time;
};

struct unpacking {
	struct jail_said *said;
	const struct unpack_limits *limits;
	int root;
	/* The directory that the last file was made in: the next one is, mostly. */
	int parent;
	char parent_path[LAYER_NAME_MAX];
	/* What is read ahead of fd 0. */
	char *buffer;
	size_t at, end;
	/* The entry that is being made. */
	struct layer_head head;
	char path[LAYER_NAME_MAX], link[LAYER_NAME_MAX];
	char *xattrs;
	int file;          /* that data goes into; negative: it is passed over */
	uint64_t file_end; /* where the last of it ended */
	struct dir_time *times;
	size_t n_times;
};

static void unpacking_clear(struct unpacking *u)
{
	cleanup_close(&u->root);
	cleanup_close(&u->parent);
	cleanup_close(&u->file);
	for (size_t i = 0; i < u->n_times; i++)
		free(u->times[i].path);
	free(u->times);
	free(u->buffer);
	free(u->xattrs);
}

static int refuse(struct unpacking *u, const char *path, const char *why)
{
	return err_set(
		&u->said->e, 0, "%.200s %.200s", *path ? path : "the layer's root", why);
}

static int failed(struct unpacking *u, const char *what, const char *path)
{
	return err_set(&u->said->e, errno, "%s %.200s", what, *path ? path : "/");
}

/* ---- what comes --------------------------------------------------------------------- */

static int fill(struct unpacking *u)
{
	ssize_t n;

	do
		n = read(STDIN_FILENO, u->buffer, BUFFER);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return err_set(
			&u->said->e, n < 0 ? errno : 0, "the layer ends too early");
	u->at = 0;
	u->end = (size_t)n;
	return 0;
}

static int take(struct unpacking *u, void *to, size_t n)
{
	for (char *at = to; n > 0;) {
		size_t some = u->end - u->at < n ? u->end - u->at : n;

		memcpy(at, u->buffer + u->at, some);
		u->at += some;
		at += some;
		n -= some;
		if (n > 0 && fill(u) < 0)
			return -1;
	}
	return 0;
}

/* ---- places ------------------------------------------------------------------------- */

static int open_below(struct unpacking *u, const char *path, uint64_t flags)
{
	return sys_openat2(u->root, *path ? path : ".", flags | O_DIRECTORY, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

static int set_opaque(struct unpacking *u, int dir, const char *path)
{
	return fsetxattr(dir, OPAQUE, "y", 1, 0) < 0 ? failed(u, "mark as opaque", path)
						     : 0;
}

/* In the place of a whiteout: nothing of the lower layers' directory is in it. */
static int make_opaque(
	struct unpacking *u, int parent, const char *name, const char *path)
{
	_cleanup_close_ int fd = -EBADF;

	if (unlinkat(parent, name, 0) < 0 || mkdirat(parent, name, 0755) < 0)
		return failed(u, "make", path);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? failed(u, "open", path) : set_opaque(u, fd, path);
}

static int make_directory(
	struct unpacking *u, int parent, const char *name, const char *path)
{
	struct stat st;

	if (mkdirat(parent, name, 0755) == 0)
		return 0;
	if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(u, "make", path);
	if (S_ISDIR(st.st_mode))
		return 0;
	if (is_whiteout(&st))
		return make_opaque(u, parent, name, path);
	if (S_ISLNK(st.st_mode))
		return refuse(u, path, "is a symbolic link and a directory");
	return refuse(u, path, "is a file and a directory");
}

/* Every directory on the way to @path, which the archive didn't name. */
static int make_way(struct unpacking *u, const char *path)
{
	_cleanup_close_ int at = openat(u->root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[LAYER_PART_MAX + 1];

	while (at >= 0 && *path) {
		size_t len = strcspn(path, "/");
		int next;

		(void)snprintf(name, sizeof(name), "%.*s", (int)len, path);
		if (make_directory(u, at, name, path) < 0)
			return -1;
		next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		cleanup_close(&at);
		at = next;
		path += len + (path[len] == '/');
	}
	return at < 0 ? failed(u, "open the directory", path) : 0;
}

/* The directory that @path is in. Return: 0 with u->parent, which stays u's; 1 where @make is false and there is none. */
static int enter(struct unpacking *u, const char *path, bool make)
{
	size_t len = (size_t)(layername_last(path) - path);
	char dir[LAYER_NAME_MAX];

	(void)snprintf(dir, sizeof(dir), "%.*s", len > 0 ? (int)len - 1 : 0, path);
	if (u->parent >= 0 && strcmp(dir, u->parent_path) == 0)
		return 0;
	cleanup_close(&u->parent);
	u->parent = open_below(u, dir, O_PATH);
	if (u->parent < 0 && errno == ELOOP)
		return refuse(u, path, "lies behind a symbolic link");
	if (u->parent < 0 && !make)
		return 1;
	if (u->parent < 0 && make_way(u, dir) < 0)
		return -1;
	if (u->parent < 0)
		u->parent = open_below(u, dir, O_PATH);
	if (u->parent < 0)
		return failed(u, "open the directory of", path);
	(void)snprintf(u->parent_path, sizeof(u->parent_path), "%s", dir);
	return 0;
}

/* What was there by that name before: a whiteout, or the same once more; the last one is meant. */
static int make_room(struct unpacking *u, const char *path)
{
	const char *name = layername_last(path);
	struct stat st;

	if (fstatat(u->parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(u, "look at", path);
	if (S_ISDIR(st.st_mode))
		return refuse(u, path, "is a directory and a file");
	if (!is_whiteout(&st))
		jail_note(u->said, "there twice, the last one counts", path);
	return unlinkat(u->parent, name, 0) < 0 ? failed(u, "replace", path) : 0;
}

/* ---- what a file has ---------------------------------------------------------------- */

static bool is_sound(const struct layer_xattr *x)
{
	uint32_t magic = 0;

	if (strcmp(x->name, "security.capability") != 0)
		return true;
	if (x->size >= sizeof(magic))
		memcpy(&magic, x->value, sizeof(magic));
	return x->size == XATTR_CAPS_SZ_2 &&
	       (magic & VFS_CAP_REVISION_MASK) == VFS_CAP_REVISION_2;
}

static void note_xattr(struct unpacking *u, const char *name)
{
	char what[JAIL_NOTE_MAX];

	(void)snprintf(what, sizeof(what), "without its attribute %.60s", name);
	jail_note(u->said, what, u->path);
}

static int set_xattrs(struct unpacking *u, int fd)
{
	const char *block = u->xattrs;
	size_t left = u->head.xattrs_len;
	struct layer_xattr x;
	int r;

	while ((r = layerxattr_next(&block, &left, &x)) > 0) {
		if (fd < 0 || !layername_xattr_kept(x.name) || !is_sound(&x)) {
			note_xattr(u, x.name);
			continue;
		}
		if (fsetxattr(fd, x.name, x.value, x.size, 0) == 0)
			continue;
		if (errno != EOPNOTSUPP)
			return failed(u, "set an attribute of", u->path);
		note_xattr(u, x.name);
	}
	return r < 0 ? refuse(u, u->path, "has attributes that are none") : 0;
}

/* The order matters: what is written, or given away, loses setuid and capabilities. */
static int finish(struct unpacking *u, int fd)
{
	if (fchown(fd, u->head.uid, u->head.gid) < 0 || fchmod(fd, u->head.mode) < 0)
		return failed(u, "give away", u->path);
	return set_xattrs(u, fd);
}

static struct timespec time_of(const struct layer_head *h)
{
	return (struct timespec){ .tv_sec = (time_t)h->sec, .tv_nsec = (long)h->nsec };
}

/* A time that is none is nobody's loss, nor one of what isn't there any more; one that the file system can't hold the kernel brings into its range. */
static int set_time(struct unpacking *u, int dir, const char *name, struct timespec t,
	const char *path)
{
	const struct timespec both[2] = { t, t };
	int r = name ? utimensat(dir, name, both, AT_SYMLINK_NOFOLLOW)
		     : futimens(dir, both);

	return r == 0 || errno == EINVAL || errno == ENOENT
		       ? 0
		       : failed(u, "give a time to", path);
}

static int finish_by_name(struct unpacking *u)
{
	const char *name = layername_last(u->path);

	if (fchownat(u->parent, name, u->head.uid, u->head.gid, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(u, "give away", u->path);
	if (set_time(u, u->parent, name, time_of(&u->head), u->path) < 0)
		return -1;
	return set_xattrs(u, -1);
}

/* ---- kinds of files ----------------------------------------------------------------- */

static int begin_file(struct unpacking *u)
{
	const char *name = layername_last(u->path);
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	u->file = openat(u->parent, name, flags, 0600);
	if (u->file < 0 && errno == EEXIST && make_room(u, u->path) == 0)
		u->file = openat(u->parent, name, flags, 0600);
	if (u->file < 0)
		return u->said->e.msg[0] ? -1 : failed(u, "make", u->path);
	u->file_end = 0;
	return 0;
}

static int end_file(struct unpacking *u)
{
	if (u->file < 0)
		return 0;
	/* A hole at the end. */
	if (u->file_end < u->head.size && ftruncate(u->file, (off_t)u->head.size) < 0)
		return failed(u, "make", u->path);
	if (finish(u, u->file) < 0 ||
		set_time(u, u->file, NULL, time_of(&u->head), u->path) < 0)
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
		return failed(u, "remember", u->path);
	u->times = more;
	more[u->n_times] =
		(struct dir_time){ .path = strdup(u->path), .time = time_of(&u->head) };
	return more[u->n_times++].path ? 0 : failed(u, "remember", u->path);
}

static int put_directory(struct unpacking *u)
{
	_cleanup_close_ int fd = -EBADF;

	if (*u->path &&
		make_directory(u, u->parent, layername_last(u->path), u->path) < 0)
		return -1;
	fd = open_below(u, u->path, O_RDONLY);
	if (fd < 0)
		return failed(u, "open", u->path);
	return finish(u, fd) < 0 ? -1 : remember_time(u);
}

static int put_symlink(struct unpacking *u)
{
	const char *name = layername_last(u->path);

	if (symlinkat(u->link, u->parent, name) < 0 &&
		(errno != EEXIST || make_room(u, u->path) < 0 ||
			symlinkat(u->link, u->parent, name) < 0))
		return u->said->e.msg[0] ? -1 : failed(u, "make", u->path);
	return finish_by_name(u);
}

static int put_fifo(struct unpacking *u)
{
	const char *name = layername_last(u->path);

	if (mkfifoat(u->parent, name, u->head.mode & 0777) < 0 &&
		(errno != EEXIST || make_room(u, u->path) < 0 ||
			mkfifoat(u->parent, name, u->head.mode & 0777) < 0))
		return u->said->e.msg[0] ? -1 : failed(u, "make", u->path);
	return finish_by_name(u);
}

static int refuse_link(struct unpacking *u, const char *target)
{
	return err_set(&u->said->e, 0,
		"%.180s is a hard link to %.180s, which is no file of the layer's",
		u->path, target);
}

static int put_hardlink(struct unpacking *u)
{
	_cleanup_close_ int from = -EBADF;
	char target[LAYER_NAME_MAX];
	const char *name, *why;
	struct stat st;
	int r;

	if (layername_clean(u->link, target, &why) < 0)
		return refuse(u, u->path, "is a hard link that leads out of the layer");
	name = layername_last(target);
	r = enter(u, target, false);
	if (r != 0)
		return r < 0 ? -1 : refuse_link(u, target);
	from = take_fd(&u->parent);
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode) ||
		is_whiteout(&st))
		return refuse_link(u, target);
	if (strcmp(target, u->path) == 0)
		return 0;
	if (enter(u, u->path, true) < 0)
		return -1;
	if (linkat(from, name, u->parent, layername_last(u->path), 0) == 0)
		return 0;
	if (errno != EEXIST || make_room(u, u->path) < 0 ||
		linkat(from, name, u->parent, layername_last(u->path), 0) < 0)
		return u->said->e.msg[0] ? -1 : failed(u, "link", u->path);
	return 0;
}

/* ---- what hides lower layers -------------------------------------------------------- */

static int put_opaque(struct unpacking *u)
{
	_cleanup_close_ int fd = -EBADF;

	if (!*u->path)
		return refuse(u, "",
			"hides all layers below it, which overlayfs has no way to say");
	if (make_way(u, u->path) < 0)
		return -1;
	fd = open_below(u, u->path, O_RDONLY);
	return fd < 0 ? failed(u, "open", u->path) : set_opaque(u, fd, u->path);
}

/* A whiteout is of what lower layers have, and never of what this one has itself (layer.md). */
static int put_whiteout(struct unpacking *u)
{
	const char *name = layername_last(u->path);
	struct stat st;

	if (enter(u, u->path, true) < 0)
		return -1;
	if (mknodat(u->parent, name, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EEXIST || fstatat(u->parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(u, "hide", u->path);
	return S_ISDIR(st.st_mode) ? put_opaque(u) : 0;
}

/* ---- entries ------------------------------------------------------------------------ */

static int put_file(struct unpacking *u)
{
	const struct layer_head *h = &u->head;

	if (h->kind == LAYER_DIRECTORY && !*u->path)
		return put_directory(u);
	if (!*u->path)
		return refuse(u, "", "is no directory");
	if (h->kind == LAYER_HARDLINK)
		return put_hardlink(u);
	if (h->kind == LAYER_OTHER) {
		jail_note(u->said, "left out, a device or a socket", u->path);
		return 0;
	}
	if (enter(u, u->path, true) < 0)
		return -1;
	switch (h->kind) {
	case LAYER_DIRECTORY:
		return put_directory(u);
	case LAYER_SYMLINK:
		return put_symlink(u);
	case LAYER_FIFO:
		return put_fifo(u);
	default:
		return begin_file(u);
	}
}

static int count(struct unpacking *u)
{
	if (++u->said->files > u->limits->files)
		return err_set(&u->said->e, 0,
			"the layer has more than %llu files (--max-files)",
			(unsigned long long)u->limits->files);
	if (u->head.kind == LAYER_FILE &&
		(u->head.size > u->limits->bytes ||
			(u->said->bytes += u->head.size) > u->limits->bytes))
		return err_set(&u->said->e, 0,
			"the layer's files have more than %llu bytes, at %.200s (--max-size)",
			(unsigned long long)u->limits->bytes, u->path);
	return 0;
}

static int put_entry(struct unpacking *u)
{
	const char *why = "";

	switch (layername_kind(u->path, &why)) {
	case LAYER_ENTRY:
		return put_file(u);
	case LAYER_WHITEOUT:
		return put_whiteout(u);
	case LAYER_OPAQUE:
		return put_opaque(u);
	case LAYER_AUFS:
		jail_note(u->said, "left out, aufs's own", u->path);
		return 0;
	default:
		return refuse(u, u->path, why);
	}
}

static int take_entry(struct unpacking *u)
{
	char name[LAYER_NAME_MAX];
	const char *why;

	if (take(u, name, u->head.path_len) < 0 ||
		take(u, u->link, u->head.link_len) < 0 ||
		take(u, u->xattrs, u->head.xattrs_len) < 0)
		return -1;
	name[u->head.path_len] = '\0';
	u->link[u->head.link_len] = '\0';
	if (layername_clean(name, u->path, &why) < 0)
		return refuse(u, name, why);
	return count(u) < 0 ? -1 : put_entry(u);
}

/* Straight from what was read, as much of it as is there. */
static int take_data(struct unpacking *u, const struct layer_head *h)
{
	uint64_t at = h->offset, end = h->offset + h->size;

	if (u->file >= 0 && end > u->head.size)
		return refuse(u, u->path, "is longer than it says");
	while (at < end) {
		size_t some = u->end - u->at;
		ssize_t n;

		if (some == 0 && fill(u) < 0)
			return -1;
		some = u->end - u->at;
		if (some > end - at)
			some = (size_t)(end - at);
		n = u->file < 0 ? (ssize_t)some
				: pwrite(u->file, u->buffer + u->at, some, (off_t)at);
		if (n < 0 && errno != EINTR)
			return failed(u, "write", u->path);
		if (n > 0) {
			u->at += (size_t)n;
			at += (uint64_t)n;
		}
	}
	if (end > u->file_end)
		u->file_end = end;
	return 0;
}

static int take_all(struct unpacking *u)
{
	struct layer_head h;
	const char *why;

	for (;;) {
		if (take(u, &h, sizeof(h)) < 0)
			return -1;
		if (layerentry_check(&h, &why) < 0)
			return refuse(u, "an entry", why);
		if (h.kind == LAYER_END)
			return end_file(u);
		if (h.kind == LAYER_DATA) {
			if (take_data(u, &h) < 0)
				return -1;
			continue;
		}
		if (end_file(u) < 0)
			return -1;
		u->head = h;
		if (take_entry(u) < 0)
			return -1;
	}
}

/* A later entry may have taken one away again. */
static int set_dir_times(struct unpacking *u)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < u->n_times; i++) {
		const char *path = u->times[i].path;

		if (!*path)
			r = set_time(u, u->root, ".", u->times[i].time, ".");
		else if (enter(u, path, false) == 0)
			r = set_time(u, u->parent, layername_last(path), u->times[i].time,
				path);
	}
	return r;
}

int unpack_layer(void *limits, struct jail_said *said)
{
	_cleanup_(unpacking_clear) struct unpacking u = {
		.said = said,
		.limits = limits,
		.root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.parent = -EBADF,
		.file = -EBADF,
		.buffer = malloc(BUFFER),
		.xattrs = malloc(LAYER_XATTRS_MAX),
	};

	if (u.root < 0 || !u.buffer || !u.xattrs)
		return err_set(&said->e, errno, "unpack the layer");
	if (take_all(&u) < 0)
		return -1;
	return set_dir_times(&u);
}
