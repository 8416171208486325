/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/cgroup_below.h"

#include "core/base/cleanup.h"
#include "core/base/parse.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#define DEPTH_MAX 20 /* CGROUP_BELOW_DEPTH, and what there is above */

struct pids {
	pid_t *v;
	size_t n, room;
};

/* Called with the directory of a group, and with the one that it is in. */
typedef int visit_fn(int above, const char *name, int dir, struct pids *pids);

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than DEPTH_MAX */
static int visit_below(int dir, int depth, visit_fn *visit, struct pids *pids)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *directory = again < 0 ? NULL : fdopendir(again);
	struct dirent *d;

	while (directory && depth < DEPTH_MAX && (d = readdir(directory))) {
		_cleanup_close_ int child = -EBADF;

		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		child = openat(dir, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (child < 0)
			continue; /* it is gone meanwhile */
		if (visit_below(child, depth + 1, visit, pids) < 0 ||
			visit(dir, d->d_name, child, pids) < 0)
			return -1;
	}
	return 0;
}

static int add(struct pids *pids, pid_t pid)
{
	if (pids->n == pids->room) {
		pid_t *more = reallocarray(pids->v, pids->room + 64, sizeof(*more));

		if (!more)
			return -1;
		pids->v = more;
		pids->room += 64;
	}
	pids->v[pids->n++] = pid;
	return 0;
}

static int read_processes(int dir, struct pids *pids)
{
	int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	_cleanup_file_ FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!in)
		return -1;
	while (getline(&line, &size, in) > 0) {
		uint32_t pid;

		line[strcspn(line, "\n")] = '\0';
		/* 0: in a pid namespace that can't be seen from here */
		if (parse_u32(line, &pid) == 0 && pid != 0 && add(pids, (pid_t)pid) < 0)
			return -1;
	}
	return 0;
}

/* In a threaded group's place the domain's own, above it, has its processes (cgroups(7)). */
static int take_processes(int above, const char *name, int dir, struct pids *pids)
{
	(void)above;
	(void)name;
	return read_processes(dir, pids) < 0 && errno == ENOMEM ? -1 : 0;
}

int cgroup_below_processes(int dir, pid_t **ret, size_t *ret_n)
{
	struct pids pids = { NULL, 0, 0 };

	if (read_processes(dir, &pids) < 0 ||
		visit_below(dir, 0, take_processes, &pids) < 0) {
		free(pids.v);
		return -1;
	}
	*ret = pids.v;
	*ret_n = pids.n;
	return 0;
}

static int remove_one(int above, const char *name, int dir, struct pids *pids)
{
	(void)dir;
	(void)pids;
	(void)unlinkat(above, name, AT_REMOVEDIR);
	return 0;
}

void cgroup_below_remove(int dir)
{
	(void)visit_below(dir, 0, remove_one, NULL);
}
