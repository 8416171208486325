/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/rootfs_image.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/plan/accountlines.h"
#include "core/run/mount/imagestore.h"
#include "core/run/mount/rootfs.h"
#include "core/run/mount/safe_path.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* mount(2) takes a page, with the 0. */
#define OPTIONS_MAX 4096
#define PATIENCE_MS 20000
/* Of an image's passwd(5) and its like; of a larger one nothing is taken. */
#define LINES_MAX ((size_t)1 << 20)

/* ---- mounting ----------------------------------------------------------------------- */

/* A directory renamed, or a file whose data is elsewhere, is what only nsshell's own overlays could have written:
 * an image that says so lies. */
static int options(const struct plan_overlay *o, const struct rootfs_image_place *at,
	char ret[OPTIONS_MAX])
{
	_cleanup_file_ FILE *out = fmemopen(ret, OPTIONS_MAX, "w");

	if (!out)
		return -1;
	fputs("redirect_dir=nofollow,metacopy=off,lowerdir=", out);
	if (at->top)
		fprintf(out, "%s:", at->top);
	for (size_t i = 0; i < o->n_layers; i++)
		fprintf(out, "%s%s", i ? ":" : "", o->layers[i]);
	/* Without an upper an overlay has two lowers. */
	if (!at->top)
		fputs(":" ROOTFS_NOTHING, out);
	if (at->upper)
		fprintf(out, ",upperdir=%s,workdir=%s", at->upper, at->work);
	if (fflush(out) != 0 || ferror(out) || strlen(ret) >= OPTIONS_MAX - 1) {
		errno = E2BIG;
		return -1;
	}
	return 0;
}

int rootfs_image_mount(
	const struct plan_overlay *o, const struct rootfs_image_place *at, struct err *e)
{
	const struct mount_attr attr = {
		.attr_clr = MOUNT_ATTR_NOSUID, /* but where it is set */
		.attr_set = at->top ? o->attr
				    : MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					      MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY
	};
	_cleanup_close_ int made = -EBADF;
	char text[OPTIONS_MAX];

	if (options(o, at, text) < 0)
		return err_set(e, errno, "name %zu layers", o->n_layers);
	/* Short names, below the current directory. */
	if (chdir(ROOTFS_LAYERS) < 0)
		return err_set(e, errno, "go to the layers");
	if (mount("overlay", at->place, "overlay", MS_NOSUID | MS_NODEV, text) < 0)
		return err_set(e, errno, "mount its %zu layers", o->n_layers);
	made = open(at->place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (chdir("/") < 0 || made < 0 || sys_mount_setattr(made, false, &attr) < 0)
		return err_set(e, errno, "set the attributes of its mount");
	return 0;
}

/* ---- opening ------------------------------------------------------------------------ */

/* Who removes an image that nobody uses has the lock, and this session's record is written. */
static int lock_store(int *ret, struct err *e)
{
	_cleanup_close_ int store = imagestore_open(e);

	return store >= 0 && imagestore_lock(store, LOCK_SH, PATIENCE_MS, ret, e) == 0
		       ? 0
		       : -1;
}

int rootfs_image_check(const struct plan *plan, int lower, struct err *e)
{
	const struct plan_overlay *o = plan->overlays;
	_cleanup_close_ int lock = -EBADF;
	struct stat st;

	if (lock_store(&lock, e) < 0)
		return -1;
	for (size_t i = 0; i < o->n_layers; i++)
		if (fstatat(lower, o->layers[i], &st, 0) < 0 || !S_ISDIR(st.st_mode))
			return err_set(e, 0,
				"the image %s was removed, or isn't whole: there is no %s in %s (nsctl image "
				"list, nsctl image fsck)",
				plan->image, o->layers[i], o->lower);
	return 0;
}

/* ---- what it has -------------------------------------------------------------------- */

/* As one who lives there would: its links count from its own "/". */
static int open_within(int view, const char *path)
{
	return sys_openat2(
		view, path, O_PATH, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

static bool has(int view, const char *path, bool program)
{
	_cleanup_close_ int fd = open_within(view, path);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	return !program || (S_ISREG(st.st_mode) && (st.st_mode & 0111));
}

/* Where a directory really is, as the kernel says it. Return: 0 or -1. */
static int name_of(int proc, int dir, char ret[PATH_MAX])
{
	char fd[48], lower[ROOTFS_LOWER_LEN], path[PATH_MAX];
	ssize_t len;
	size_t top;

	rootfs_lower(0, lower);
	top = strlen(lower);
	(void)snprintf(fd, sizeof(fd), "thread-self/fd/%d", dir);
	len = readlinkat(proc, fd, path, sizeof(path) - 1);
	if (len < 0)
		return -1;
	path[len] = '\0';
	if (strncmp(path, lower, top) != 0 || (path[top] != '/' && path[top])) {
		errno = EXDEV;
		return -1;
	}
	memcpy(ret, path + top, (size_t)len - top + 1);
	return 0;
}

/* Whether a name is a directory's that is yet to be made, and nothing else has it: a link to nowhere, say. */
static bool is_free(int dir, const char *rest)
{
	char name[NAME_MAX + 1];
	size_t len = strcspn(rest + 1, "/");
	struct stat st;

	if (!rest[1 + len] || len > NAME_MAX)
		return len <= NAME_MAX;
	(void)snprintf(name, sizeof(name), "%.*s", (int)len, rest + 1);
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

/* Return: 1; 0 where the image has no directory for it; -1 with errno. */
static int real_place(int view, int proc, const char *path, char real[PATH_MAX])
{
	char above[PATH_MAX];

	(void)snprintf(above, sizeof(above), "%s", path);
	for (char *slash; (slash = strrchr(above, '/'));) {
		_cleanup_close_ int dir = -EBADF;
		struct stat st;
		size_t len;

		*slash = '\0';
		dir = open_within(view, above[0] ? above : "/");
		if (dir < 0 && errno == ENOENT)
			continue;
		if (dir < 0 || fstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) ||
			!is_free(dir, path + (slash - above)))
			return 0;
		if (name_of(proc, dir, real) < 0)
			return -1;
		/* What isn't there yet, below what is. */
		len = strlen(real);
		errno = ENAMETOOLONG;
		return (size_t)snprintf(real + len, PATH_MAX - len, "%s",
			       path + (slash - above)) < PATH_MAX - len
			       ? 1
			       : -1;
	}
	return 0;
}

int rootfs_image_lacks(
	const struct plan_layer *l, int proc, char real[PATH_MAX], struct err *e)
{
	bool shell = l->kind == PLAN_LAYER_SHELL;
	_cleanup_close_ int view = rootfs_open_lower(0);
	int r;

	if (view < 0)
		return err_set(e, errno, "look into the image");
	if (l->kind != PLAN_LAYER_COMMAND &&
		(has(view, l->path, shell) || (shell && !has(view, l->target, true))))
		return 0;
	r = real_place(view, proc, l->path, real);
	return r < 0 ? err_set(e, errno, "look for %s in the image", l->path) : r;
}

/*
 * busybox goes by the name that it is called by, and nobody calls it "sh" by a link called bash. Through a script
 * that is lost whether it is a login shell: one without arguments is.
 */
static const char script[] = "#!%s\n"
			     "[ $# -gt 0 ] || set -- -l\n"
			     "exec %s \"$@\"\n";

static bool goes_by_name(int view, int proc, const char *shell)
{
	_cleanup_close_ int fd = open_within(view, shell);
	char real[PATH_MAX];

	return fd < 0 || name_of(proc, fd, real) < 0 || !plan_is_shell(real);
}

int rootfs_image_shell(const struct plan_layer *l, int proc, const char *made)
{
	_cleanup_close_ int view = rootfs_open_lower(0);
	_cleanup_file_ FILE *out = NULL;

	if (view < 0)
		return -1;
	if (!goes_by_name(view, proc, l->target))
		return symlink(l->target, made);
	out = fopen(made, "wxe");
	if (!out || fprintf(out, script, l->target, l->target) < 0 || fflush(out) != 0)
		return -1;
	return fchmod(fileno(out), 0755);
}

/* ---- its accounts ------------------------------------------------------------------- */

/* NULL with errno 0: it has no such file. What is there by that name may be a device, or never answer. */
static char *read_lines(int view, const char *path)
{
	_cleanup_close_ int fd =
		sys_openat2(view, path + 1, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
			RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	_cleanup_file_ FILE *f = NULL;
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		st.st_size > (off_t)LINES_MAX) {
		errno = 0;
		return NULL;
	}
	f = fdopen(fd, "r");
	if (f)
		(void)take_fd(&fd);
	text = f ? calloc(1, (size_t)st.st_size + 1) : NULL;
	if (text && fread(text, 1, (size_t)st.st_size, f) < (size_t)st.st_size &&
		ferror(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static int write_lines(const struct plan_layer *l, const char *made, const char *text)
{
	_cleanup_free_ char *merged = accountlines_merge(text, l->content);
	_cleanup_close_ int fd = -EBADF;

	if (!merged) {
		errno = ENOMEM;
		return -1;
	}
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || io_write_all(fd, merged, strlen(merged)) < 0)
		return -1;
	return fchmod(fd, l->mode);
}

int rootfs_image_lines(const struct plan_layer *l, const char *made)
{
	_cleanup_close_ int view = rootfs_open_lower(0);
	_cleanup_free_ char *text = NULL;

	if (view < 0)
		return -1;
	text = read_lines(view, l->path);
	if (!text && errno)
		return -1;
	return write_lines(l, made, text ? text : l->target);
}
