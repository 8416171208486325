/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/children.h"

#include "core/base/io.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool children_kill(void)
{
	char path[64], text[4096], *at = text;
	bool any = false;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	if (io_read_text(AT_FDCWD, path, text, sizeof(text)) <= 0)
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
