/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/same.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/plan/layername.h"
#include "helpers/image/jail.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define BUFFER (64 * 1024)

struct comparing {
	struct jail_said *said;
	char path[LAYER_NAME_MAX];
	int depth;
	char *is, *want; /* BUFFER each */
};

static int failed(struct comparing *c, const char *what)
{
	return err_set(&c->said->e, errno, "%s %.200s", what, *c->path ? c->path : "/");
}

static int differs(struct comparing *c, const char *what)
{
	jail_note(c->said, what, *c->path ? c->path : "/");
	return 0;
}

/* ---- what a file has ---------------------------------------------------------------- */

/* Labels of a security module aren't the archive's. */
static bool counts(const char *name)
{
	return strncmp(name, "trusted.overlay.", 16) == 0 || layername_xattr_kept(name);
}

/* Return: 1 where each attribute of @a is one of @b, too, 0, or -1 with errno. */
static int has_all(struct comparing *c, int a, int b)
{
	_cleanup_free_ char *names = malloc(XATTR_LIST_MAX);
	ssize_t len = names ? flistxattr(a, names, XATTR_LIST_MAX) : -1;

	if (len < 0)
		return errno == EOPNOTSUPP ? 1 : -1;
	for (ssize_t i = 0; i < len; i += (ssize_t)strlen(names + i) + 1) {
		const char *name = names + i;
		ssize_t n, m;

		if (!counts(name))
			continue;
		n = fgetxattr(a, name, c->is, BUFFER);
		m = fgetxattr(b, name, c->want, BUFFER);
		if (n < 0)
			return -1;
		if (n != m || memcmp(c->is, c->want, (size_t)n) != 0)
			return 0;
	}
	return 1;
}

static int compare_xattrs(struct comparing *c, int is, int want)
{
	int r = has_all(c, is, want);

	if (r > 0)
		r = has_all(c, want, is);
	if (r < 0)
		return failed(c, "read the attributes of");
	return r > 0 ? 0 : differs(c, "its attributes differ");
}

/* Where a file has its next bytes: itself, where that can't be told; INT64_MAX where it has no more. */
static off_t data_from(int fd, off_t at)
{
	off_t data = lseek(fd, at, SEEK_DATA);

	return data >= 0 ? data : errno == ENXIO ? INT64_MAX : at;
}

/* Of two that are equally long: what is a hole in both of them is the same, and may be terabytes. */
static int compare_bytes(struct comparing *c, int is, int want)
{
	off_t at = 0;
	ssize_t n, m;

	do {
		off_t first = data_from(is, at), second = data_from(want, at);

		at = first < second ? first : second;
		if (at == INT64_MAX)
			return 0;
		n = pread(is, c->is, BUFFER, at);
		m = pread(want, c->want, BUFFER, at);
		if (n < 0 || m < 0)
			return failed(c, "read");
		if (n != m || memcmp(c->is, c->want, (size_t)n) != 0)
			return differs(c, "its bytes differ");
		at += n;
	} while (n > 0);
	return 0;
}

static int compare_links(struct comparing *c, int is, int want, const char *name)
{
	ssize_t n = readlinkat(is, name, c->is, BUFFER),
		m = readlinkat(want, name, c->want, BUFFER);

	if (n < 0 || m < 0)
		return failed(c, "read the link");
	return n == m && memcmp(c->is, c->want, (size_t)n) == 0
		       ? 0
		       : differs(c, "it leads elsewhere");
}

/* Of what both have, as far as it shows without opening it. Return: NULL, or what differs. */
static const char *stat_differs(const struct stat *is, const struct stat *want)
{
	if ((is->st_mode & S_IFMT) != (want->st_mode & S_IFMT) ||
		is->st_rdev != want->st_rdev)
		return "it is of another type";
	if (is->st_uid != want->st_uid || is->st_gid != want->st_gid)
		return "it has another owner";
	if (is->st_mode != want->st_mode)
		return "it has another mode";
	if (S_ISREG(is->st_mode) && is->st_size != want->st_size)
		return "it has another length";
	if (!S_ISDIR(is->st_mode) && is->st_nlink != want->st_nlink)
		return "it has other hard links";
	if ((S_ISREG(is->st_mode) || S_ISLNK(is->st_mode)) &&
		(is->st_mtim.tv_sec != want->st_mtim.tv_sec ||
			is->st_mtim.tv_nsec != want->st_mtim.tv_nsec))
		return "it has another time";
	return NULL;
}

/* ---- directories -------------------------------------------------------------------- */

static int compare_dir(struct comparing *c, int is, int want);

static int compare_open(struct comparing *c, int is, int want, const char *name, bool dir)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (dir ? O_DIRECTORY : 0);
	_cleanup_close_ int a = openat(is, name, flags), b = openat(want, name, flags);

	if (a < 0 || b < 0)
		return failed(c, "open");
	if (compare_xattrs(c, a, b) < 0)
		return -1;
	return dir ? compare_dir(c, a, b) : compare_bytes(c, a, b);
}

static int compare_one(struct comparing *c, int is, int want, const char *name)
{
	const char *what;
	struct stat a, b;

	if (fstatat(want, name, &b, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? differs(c, "it isn't the layer's")
				       : failed(c, "look at");
	if (fstatat(is, name, &a, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? differs(c, "it is missing")
				       : failed(c, "look at");
	what = stat_differs(&a, &b);
	if (what)
		return differs(c, what);
	if (S_ISLNK(a.st_mode))
		return compare_links(c, is, want, name);
	if (!S_ISDIR(a.st_mode) && !S_ISREG(a.st_mode))
		return 0;
	return compare_open(c, is, want, name, S_ISDIR(a.st_mode));
}

static int no_dots(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

/* @missing: what @is has is compared already, and only what it lacks is looked for. */
static int compare_names(struct comparing *c, int of, int is, int want, bool missing)
{
	size_t len = strlen(c->path);
	struct dirent **names;
	int n = scandirat(of, ".", &names, no_dots, NULL), r = 0;
	struct stat st;

	if (n < 0)
		return failed(c, "read");
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		(void)snprintf(c->path + len, sizeof(c->path) - len, "%s%s",
			len ? "/" : "", name);
		if (r == 0 &&
			(!missing || fstatat(is, name, &st, AT_SYMLINK_NOFOLLOW) < 0))
			r = compare_one(c, is, want, name);
		c->path[len] = '\0';
		free(names[i]);
	}
	free(names);
	return r;
}

static int compare_dir(struct comparing *c, int is, int want)
{
	int r;

	if (c->depth == LAYER_DEPTH_MAX)
		return differs(c, "not looked into, it is too deep");
	c->depth++;
	r = compare_names(c, is, is, want, false);
	if (r == 0)
		r = compare_names(c, want, is, want, true);
	c->depth--;
	return r;
}

/* For helpers/image/jail.h: "/" is what is there, and JAIL_BESIDE what is to be. */
static int look(void *arg, struct jail_said *said)
{
	_cleanup_free_ char *is = malloc(BUFFER), *want = malloc(BUFFER);
	struct comparing c = { .said = said, .is = is, .want = want };

	(void)arg;
	if (!is || !want)
		return err_set(&said->e, ENOMEM, "compare a layer");
	return compare_one(&c, AT_FDCWD, JAIL_BESIDE, ".");
}

int same_run(int is, int want, struct strlist *ret, struct err *e)
{
	/* Detached: from it nothing else can be reached. */
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC),
			    beside = sys_clone_tree(want, "", false, MS_PRIVATE);
	_cleanup_(jail_clear) struct jail j = { .name = "compare a layer",
		.in = null,
		.out = null,
		.root = is,
		.looks = true,
		.beside = beside,
		.work = look };

	if (null < 0 || beside < 0)
		return err_set(e, errno, "compare a layer");
	if (jail_start(&j, e) < 0 || jail_wait(&j, false, e) < 0)
		return -1;
	return jail_notes(&j, ret, e);
}
