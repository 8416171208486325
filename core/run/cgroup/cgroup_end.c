/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking into groups, and ending them. */
#include "core/run/cgroup/cgroup.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/plan/property.h"
#include "core/run/cgroup/cgroup_below.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>

#define TRIES 3

void cgroup_leave(enum plan_cgroup_kind kind)
{
	const char *file = kind == PLAN_CGROUP_V2 ? "cgroup.procs" : "tasks";
	char path[PATH_MAX];

	if (kind == PLAN_CGROUP_NONE)
		return;
	/* A group that isn't left can't be taken away either. */
	for (size_t i = 0; i < CGROUP_N_KERNEL; i++)
		if (cgroup_path(cgroup_controllers[i], "", file, path, sizeof(path)) == 0)
			for (int tries = 0; tries < TRIES; tries++)
				if (io_write_text(AT_FDCWD, path, "0") == 0)
					break;
}

/* Processes of a group, and of those below it, in one hierarchy. Return: how many; *ret is to
 * free(). */
static int processes(const char *controller, const char *group, pid_t **ret)
{
	_cleanup_close_ int dir = cgroup_directory(controller, group);
	size_t n = 0;

	*ret = NULL;
	if (dir < 0 || cgroup_below_processes(dir, ret, &n) < 0)
		return 0;
	return (int)n;
}

static bool is_among(pid_t pid, const pid_t *pids, int n)
{
	for (int i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* A pid is held by a pidfd and then looked for again: it can't have been reused in
 * between. */
static void kill_member(const char *controller, const char *group, pid_t pid)
{
	_cleanup_close_ int pidfd = sys_pidfd_open(pid);
	_cleanup_free_ pid_t *again = NULL;
	int n;

	if (pidfd < 0)
		return;
	n = processes(controller, group, &again);
	if (is_among(pid, again, n))
		(void)sys_pidfd_signal(pidfd, SIGKILL);
}

size_t cgroup_kill(enum plan_cgroup_kind kind, const char *path, pid_t spare)
{
	size_t found = 0;

	if (kind == PLAN_CGROUP_NONE || *path == '\0')
		return 0;
	for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++) {
		_cleanup_free_ pid_t *pids = NULL;
		int n = processes(cgroup_controllers[i], path, &pids);

		for (int k = 0; k < n; k++) {
			found++;
			if (pids[k] != spare)
				kill_member(cgroup_controllers[i], path, pids[k]);
		}
	}
	return found;
}

bool cgroup_holds(enum plan_cgroup_kind kind, const char *path, pid_t pid)
{
	bool held = false;

	if (kind == PLAN_CGROUP_NONE || *path == '\0')
		return false;
	for (size_t i = 0; !held && i < CGROUP_N_CONTROLLERS; i++) {
		_cleanup_free_ pid_t *pids = NULL;
		int n = processes(cgroup_controllers[i], path, &pids);

		held = is_among(pid, pids, n);
	}
	return held;
}

long cgroup_count(enum plan_cgroup_kind kind, const char *path)
{

	if (kind == PLAN_CGROUP_NONE || *path == '\0')
		return -1;
	for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++) {
		_cleanup_free_ pid_t *pids = NULL;
		int n = processes(cgroup_controllers[i], path, &pids);

		if (pids)
			return n;
	}
	return -1;
}

/* Live processes aren't moved up, where they would be free of their limits. */
static int remove_group(const char *group, struct err *e)
{
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++)
		if (cgroup_path(cgroup_controllers[i], group, "", path, sizeof(path)) ==
				0 &&
			rmdir(path) < 0 && errno != ENOENT)
			r = err_set(e, errno, "remove the cgroup %s", path);
	return r;
}

/* What a session's user manager has left. Never above a session: others begin there meanwhile. */
static void remove_below(const char *session)
{
	for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++) {
		_cleanup_close_ int dir =
			cgroup_directory(cgroup_controllers[i], session);

		if (dir >= 0)
			cgroup_below_remove(dir);
	}
}

int cgroup_remove(enum plan_cgroup_kind kind, const char *session, struct err *e)
{
	if (kind == PLAN_CGROUP_NONE || *session == '\0')
		return 0;
	remove_below(session);
	return remove_group(session, e);
}

/* Above a group: false where there is nothing. */
static bool cut_last(char *path)
{
	char *end = strrchr(path, '/');

	if (end)
		*end = '\0';
	return end != NULL;
}

bool cgroup_is_unit(const char *group)
{
	static const char top[] = "nsshell.slice";

	return strncmp(group, top, strlen(top)) == 0 &&
	       (group[strlen(top)] == '/' || group[strlen(top)] == '\0');
}

/*
 * systemd takes a scope away when its last process is gone, the groups below with it. Where it
 * doesn't know of hierarchies, nsshell made the same path itself.
 */
static void remove_unmanaged(char *account)
{
	const struct plan_cgroup c = { .kind = cgroup_kind(), .systemd = true };
	char path[PATH_MAX];

	do
		for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++)
			if (!property_is_managed(&c, cgroup_controllers[i]) &&
				cgroup_path(cgroup_controllers[i], account, "", path,
					sizeof(path)) == 0)
				(void)rmdir(path);
	while (cut_last(account));
}

void cgroup_remove_account(enum plan_cgroup_kind kind, const char *session)
{
	char account[PATH_MAX], supervise[PATH_MAX + 16];
	struct err ignored;

	if (kind == PLAN_CGROUP_NONE || *session == '\0')
		return;
	(void)snprintf(account, sizeof(account), "%s", session);
	if (!cut_last(account))
		return;
	if (cgroup_is_unit(account)) {
		remove_unmanaged(account);
		return;
	}
	(void)snprintf(supervise, sizeof(supervise), "%s/supervise", account);
	for (int tries = 0; tries < TRIES; tries++)
		if (remove_group(supervise, &ignored) == 0 &&
			remove_group(account, &ignored) == 0)
			break;
	/* The slice goes with its last account, and "nsshell" itself with the last of all. */
	while (cut_last(account))
		(void)remove_group(account, &ignored);
}
