/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/watch.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/base/paths.h"
#include "core/base/sys.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK "lock"
#define TOLD "told"
/* Below /etc: more levels than anybody has, and than it is worth. */
#define DEPTH_MAX 8
/* Names that come, go or are replaced; modes and owners, which an overlay keeps as well. */
#define WHAT                                                                             \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR)
/* Of events, at a time: what comes in faster is told of once more. */
#define READS_MAX 64

/*
 * Where root puts things that people look for by name. A package manager renames its database when it
 * is done, whatever it has installed where; ldconfig(8) does so in /etc.
 */
static const struct {
	const char *path;
	unsigned int depth;
} places[] = {
	{ "/etc", DEPTH_MAX },
	{ "/", 0 },
	{ "/usr/bin", 0 },
	{ "/usr/sbin", 0 },
	{ "/usr/lib", 0 },
	{ "/usr/local/bin", 0 },
	{ "/usr/local/sbin", 0 },
	{ "/usr/local/lib", 0 },
	{ "/opt", 0 },
	{ "/srv", 0 },
	{ "/var/lib/dpkg", 0 },
	{ "/var/lib/rpm", 0 },
	{ "/usr/lib/sysimage/rpm", 0 },
	{ "/var/lib/pacman/local", 0 },
	{ "/lib/apk/db", 0 },
};

/* ---- watching ------------------------------------------------------------------------ */

static int watch(int watches, int fd)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return inotify_add_watch(watches, path, WHAT) < 0 ? -1 : 0;
}

/* Directories with a dot are somebody's own business: /etc/.git has hundreds. */
static bool is_below(const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN);
}

static void add(int watches, int dir, const char *path, unsigned int depth)
{
	_cleanup_dir_ DIR *list = take_dir(
		sys_openat2(dir, path, O_RDONLY | O_DIRECTORY, 0, RESOLVE_NO_SYMLINKS));
	const struct dirent *entry;

	if (!list || watch(watches, dirfd(list)) < 0)
		return;
	while (depth > 0 && (entry = readdir(list)))
		if (is_below(entry))
			add(watches, dirfd(list), entry->d_name, depth - 1);
}

void changes_watch(struct changes *c)
{
	if (c->lock < 0)
		return;
	if (c->watches < 0) {
		if (lock_file(c->lock, LOCK_EX, 0) != 0)
			return;
		c->watches = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	}
	if (c->watches < 0) {
		(void)flock(c->lock, LOCK_UN);
		return;
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		add(c->watches, AT_FDCWD, places[i].path, places[i].depth);
}

void changes_tell(struct changes *c)
{
	char events[4096];

	for (size_t i = 0; i < READS_MAX; i++)
		if (read(c->watches, events, sizeof(events)) <= 0)
			break;
	(void)futimens(c->told, NULL);
}

/* ---- listening ----------------------------------------------------------------------- */

static int open_in(int dir, const char *name)
{
	return openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static void begin(struct changes *c)
{
	struct err ignored;

	c->dir = io_open_state(PATH_CHANGES, 0700, &ignored);
	if (c->dir < 0)
		return;
	c->told = open_in(c->dir, TOLD);
	c->lock = open_in(c->dir, LOCK);
	(void)changes_heard(c);
}

void changes_listen(struct changes *c)
{
	if (c->dir < 0)
		begin(c);
	if (c->dir >= 0)
		(void)fcntl(c->dir, F_NOTIFY, DN_ATTRIB);
}

bool changes_heard(struct changes *c)
{
	struct timespec before = c->last;
	struct stat st;

	if (fstat(c->told, &st) < 0)
		return true;
	c->last = st.st_mtim;
	return before.tv_sec != st.st_mtim.tv_sec || before.tv_nsec != st.st_mtim.tv_nsec;
}

void changes_close(struct changes *c)
{
	if (c->watches >= 0) {
		cleanup_close(&c->watches);
		(void)flock(c->lock, LOCK_UN);
		(void)futimens(c->lock, NULL);
	}
	cleanup_close(&c->lock);
	cleanup_close(&c->told);
	cleanup_close(&c->dir);
}
