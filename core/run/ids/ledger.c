/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/ids/ledger.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_MS 5000

int ledger_open(const char *path, bool write, int *ret_fd, struct err *e)
{
	_cleanup_close_ int dir = -EBADF;

	if (write) {
		dir = io_open_state(PATH_STATE, 0700, e);
		if (dir < 0)
			return -1;
	}
	*ret_fd = open(path,
		(write ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*ret_fd >= 0)
		return 0;
	if (!write && (errno == ENOENT || errno == EACCES))
		return 1;
	return err_set(e, errno, "open %s", path);
}

static int lock(int fd, const char *path, int how, struct err *e)
{
	int r = lock_file(fd, how, LOCK_MS);

	if (r > 0)
		return err_set(e, ETIMEDOUT,
			"lock %s: another login has held it for %d s (lslocks(8) says which)",
			path, LOCK_MS / 1000);
	return r < 0 ? err_set(e, errno, "lock %s", path) : 0;
}

int ledger_read(int fd, const char *path, int how, char **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t size;
	ssize_t len;

	if (lock(fd, path, how, e) < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "read %s", path);
	/* As long as it is: one of many accounts mustn't keep out those that are in it. */
	size = (size_t)st.st_size + 2;
	text = malloc(size);
	if (!text)
		return err_set(e, ENOMEM, "read %s", path);
	len = io_read_text(AT_FDCWD, path, text, size);
	if (len < 0)
		return err_set(e, errno, "read %s", path);
	/* What is behind one would count as not given out yet. */
	if (strlen(text) != (size_t)len)
		return err_set(e, 0,
			"read %s: there are 0 bytes in it, as a crash of the host may leave them: "
			"bring back a copy of it; without one take them out",
			path);
	*ret = text;
	text = NULL;
	return 0;
}

int ledger_append(int fd, const char *path, const char *line, struct err *e)
{
	off_t end = lseek(fd, 0, SEEK_END);

	if (io_write_all(fd, line, strlen(line)) == 0 && fsync(fd) == 0)
		return 0;
	(void)err_set(e, errno, "add a line to %s", path);
	/* Half a line would make the whole file unreadable. */
	return ftruncate(fd, end) < 0 ? err_wrap(e, "and couldn't be undone") : -1;
}
