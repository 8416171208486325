/* SPDX-License-Identifier: BSD-3-Clause */
/* The account's and the session's control groups. v1, hybrid and v2. The account's is made by libcgroup. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CGROUP_FDS_MAX 12

/* Open files that a process writes "0" to, to move itself into the session's groups. */
struct cgroup_fds {
	int move[CGROUP_FDS_MAX]; /* v1: tasks, one a hierarchy; v2: cgroup.procs */
	size_t n;
	/* v2, also beside v1: the group's directory, for CLONE_INTO_CGROUP; else -EBADF. The last
	 * of move is the same group's. */
	int directory;
	/* cgroup.procs of the group that is the account's own, for a process to write "0" to;
	 * -EBADF where the plan has none */
	int manager;
	/* v1, for who may not pass TasksMax= by moving in: the directory of the group of pids, whose
	 * move is the first; else -EBADF */
	int pids;
};
#define CGROUP_FDS_NONE                                                                  \
	{                                                                                \
		.n = 0, .directory = -EBADF, .manager = -EBADF, .pids = -EBADF           \
	}

/**
 * cgroup_prepare() - Make the account's group with its limits, and the session's below it
 * @supervisor:	the supervisor, where systemd is to make the account's scope for it; 0: it was
 *		born there
 * @ret:	filled on success; close with cgroup_fds_close()
 *
 * Limits are written only where they differ from what is there, and read back. What was
 * made before a failure is removed by cgroup_remove().
 *
 * Return: 0 or -1 with @e.
 */
int cgroup_prepare(const struct plan_cgroup *plan, pid_t supervisor,
	struct cgroup_fds *ret, struct err *e);
void cgroup_fds_close(struct cgroup_fds *f);

/* Move the calling, single-threaded process. Return: 0 or -1 with @e. */
int cgroup_move_self(const struct cgroup_fds *f, struct err *e);

/* The same for one that was born in f->directory, where there is one. */
int cgroup_move_born(const struct cgroup_fds *f, struct err *e);

/**
 * cgroup_prepare_supervisor() - Make the group of the account's supervisors
 * @ret:	filled on success; close with cgroup_fds_close()
 *
 * Return: 0 or -1 with @e.
 */
int cgroup_prepare_supervisor(
	const struct plan_cgroup *plan, struct cgroup_fds *ret, struct err *e);

/**
 * cgroup_set() - Change values of a group that has processes
 * @group:	"nsshell/1000"
 *
 * All are read back. Return: 0; -1 with @e: e->num ENOENT where the host has no such file, EBUSY
 * where the processes use more than that (cgroup v1).
 */
int cgroup_set(
	const char *group, const struct plan_cgroup_setting *v, size_t n, struct err *e);

/**
 * cgroup_open_supervisor() - Open the group of the account's supervisors, to be born in
 * @ret:	filled on success; close with cgroup_fds_close()
 *
 * Where systemd makes the account's scope, and a session that is there keeps it alive.
 *
 * Return: 0; -1 where it isn't there.
 */
int cgroup_open_supervisor(const struct plan_cgroup *plan, struct cgroup_fds *ret);

#define CGROUP_TEXT_MAX 4096

/**
 * cgroup_of() - The groups that a process is in
 * @buf:	gets the text of /proc/PID/cgroup (cgroups(7)), "" when it can't be read
 */
void cgroup_of(pid_t pid, char buf[CGROUP_TEXT_MAX]);

/**
 * cgroup_put_back() - Move a process back to where cgroup_of() found it
 * @groups:	from cgroup_of()
 *
 * Its login was refused after all. Groups that are gone meanwhile are left out.
 */
void cgroup_put_back(pid_t pid, const char *groups);

/* Move the calling process back to the root groups: a supervisor that is about to remove
 * its own. */
void cgroup_leave(enum plan_cgroup_kind kind);

/**
 * cgroup_kill() - SIGKILL to every process of the group and of the groups below it
 * @path:	"nsshell/1000/ID"
 * @spare:	a pid that is left alone, 0 for none
 *
 * Return: how many were found, 0 when it is empty.
 */
size_t cgroup_kill(enum plan_cgroup_kind kind, const char *path, pid_t spare);

/**
 * cgroup_remove() - Remove an empty session's groups, and the account's when it was the
 * last
 * @session:	"nsshell/1000/ID"
 *
 * Never recursive over live processes.
 *
 * Return: 0; -1 with @e when something still lives in it (EBUSY).
 */
int cgroup_remove(enum plan_cgroup_kind kind, const char *session, struct err *e);

/* Take the supervisor's group and the account's away, if nobody else uses them. */
void cgroup_remove_account(enum plan_cgroup_kind kind, const char *session);

/* Whether a process is in a group. */
bool cgroup_holds(enum plan_cgroup_kind kind, const char *path, pid_t pid);

/* Number of processes in a group, or -1. */
long cgroup_count(enum plan_cgroup_kind kind, const char *path);

/* Where a controller is mounted, NULL where it isn't; looked up once. */
const char *cgroup_mount_point(const char *controller);

/* All of that as text, a line each, for a process that doesn't ask itself. Return: 0, or -1 where it isn't known. */
#define CGROUP_MOUNTS_MAX 4096
int cgroup_mounts_tell(char *buf, size_t size);
void cgroup_mounts_hear(const char *text);

/* What this host has mounted, for those who have a record but no plan. */
enum plan_cgroup_kind cgroup_kind(void);
