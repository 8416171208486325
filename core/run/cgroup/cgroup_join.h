/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cgroups of a running session, for who steps into it. Read from what the kernel says of
 * its init.
 */
#pragma once

#include "core/base/err.h"
#include "core/run/cgroup/cgroup.h"

#include <stdbool.h>
#include <stddef.h>

/* One line of /proc/PID/cgroup that is of the session. */
struct cgroup_place {
	char controller[32]; /* the first one of the hierarchy; "" for v2 */
	char path[256];      /* "/nsshell/1000/ID" */
};

/**
 * cgroup_places() - The hierarchies in which a process is in that group
 * @text:	of /proc/PID/cgroup; changed
 * @group:	"nsshell/1000/ID"; a group of that name below another one counts too
 *
 * Return: how many.
 */
size_t cgroup_places(
	char *text, const char *group, struct cgroup_place ret[CGROUP_FDS_MAX]);

/**
 * cgroup_join_open() - Open the groups of a session for moving into
 * @proc:	fd of /proc/PID of its init
 * @group:	as in its record, "" for none
 * @ret:	filled on success; close with cgroup_fds_close(). ret->directory is for
 *		CLONE_INTO_CGROUP, and only there when that is all it takes
 * @bounded:	refuse one that has as many processes as it may have: moving in isn't bounded by
 *		pids.max, as being born there is
 *
 * Return: 0 or -1 with @e, "it ...", also when the init isn't in that group, or it is paused.
 */
int cgroup_join_open(
	int proc, const char *group, bool bounded, struct cgroup_fds *ret, struct err *e);

/* Move the calling, single-threaded process. Return: 0 or -1 with @e. */
int cgroup_join_self(const struct cgroup_fds *f, struct err *e);
