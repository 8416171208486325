/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/worker/children.h"

#include "core/base/cleanup.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "12 345 ", as far as there is room: the rest is for the next round. */
static int read_children(char *ret, size_t size)
{
	_cleanup_close_ int fd = -EBADF;
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, ret, size - 1);
	/* A pid that is cut would be somebody else's. */
	while (n > 0 && ret[n - 1] != ' ')
		n--;
	ret[n > 0 ? n : 0] = '\0';
	return n > 0 ? 0 : -1;
}

bool children_kill(void)
{
	char text[4096], *at = text;
	bool any = false;

	if (read_children(text, sizeof(text)) < 0)
		return false;
	for (char *word; (word = strsep(&at, " "));) {
		long pid = strtol(word, NULL, 10);

		if (pid > 1) {
			(void)kill((pid_t)pid, SIGKILL);
			any = true;
		}
	}
	return any;
}
