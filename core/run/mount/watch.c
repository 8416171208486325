/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/watch.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"

#include <fcntl.h>
#include <string.h>

#define PLACES_MAX 32

/* And modes and owners, which an overlay keeps as well. */
#define WHAT (CHANGES_NAMES | DN_ATTRIB)

static void add(struct changes *c, int dir, const char *path, bool deep)
{
	_cleanup_close_ int fd = -EBADF;

	if (c->n == CHANGES_MAX)
		return;
	fd = sys_openat2(dir, *path ? path : ".", O_RDONLY | O_DIRECTORY, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (fd < 0 || fcntl(fd, F_NOTIFY, WHAT) < 0)
		return;
	c->fds[c->n] = take_fd(&fd);
	c->deep[c->n++] = deep;
}

/* Directories with a dot are somebody's own business: /etc/.git has hundreds. */
static void add_below(struct changes *c, int dir)
{
	int at = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *list = at < 0 ? NULL : fdopendir(at);
	const struct dirent *entry;

	if (at >= 0 && !list)
		cleanup_close(&at);
	while (list && c->n < CHANGES_MAX && (entry = readdir(list)))
		if (entry->d_name[0] != '.' &&
			(entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
			add(c, dir, entry->d_name, true);
}

void changes_watch(
	struct changes *c, const struct plan *plan, const struct refresh *refresh)
{
	struct plan_watch places[PLACES_MAX];
	size_t n = plan_watches(plan, places, PLACES_MAX);

	changes_close(c);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < refresh->n; k++)
			if (refresh->overlay[k] == places[i].overlay)
				add(c, refresh->lower[k], places[i].path, places[i].deep);
	/* Level by level, the list being the queue. */
	for (size_t i = 0; i < c->n; i++)
		if (c->deep[i])
			add_below(c, c->fds[i]);
}

void changes_watch_again(struct changes *c)
{
	/* One that can't be watched any more is found by changes_watch(). */
	for (size_t i = 0; i < c->n; i++)
		(void)fcntl(c->fds[i], F_NOTIFY, WHAT);
}

void changes_close(struct changes *c)
{
	while (c->n > 0)
		cleanup_close(&c->fds[--c->n]);
}
