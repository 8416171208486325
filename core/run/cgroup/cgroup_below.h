/* SPDX-License-Identifier: BSD-3-Clause */
/* A group with those below it: what a session's user manager has made there (v2). */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* How deep, and how many: what the kernel lets an account make. */
#define CGROUP_BELOW_DEPTH "16"
#define CGROUP_BELOW_MAX   "1024"

/**
 * cgroup_below_processes() - The processes of a group and of those below it
 * @dir:	the group's directory; stays the caller's
 * @ret:	pids, to free(); those that this pid namespace doesn't have are left out
 *
 * Return: 0, or -1 with errno, where the group's own can't be read or memory is short. A group
 * below that goes away meanwhile is no error.
 */
int cgroup_below_processes(int dir, pid_t **ret, size_t *ret_n);

/* Remove the groups below one, as far as they are empty. */
void cgroup_below_remove(int dir);
