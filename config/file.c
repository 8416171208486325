/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening what only root can write. The checks are made on the fd that is read. */
#include "config/internal.h"
#include "core/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct config_reach config_reach;

/* NULL, or why somebody else than root could change it. */
static const char *distrust(const struct stat *st)
{
	if (st->st_uid != 0 && (config_reach.open || st->st_uid != geteuid()))
		return "is owned by somebody else than root: chown root it";
	if (st->st_mode & S_IWOTH)
		return "can be written by everybody: chmod go-w it";
	if (st->st_mode & S_IWGRP)
		return "can be written by its group: chmod go-w it";
	return NULL;
}

/* Where it isn't the fault of what stands there. */
static int open_problem(
	struct config *c, const char *path, const char *what, struct err *e)
{
	int num = errno;

	if (num != ENOTDIR && num != ENXIO && num != ENAMETOOLONG && num != ELOOP)
		c->failed = num;
	return config_problem_add(
		c, path, 0, NULL, NULL, e, "can't be %s: %s", what, strerror(num));
}

int config_directory_open(struct config *c, const char *path, int *ret_fd, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	const char *wrong;
	struct stat st;

	*ret_fd = -EBADF;
	fd = config_reach.open ? config_reach.open(path, true)
			       : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return open_problem(c, path, "opened", e);
	wrong = distrust(&st);
	if (wrong)
		return config_problem_add(c, path, 0, NULL, NULL, e,
			"the directory %s; nothing in it was read", wrong);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Read at most @room bytes to the end. Return: their number, or -1 with errno. */
static ssize_t read_whole(int fd, char *buf, size_t room)
{
	size_t have = 0;

	while (have < room) {
		ssize_t n = read(fd, buf + have, room - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* NULL, or why the open file isn't read. */
static const char *refuse(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "isn't a plain file";
	if (st->st_size > (off_t)CONFIG_FILE_MAX)
		return "is larger than 1 MiB";
	return distrust(st);
}

int config_file_read(struct config *c, int dir_fd, const char *path, char **ret,
	size_t *ret_size, struct err *e)
{
	const char *slash = strrchr(path, '/'), *wrong;
	_cleanup_close_ int fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t size;

	*ret = NULL;
	fd = config_reach.open
		     ? config_reach.open(path, false)
		     : openat(dir_fd, slash ? slash + 1 : path,
			       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP)
		return config_problem_add(c, path, 0, NULL, NULL, e,
			"is a symlink: put the file itself there");
	if (fd < 0 || fstat(fd, &st) < 0)
		return open_problem(c, path, "opened", e);
	wrong = refuse(&st);
	if (wrong)
		return config_problem_add(
			c, path, 0, NULL, NULL, e, "%s; it was not read", wrong);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return config_no_memory(e);
	size = read_whole(fd, text, (size_t)st.st_size);
	if (size < 0)
		return open_problem(c, path, "read", e);
	/* Some editors begin a file with a mark that nobody sees (U+FEFF). */
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		size -= 3;
		memmove(text, text + 3, (size_t)size);
	}
	text[size] = '\0';
	*ret_size = (size_t)size;
	*ret = text;
	text = NULL;
	return 0;
}
