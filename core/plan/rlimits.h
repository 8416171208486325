/* SPDX-License-Identifier: BSD-3-Clause */
/* Resource limits as numbers. Pure: core/run/ids/rlimits_set.h reads and sets them. */
#pragma once

#include <sys/resource.h>

/* What the kernel gives by itself, getrlimit(2): nothing in real time, hardly any locked memory. */
void rlimits_usual(struct rlimit ret[RLIMIT_NLIMITS]);

/* Of each limit, the lower one of the two. */
void rlimits_cap(
	struct rlimit ret[RLIMIT_NLIMITS], const struct rlimit most[RLIMIT_NLIMITS]);

/**
 * rlimits_parse() - The text of proc_pid_limits(5)
 *
 * Return: 0 or -1; @ret is all of it, or as it was.
 */
int rlimits_parse(const char *text, struct rlimit ret[RLIMIT_NLIMITS]);
