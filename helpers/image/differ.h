/* SPDX-License-Identifier: BSD-3-Clause */
/* What an upper of overlayfs changes of what it lies over. */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"

#include <stdint.h>

struct difference {
	char kind;     /* 'A' added, 'C' changed, 'D' deleted */
	uint64_t size; /* bytes of a regular file; of one that was deleted, as it was */
	const char *path; /* below the upper: "etc/motd" */
};

/**
 * differ_run() - Tell each difference
 * @upper:	directory fd
 * @lower:	detached mount
 * @tell:	Return: 0 to go on, -1 with @e
 * @notes:	gets what was passed over
 *
 * In the order of names, a directory before what is in it. A directory that the upper has is changed: overlayfs makes
 * it there for that. What comes and goes meanwhile is told as it was met. Return: 0 or -1 with @e.
 */
int differ_run(int upper, int lower,
	int (*tell)(void *arg, const struct difference *d, struct err *e), void *arg,
	struct strlist *notes, struct err *e);
