/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/cgroup_join.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* ---- what the kernel says ---------------------------------------------------------------- */

static bool ends_with_group(const char *path, const char *group)
{
	size_t len = strlen(path), tail = strlen(group);

	return len > tail && path[len - tail - 1] == '/' &&
	       strcmp(path + len - tail, group) == 0;
}

static bool take_line(char *line, const char *group, struct cgroup_place *ret)
{
	char *controllers, *path;

	if (!cgroup_line(line, &controllers, &path))
		return false;
	controllers[strcspn(controllers, ",")] = '\0';
	if (strlen(controllers) >= sizeof(ret->controller) ||
		strlen(path) >= sizeof(ret->path) || !ends_with_group(path, group))
		return false;
	memcpy(ret->controller, controllers, strlen(controllers) + 1);
	memcpy(ret->path, path, strlen(path) + 1);
	return true;
}

size_t cgroup_places(
	char *text, const char *group, struct cgroup_place ret[CGROUP_FDS_MAX])
{
	char *line;
	size_t n = 0;

	while (n < CGROUP_FDS_MAX && (line = strsep(&text, "\n")))
		n += take_line(line, group, &ret[n]);
	return n;
}

/* ---- opening ----------------------------------------------------------------------------- */

static int not_opened(const struct cgroup_place *place, int num, struct err *e)
{
	return err_set(e, num, "open the cgroup %s%s%s", place->controller,
		*place->controller ? ":" : "", place->path);
}

/* A process that is moved into a frozen group is frozen, too. */
static bool is_paused(int dir)
{
	char text[256];

	if (io_read_text(dir, "freezer.state", text, sizeof(text)) >= 0)
		return strcmp(text, "THAWED\n") != 0;
	if (io_read_text(dir, "cgroup.freeze", text, sizeof(text)) >= 0 && text[0] == '1')
		return true;
	return io_read_text(dir, "cgroup.events", text, sizeof(text)) >= 0 &&
	       strstr(text, "frozen 1");
}

/* Of one group, whether it has as many as it may, and @more: "max" is no number. */
static bool has_no_room(int dir, uint64_t more)
{
	char most[32], now[32];
	uint64_t limit, count;

	if (io_read_text(dir, "pids.max", most, sizeof(most)) < 0 ||
		io_read_text(dir, "pids.current", now, sizeof(now)) < 0)
		return false;
	most[strcspn(most, "\n")] = '\0';
	now[strcspn(now, "\n")] = '\0';
	return parse_u64(most, &limit) == 0 && parse_u64(now, &count) == 0 &&
	       count >= limit + more;
}

/* Of it and those above, up to the one without a limit, the host's. */
static bool is_full(int dir, uint64_t more)
{
	_cleanup_close_ int at = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (at >= 0 && faccessat(at, "pids.max", F_OK, 0) == 0) {
		int above = -EBADF;

		if (has_no_room(at, more))
			return true;
		above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		cleanup_close(&at);
		at = above;
	}
	return false;
}

static int check_place(int dir, bool bounded, struct err *e)
{
	if (is_paused(dir))
		return err_set(e, 0, "it is paused: `nsctl resume` lets it go on");
	if (bounded && is_full(dir, 0))
		return err_set(e, 0, "it has as many processes as it may have");
	return 0;
}

static int open_place(const struct cgroup_place *place, bool bounded, int *move,
	int *directory, int *pids, struct err *e)
{
	bool v2 = place->controller[0] == '\0';
	const char *mount = cgroup_mount_point(v2 ? "unified" : place->controller);
	_cleanup_close_ int at = -EBADF;
	char path[PATH_MAX];

	if (!mount)
		return not_opened(place, ENOENT, e);
	(void)snprintf(path, sizeof(path), "%s%s", mount, place->path);
	at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return not_opened(place, errno, e);
	if (check_place(at, bounded, e) < 0)
		return -1;
	*move = openat(at, v2 ? "cgroup.procs" : "tasks", O_WRONLY | O_CLOEXEC);
	if (*move < 0)
		return not_opened(place, errno, e);
	if (v2)
		*directory = take_fd(&at);
	else if (bounded && faccessat(at, "pids.max", F_OK, 0) == 0)
		*pids = take_fd(&at);
	return 0;
}

static int open_places(const struct cgroup_place *places, size_t n, bool bounded,
	struct cgroup_fds *f, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		bool had = f->pids >= 0;

		f->move[f->n] = -EBADF;
		if (open_place(&places[i], bounded, &f->move[f->n], &f->directory,
			    &f->pids, e) < 0)
			return -1;
		if (!had && f->pids >= 0) {
			int first = f->move[0];

			f->move[0] = f->move[f->n];
			f->move[f->n] = first;
		}
		f->n++;
	}
	/* Being born in the v2 group isn't all when there are v1 groups too. */
	if (n > 1)
		cleanup_close(&f->directory);
	return 0;
}

int cgroup_join_open(
	int proc, const char *group, bool bounded, struct cgroup_fds *ret, struct err *e)
{
	struct cgroup_fds f = CGROUP_FDS_NONE;
	struct cgroup_place places[CGROUP_FDS_MAX];
	char text[8192];
	size_t n;

	if (*group != '\0') {
		if (io_read_text(proc, "cgroup", text, sizeof(text)) < 0)
			return err_set(e, errno, "read its cgroup");
		n = cgroup_places(text, group, places);
		if (n == 0)
			return err_set(e, 0, "it isn't in its cgroup %s: refused", group);
		if (open_places(places, n, bounded, &f, e) < 0) {
			cgroup_fds_close(&f);
			return -1;
		}
	}
	*ret = f;
	return 0;
}

/*
 * cgroup v1 lets everybody move into a full group. Whoever is in is counted: of those who come at
 * once each looks after its move, and so nobody goes on beyond the limit. That comes before the
 * other groups: in the freezer's its user could let it stand.
 */
int cgroup_join_self(const struct cgroup_fds *f, struct err *e)
{
	for (size_t i = 0; i < f->n; i++) {
		if (write(f->move[i], "0", 1) != 1)
			return err_set(e, errno, "move into the session's cgroup");
		if (i == 0 && f->pids >= 0 && is_full(f->pids, 1))
			return err_set(e, 0, "it has as many processes as it may have");
	}
	return 0;
}
