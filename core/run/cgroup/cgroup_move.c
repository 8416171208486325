/* SPDX-License-Identifier: BSD-3-Clause */
/* Moving into groups, and back. */
#include "core/run/cgroup/cgroup.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

void cgroup_fds_close(struct cgroup_fds *f)
{
	for (size_t i = 0; i < f->n; i++)
		cleanup_close(&f->move[i]);
	f->n = 0;
	cleanup_close(&f->directory);
	cleanup_close(&f->manager);
	cleanup_close(&f->pids);
}

static int move_self(const int *fds, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (write(fds[i], "0", 1) != 1)
			return err_set(e, errno, "move into the session's cgroup");
	return 0;
}

int cgroup_move_self(const struct cgroup_fds *f, struct err *e)
{
	return move_self(f->move, f->n, e);
}

int cgroup_move_born(const struct cgroup_fds *f, struct err *e)
{
	return move_self(f->move, f->n - (f->n > 0 && f->directory >= 0), e);
}

void cgroup_of(pid_t pid, char buf[CGROUP_TEXT_MAX])
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (io_read_text(AT_FDCWD, path, buf, CGROUP_TEXT_MAX) < 0)
		buf[0] = '\0';
}

static void put_back_in(const char *pid, char *line)
{
	char *controllers, *group, path[PATH_MAX];

	if (!cgroup_line(line, &controllers, &group))
		return;
	controllers[strcspn(controllers, ",")] = '\0';
	if (cgroup_path(*controllers ? controllers : "unified", group, "cgroup.procs",
		    path, sizeof(path)) == 0)
		(void)io_write_text(AT_FDCWD, path, pid);
}

void cgroup_put_back(pid_t pid, const char *groups)
{
	char text[16], copy[CGROUP_TEXT_MAX], *rest = copy, *line;

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	(void)snprintf(copy, sizeof(copy), "%s", groups);
	while ((line = strsep(&rest, "\n")))
		put_back_in(text, line);
}
