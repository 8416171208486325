/* SPDX-License-Identifier: BSD-3-Clause */
/* Patterns: glob(3), by whose look each name on the way is resolve_path()'s. Apart, as what stays with a session has none. */
#include "core/base/cleanup.h"
#include "core/run/mount/resolve.h"

#include <fcntl.h>
#include <glob.h>

/* What glob(3) calls has no argument of its own, and says of no failure more than that nothing matched. */
static struct {
	const struct resolve_as *as;
	struct err e; /* the first look that failed; num 0: none did */
} matching;

static void note_failure(int num, const char *path)
{
	if (matching.e.num == 0 && resolve_failed(num))
		(void)err_set(&matching.e, num, "look for what matches below %s", path);
}

static int pattern_resolve(const char *path, struct resolved *ret)
{
	struct err e = { 0 };
	int found = resolve_path(path, PLAN_USE_HIDE, matching.as, ret, &e);

	if (found < 0)
		note_failure(e.num, path);
	return found;
}

static void *pattern_opendir(const char *path)
{
	struct resolved r;
	DIR *dir = NULL;

	if (pattern_resolve(path, &r) == 0) {
		dir = take_dir(openat(r.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		if (!dir)
			note_failure(errno, path);
	}
	cleanup_close(&r.fd);
	return dir;
}

static struct dirent *pattern_readdir(void *dir)
{
	struct dirent *entry = (errno = 0, readdir(dir));

	if (!entry && errno)
		note_failure(errno, "a directory");
	return entry;
}

static void pattern_closedir(void *dir)
{
	(void)closedir(dir);
}

static int pattern_stat(const char *path, struct stat *st)
{
	struct resolved r;
	int found = pattern_resolve(path, &r);

	*st = r.st;
	cleanup_close(&r.fd);
	errno = ENOENT;
	return found == 0 ? 0 : -1;
}

int resolve_pattern(const char *pattern, const struct resolve_as *as,
	int (*each)(void *arg, const char *path), void *arg, struct err *e)
{
	glob_t found = { .gl_opendir = pattern_opendir,
		.gl_readdir = pattern_readdir,
		.gl_closedir = pattern_closedir,
		.gl_stat = pattern_stat,
		.gl_lstat = pattern_stat };
	int r;

	matching.as = as;
	matching.e.num = 0;
	if (glob(pattern, GLOB_NOSORT | GLOB_ALTDIRFUNC, NULL, &found) == GLOB_NOSPACE)
		note_failure(ENOMEM, pattern);
	if (matching.e.num)
		*e = matching.e;
	r = matching.e.num ? -1 : 0;
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
		r = each(arg, found.gl_pathv[i]);
	globfree(&found);
	return r;
}
