/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * v1's cpusets. One begins empty and takes no process until it isn't; and none may have a CPU that
 * the one above lacks, so a change goes through the groups below, too. v2 has neither trap.
 */
#include "core/run/cgroup/cgroup.h"

#include "core/base/cleanup.h"
#include "core/base/cpulist.h"
#include "core/base/io.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define TEXT_MAX 4096
/* Slice, account, session; and what a user may have made below is none of these. */
#define DEPTH_MAX 4

static int read_cpus(int dir, struct cpulist *ret)
{
	char text[TEXT_MAX];

	if (io_read_text(dir, "cpuset.cpus", text, sizeof(text)) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	*ret = (struct cpulist){ 0 };
	return *text && cpulist_read(text, ret) < 0 ? -1 : 0;
}

static int write_cpus(int dir, const struct cpulist *cpus)
{
	char text[TEXT_MAX];

	if (cpulist_format(cpus, text, sizeof(text)) < 0) {
		errno = E2BIG;
		return -1;
	}
	return io_write_text(dir, "cpuset.cpus", text);
}

/* What a group below is to have: as much of it as it had, or all where it had all before. */
static void child_share(const struct cpulist *child, const struct cpulist *before,
	const struct cpulist *want, struct cpulist *ret)
{
	*ret = *child;
	cpulist_and(ret, want);
	if (memcmp(child, before, sizeof(*child)) == 0 || cpulist_count(ret) == 0)
		*ret = *want;
}

static int change(int dir, const struct cpulist *want, int depth);

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than DEPTH_MAX */
static int change_children(
	int dir, const struct cpulist *before, const struct cpulist *want, int depth)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *directory = again < 0 ? NULL : fdopendir(again);
	struct dirent *d;

	while (directory && r == 0 && depth < DEPTH_MAX && (d = readdir(directory))) {
		_cleanup_close_ int child = -EBADF;
		struct cpulist had, share;

		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		child = openat(dir, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (child < 0 || read_cpus(child, &had) < 0)
			continue; /* it has just ended */
		child_share(&had, before, want, &share);
		r = change(child, &share, depth + 1);
	}
	if (directory)
		(void)closedir(directory);
	return r;
}

/* First both, then the groups below, then only what is wanted. */
/* NOLINTNEXTLINE(misc-no-recursion): no deeper than DEPTH_MAX */
static int change(int dir, const struct cpulist *want, int depth)
{
	struct cpulist before, both;

	if (read_cpus(dir, &before) < 0)
		return -1;
	both = before;
	cpulist_or(&both, want);
	if (write_cpus(dir, &both) < 0 || change_children(dir, &before, want, depth) < 0)
		return -1;
	return write_cpus(dir, want);
}

bool cgroup_cpuset_is_v1(const struct plan_cgroup_setting *s)
{
	char path[PATH_MAX];

	return strcmp(s->name, "cpuset.cpus") == 0 &&
	       cgroup_path("cpuset", "", "tasks", path, sizeof(path)) == 0 &&
	       access(path, F_OK) == 0;
}

int cgroup_cpuset_change(const char *group, const char *value)
{
	_cleanup_close_ int dir = cgroup_directory("cpuset", group);
	struct cpulist want;

	if (cpulist_read(value, &want) < 0) {
		errno = EINVAL;
		return -1;
	}
	return dir < 0 ? -1 : change(dir, &want, 0);
}

static int inherit(const char *group, const char *file, struct err *e)
{
	char path[PATH_MAX], above[PATH_MAX], text[TEXT_MAX];

	cgroup_above(group, above);
	if (cgroup_path("cpuset", group, file, path, sizeof(path)) < 0)
		return err_set(e, 0, "find the cpuset of %s", group);
	if (io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return err_set(e, errno, "read %s", path);
	/* cgroup.clone_children of the group above has filled it. */
	if (strcmp(text, "\n") != 0)
		return 0;
	if (cgroup_read("cpuset", above, file, text, sizeof(text)) < 0 ||
		io_write_text(AT_FDCWD, path, text) < 0)
		return err_set(e, errno, "give %s what the group above it has", path);
	return 0;
}

int cgroup_cpuset_inherit(const char *group, struct err *e)
{
	return inherit(group, "cpuset.mems", e) < 0 ? -1
						    : inherit(group, "cpuset.cpus", e);
}
