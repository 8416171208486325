/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/terminal/wall.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/run/terminal/pty.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#define NOTICE_MAX 1024 /* ptys looked at */
/* For all of them together. */
#define PAUSES     20
#define PAUSE_USEC 10000

int notice_is_devpts(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == DEVPTS_SUPER_MAGIC;
}

/* Only one writes to a terminal at a time, the rest get EAGAIN: a shell that says "Killed", say. */
static bool write_to(int fd, const char *text, int *pauses)
{
	while (*text) {
		ssize_t n = write(fd, text, strlen(text));

		if (n < 0 && (errno != EAGAIN || (*pauses)-- <= 0))
			return false;
		if (n < 0)
			clock_pause(PAUSE_USEC);
		else
			text += n;
	}
	return true;
}

/* Calls for each pty of a session but those that are shown on another one. */
static void each_pty(
	int devpts, void (*call)(int fd, const char *name, void *arg), void *arg)
{
	const int flags = O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
	int at = openat(devpts, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;
	size_t seen = 0;

	if (at >= 0 && notice_is_devpts(at))
		dir = fdopendir(at);
	if (!dir) {
		cleanup_close(&at);
		return;
	}
	while (seen++ < NOTICE_MAX && (entry = readdir(dir))) {
		_cleanup_close_ int fd = -EBADF;

		struct stat st;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		fd = openat(dirfd(dir), entry->d_name, flags);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
			!pty_is_shown(st.st_mode))
			call(fd, entry->d_name, arg);
	}
}

struct told {
	const char *text, *only; /* @only: the name of one, or NULL */
	int pauses;
	size_t n;
};

static void tell(int fd, const char *name, void *arg)
{
	struct told *t = arg;

	if (!t->only || strcmp(t->only, name) == 0)
		t->n += write_to(fd, t->text, &t->pauses);
}

size_t notice_ptys_in(int devpts, const char *text)
{
	struct told t = { .text = text, .pauses = PAUSES };

	each_pty(devpts, tell, &t);
	return t.n;
}

bool notice_pty(int devpts, unsigned int n, const char *text)
{
	char name[16];
	struct told t = { .text = text, .only = name, .pauses = PAUSES };

	(void)snprintf(name, sizeof(name), "%u", n);
	each_pty(devpts, tell, &t);
	return t.n > 0;
}

size_t notice_ptys(const char *text)
{
	_cleanup_close_ int devpts =
		open(NOTICE_PTS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return devpts < 0 ? 0 : notice_ptys_in(devpts, text);
}

/* ---- the terminal that was lent -------------------------------------------------------- */

static int open_lent(const struct record *r)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	if (r->lent.path[0] == '\0')
		return -EBADF;
	fd = open(
		r->lent.path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
		st.st_rdev != r->lent.rdev || st.st_uid != r->uid)
		return -EBADF;
	return take_fd(&fd);
}

bool notice_lent(const struct record *r, const char *text)
{
	_cleanup_close_ int fd = open_lent(r);
	int pauses = PAUSES;

	return fd >= 0 && write_to(fd, text, &pauses);
}

/* ---- what there is --------------------------------------------------------------------- */

struct list {
	char *at, *end;
};

static void add(struct list *l, int fd, const char *where, const char *name)
{
	time_t now = time(NULL);
	struct stat st;
	int len;

	if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode))
		return;
	len = snprintf(l->at, (size_t)(l->end - l->at), "%s%s %lld %c\n", where, name,
		now > st.st_atime ? (long long)(now - st.st_atime) : 0,
		st.st_mode & S_IWGRP ? 'y' : 'n');
	if (len > 0 && len < l->end - l->at)
		l->at += len;
	*l->at = '\0';
}

static void add_pty(int fd, const char *name, void *list)
{
	add(list, fd, "pts/", name);
}

void notice_list(const struct record *r, int devpts, char *buf, size_t size)
{
	_cleanup_close_ int lent = open_lent(r);
	struct list l = { buf, buf + size };

	*buf = '\0';
	if (lent >= 0)
		add(&l, lent, "", r->lent.path + strlen("/dev/"));
	each_pty(devpts, add_pty, &l);
}
