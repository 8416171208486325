/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/notice.h"

#include "core/base/cleanup.h"
#include "core/run/observe_inside.h"

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
#define PAUSE_NSEC 10000000

int notice_is_devpts(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == DEVPTS_SUPER_MAGIC;
}

/* Only one writes to a terminal at a time, the rest get EAGAIN: a shell that says "Killed", say. */
static bool write_to(int fd, const char *text, int *pauses)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_NSEC };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode))
		return false;
	while (*text) {
		ssize_t n = write(fd, text, strlen(text));

		if (n < 0 && (errno != EAGAIN || (*pauses)-- <= 0))
			return false;
		if (n < 0)
			(void)nanosleep(&pause, NULL);
		else
			text += n;
	}
	return true;
}

size_t notice_ptys_in(int devpts, const char *text)
{
	const int flags = O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
	int at = openat(devpts, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;
	size_t told = 0, seen = 0;
	int pauses = PAUSES;

	if (at >= 0 && notice_is_devpts(at))
		dir = fdopendir(at);
	if (!dir) {
		cleanup_close(&at);
		return 0;
	}
	while (seen++ < NOTICE_MAX && (entry = readdir(dir))) {
		_cleanup_close_ int fd = -EBADF;

		/* One that is shown on another terminal would tell it twice. */
		if (!isdigit((unsigned char)entry->d_name[0]) ||
			observe_inside_has(entry->d_name))
			continue;
		fd = openat(dirfd(dir), entry->d_name, flags);
		told += write_to(fd, text, &pauses);
	}
	return told;
}

size_t notice_ptys(const char *text)
{
	_cleanup_close_ int devpts =
		open(NOTICE_PTS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return devpts < 0 ? 0 : notice_ptys_in(devpts, text);
}

void notice_lent(const struct record *r, const char *text)
{
	_cleanup_close_ int fd = -EBADF;
	int pauses = PAUSES;
	struct stat st;

	if (r->lent.path[0] == '\0')
		return;
	fd = open(
		r->lent.path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_rdev == r->lent.rdev &&
		st.st_uid == r->uid)
		(void)write_to(fd, text, &pauses);
}
