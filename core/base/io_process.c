/* SPDX-License-Identifier: BSD-3-Clause */
/* What /proc/PID/stat says of a process. */
#include "core/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* From its third field on; the name in the second may hold anything, blanks and ')' too. NULL with errno. */
static const char *read_stat(pid_t pid, char *text, size_t size)
{
	char path[32], *name_end;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (io_read_text(AT_FDCWD, path, text, size) < 0)
		return NULL;
	name_end = strrchr(text, ')');
	errno = EBADMSG;
	return name_end && name_end[1] == ' ' ? name_end + 2 : NULL;
}

int io_process_start(pid_t pid, uint64_t *ret)
{
	char text[1024];
	const char *at = read_stat(pid, text, sizeof(text));

	if (!at)
		return -1;
	for (int field = 3; at && field < 22; field++) {
		at = strchr(at, ' ');
		if (at)
			at++;
	}
	if (!at || sscanf(at, "%" SCNu64, ret) != 1) {
		errno = EBADMSG;
		return -1;
	}
	return 0;
}

pid_t io_process_parent(pid_t pid)
{
	char text[1024];
	const char *at = read_stat(pid, text, sizeof(text));
	int parent = 0;

	if (at)
		(void)sscanf(at, "%*c %d", &parent);
	return parent;
}
