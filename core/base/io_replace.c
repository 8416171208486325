/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/io.h"

#include "core/base/cleanup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int io_replace_text(int dir, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(
		dir, ".new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || io_write_all(fd, text, strlen(text)) < 0 || fsync(fd) < 0)
		return -1;
	return renameat(dir, ".new", dir, name);
}
