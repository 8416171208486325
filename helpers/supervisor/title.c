/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

static char *start;
static size_t room;

void title_begin(int argc, char **argv)
{
	start = argv[0];
	room = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - start);
}

void title_set(const char *fmt, ...)
{
	va_list ap;

	if (room == 0)
		return;
	(void)prctl(PR_SET_NAME, "nsshell", 0, 0, 0);
	memset(start, 0, room);
	va_start(ap, fmt);
	(void)vsnprintf(start, room, fmt, ap);
	va_end(ap);
}
