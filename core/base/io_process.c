/* SPDX-License-Identifier: BSD-3-Clause */
/* What /proc/PID/stat says of a process. */
#include "core/base/io.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int read_stat(pid_t pid, char *text, size_t size)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	return io_read_text(AT_FDCWD, path, text, size) < 0 ? -1 : 0;
}

int io_stat_start(const char *stat, uint64_t *ret)
{
	/* The name in field 2 may hold anything, blanks and ')' too. */
	const char *at = strrchr(stat, ')');

	for (int field = 2; at && field < 22; field++) {
		at = strchr(at, ' ');
		if (at)
			at++;
	}
	if (at && sscanf(at, "%" SCNu64, ret) == 1)
		return 0;
	errno = EBADMSG;
	return -1;
}

int io_process_start(pid_t pid, uint64_t *ret)
{
	char text[1024];

	return read_stat(pid, text, sizeof(text)) < 0 ? -1 : io_stat_start(text, ret);
}

int io_process_hold(pid_t pid, uint64_t start)
{
	_cleanup_close_ int fd = -EBADF;
	uint64_t now;
	int r;

	errno = ESRCH;
	fd = pid > 0 ? sys_pidfd_open(pid) : -1;
	if (fd < 0)
		return -1;
	r = io_process_start(pid, &now);
	/* It is there still, and so was when its pid was opened. */
	if (r == 0 && now == start)
		return take_fd(&fd);
	if (r == 0 || errno == ENOENT)
		errno = ESRCH;
	return -1;
}

pid_t io_process_parent(pid_t pid)
{
	char text[1024];
	const char *at =
		read_stat(pid, text, sizeof(text)) < 0 ? NULL : strrchr(text, ')');
	int parent = 0;

	if (at)
		(void)sscanf(at, ") %*c %d", &parent);
	return parent;
}
