/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/session_processes.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/cgroup_below.h"
#include "core/run/cgroup/cgroup_file.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

/* A controller that every session's group has on v1. */
#define V1_CONTROLLERS                                                                   \
	{                                                                                \
		"pids", "memory", "cpu", "cpuacct", "freezer"                            \
	}

static int open_group(enum plan_cgroup_kind kind, const char *group)
{
	static const char *const controllers[] = V1_CONTROLLERS;

	for (size_t i = 0; i < sizeof(controllers) / sizeof(*controllers); i++) {
		int fd = cgroup_open(kind, controllers[i], group);

		if (fd >= 0 || errno != ENOENT)
			return fd;
	}
	return -1;
}

int members_list(enum plan_cgroup_kind kind, const char *group, pid_t **ret,
	size_t *ret_n, struct err *e)
{
	_cleanup_close_ int dir = open_group(kind, group);

	if (dir < 0)
		return err_set(e, errno, "find the cgroup \"%s\"", group);
	return cgroup_below_processes(dir, ret, ret_n) < 0
		       ? err_set(e, errno, "read the processes of %s", group)
		       : 0;
}

/* Whether a path ends with the group, or goes on below it. */
static bool leads_to(const char *path, const char *group)
{
	size_t len = strlen(group);

	for (const char *at = path; (at = strstr(at, group)); at++)
		if (at > path && at[-1] == '/' && (at[len] == '\0' || at[len] == '/'))
			return true;
	return false;
}

/* Whether a process is in the group, as /proc/PID/cgroup has it: "4:memory:/nsshell/..." */
static bool is_in_group(pid_t pid, const char *group)
{
	char path[32], text[4096], *rest = text, *line;

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	while ((line = strsep(&rest, "\n")))
		if (leads_to(line, group))
			return true;
	return false;
}

/* Inode number of a process' pid namespace; 0 when it is gone. */
static uint64_t pid_namespace(const char *who)
{
	char path[48];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%s/ns/pid", who);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

static bool is_inside(pid_t pid)
{
	uint64_t its, ours = pid_namespace("self");
	char who[16];

	(void)snprintf(who, sizeof(who), "%d", (int)pid);
	its = pid_namespace(who);
	return its != 0 && ours != 0 && its != ours;
}

static bool same_program(pid_t a, pid_t b)
{
	char path[32];
	struct stat x, y;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)a);
	if (stat(path, &x) < 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)b);
	return stat(path, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* sshd's own process in the box, the child of the one that logged in: it carries the
 * connection, and no user has started it. */
static bool is_login_program(pid_t pid)
{
	pid_t parent = io_process_parent(pid);

	return parent > 0 && !is_inside(parent) && same_program(pid, parent);
}

static bool signal_one(const struct record *r, pid_t pid, int sig)
{
	_cleanup_close_ int held = sys_pidfd_open(pid);

	return held >= 0 && is_in_group(pid, r->cgroup) && is_inside(pid) &&
	       !is_login_program(pid) && sys_pidfd_signal(held, sig) == 0;
}

static int kill_init(const struct record *r, size_t *ret_n, struct err *e)
{
	_cleanup_free_ pid_t *pids = NULL;
	_cleanup_close_ int init = io_process_hold(r->init.pid, r->init.start);

	*ret_n = 0;
	/* Only told: the kernel does the counting and the killing. */
	if (init < 0 || members_list(cgroup_kind(), r->cgroup, &pids, ret_n, e) < 0)
		return init < 0 ? err_set(e, errno, "hold the session's init") : -1;
	return sys_pidfd_signal(init, SIGKILL) < 0
		       ? err_set(e, errno, "kill the session's init")
		       : 0;
}

int members_signal(const struct record *r, int sig, size_t *ret_n, struct err *e)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = 0, hit = 0;

	if (sig == SIGKILL)
		return kill_init(r, ret_n, e);
	if (members_list(cgroup_kind(), r->cgroup, &pids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		hit += pids[i] != r->init.pid && signal_one(r, pids[i], sig);
	*ret_n = hit;
	return 0;
}
