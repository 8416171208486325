/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/remove_tree.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct removal {
	int top;
	unsigned long next; /* the next name for what is moved there */
};

static int open_below(int parent, const char *name)
{
	return sys_openat2(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A name that the user took is passed over. */
static int move_up(struct removal *r, int dir, const char *name)
{
	char fresh[32];
	int result;

	do {
		(void)snprintf(fresh, sizeof(fresh), "%lu", r->next++);
		result = renameat2(dir, name, r->top, fresh, RENAME_NOREPLACE);
	} while (result < 0 && errno == EEXIST);
	return result;
}

/* Return: 0 when it is gone, 1 when it is a directory that isn't empty, -1 with errno. */
static int remove_one(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return 0;
	return errno == ENOTEMPTY || errno == EEXIST ? 1 : -1;
}

/* Remove what is in a directory; @full: what is done with one in it that isn't empty. Return: how many were there, or -1 with errno. */
static long empty(struct removal *r, DIR *dir,
	int (*full)(struct removal *r, int dir, const char *name))
{
	const struct dirent *entry;
	long n = 0;

	while ((errno = 0, entry = readdir(dir))) {
		int left;

		if (is_dots(entry->d_name))
			continue;
		n++;
		left = remove_one(dirfd(dir), entry->d_name);
		if (left < 0 || (left > 0 && full(r, dirfd(dir), entry->d_name) < 0))
			return -1;
	}
	return errno ? -1 : n;
}

/* Empty a directory of the top, and move those in it beside it. */
static int flatten(struct removal *r, int top, const char *name)
{
	_cleanup_dir_ DIR *dir = take_dir(open_below(top, name));

	return !dir || empty(r, dir, move_up) < 0 ? -1 : 0;
}

int tree_remove(int parent, const char *name, struct err *e)
{
	_cleanup_dir_ DIR *top = take_dir(open_below(parent, name));
	struct removal r = { 0 };
	long n = 1;

	if (!top)
		return err_set(e, errno, "open %s to remove it", name);
	r.top = dirfd(top);
	for (; n > 0; rewinddir(top))
		n = empty(&r, top, flatten);
	if (n < 0 || unlinkat(parent, name, AT_REMOVEDIR) < 0)
		return err_set(e, errno, "remove what is in %s", name);
	return 0;
}
