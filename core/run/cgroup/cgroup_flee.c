/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/cgroup_flee.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/* Files by which a group is frozen, or gets processes that will be. */
static const char *const ways[] = { ".", "cgroup.freeze", "freezer.state", "cgroup.procs",
	"cgroup.threads", "tasks" };

static bool is_others(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	return st.st_uid != 0 || (st.st_mode & S_IWOTH) ||
	       ((st.st_mode & S_IWGRP) && st.st_gid != 0);
}

static bool is_delegated(const char *path)
{
	_cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; dir >= 0 && i < sizeof(ways) / sizeof(*ways); i++)
		if (is_others(dir, ways[i]))
			return true;
	return false;
}

/* Of a group and those above it, but the root. */
static bool is_any_delegated(const char *mount, const char *group)
{
	char path[PATH_MAX];
	size_t top = strlen(mount);

	if ((size_t)snprintf(path, sizeof(path), "%s%s", mount, group) >= sizeof(path))
		return true;
	for (;;) {
		char *slash = strrchr(path + top, '/');

		if (!slash || slash[1] == '\0')
			return false;
		if (is_delegated(path))
			return true;
		*slash = '\0';
		if (slash == path + top)
			return false;
	}
}

static void flee_from(const char *controller, const char *group)
{
	const char *mount = cgroup_mount_point(controller);
	char path[PATH_MAX];

	if (!mount || !is_any_delegated(mount, group))
		return;
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", mount);
	(void)io_write_text(AT_FDCWD, path, "0");
}

void cgroup_flee(void)
{
	char text[8192], *rest = text, *line;

	if (io_read_text(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) < 0)
		return;
	while ((line = strsep(&rest, "\n"))) {
		char *controllers, *group;
		bool freezer;

		if (!cgroup_line(line, &controllers, &group))
			continue;
		freezer = strstr(controllers, "freezer") != NULL;
		if (freezer || *controllers == '\0')
			flee_from(freezer ? "freezer" : "unified", group);
	}
}
