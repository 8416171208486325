/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/limit_events.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>

enum {
	FILE_MEMORY,
	FILE_TASKS,         /* before Linux 6.11 the forking process' group counts */
	FILE_ACCOUNT_TASKS, /* since then the group at its limit */
};

/* v1 tells of a kill that is about to come; and nothing of forks (seen with Linux 6.18), so that
 * who wants to know them has to look. */
#define LOOKS    10
#define LOOK_MS  100
#define FORKS_MS 10000

/* ---- the groups' directories --------------------------------------------------------------- */

/* The directory that an open file lies in. */
static int directory_of(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t len;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len <= 0)
		return -EBADF;
	path[len] = '\0';
	*strrchr(path, '/') = '\0';
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* v1: a file that only one controller has. */
static void sort_in(struct hits *h, int dir)
{
	static const char *const marks[USAGE_DIRS] = {
		[USAGE_MEMORY] = "memory.oom_control",
		[USAGE_CPU] = "cpu.shares",
		[USAGE_CPUACCT] = "cpuacct.usage",
		[USAGE_PIDS] = "pids.max",
		[USAGE_IO] = "blkio.throttle.io_service_bytes_recursive",
	};

	for (int i = 0; i < USAGE_DIRS; i++)
		if (h->dirs[i] < 0 && faccessat(dir, marks[i], F_OK, 0) == 0)
			h->dirs[i] = fcntl(dir, F_DUPFD_CLOEXEC, 0);
}

static void find_dirs(struct hits *h, const struct cgroup_fds *groups)
{
	if (h->kind == PLAN_CGROUP_V2) {
		for (int i = 0; i < USAGE_DIRS; i++)
			h->dirs[i] = fcntl(groups->directory, F_DUPFD_CLOEXEC, 0);
		return;
	}
	for (size_t i = 0; i < groups->n; i++) {
		_cleanup_close_ int dir = directory_of(groups->move[i]);

		if (dir >= 0)
			sort_in(h, dir);
	}
}

/* ---- watching --------------------------------------------------------------------------- */

/* A file that raises POLLPRI, which counts from the last read on. */
static int open_events(int dir, const char *file)
{
	return dir < 0 ? -EBADF : openat(dir, file, O_RDONLY | O_CLOEXEC);
}

static int open_oom_control(int dir)
{
	_cleanup_close_ int control = open_events(dir, "memory.oom_control");
	_cleanup_close_ int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	char line[32];

	(void)snprintf(line, sizeof(line), "%d %d", event, control);
	if (control < 0 || event < 0 ||
		io_write_text(dir, "cgroup.event_control", line) < 0)
		return -EBADF;
	return take_fd(&event);
}

void hits_open(
	enum plan_cgroup_kind kind, const struct cgroup_fds *groups, struct hits *h)
{
	uint64_t kills, refused;

	*h = (struct hits)HITS_NONE;
	h->kind = kind;
	if (kind == PLAN_CGROUP_NONE)
		return;
	find_dirs(h, groups);
	h->files[FILE_MEMORY] =
		kind == PLAN_CGROUP_V2
			? open_events(h->dirs[USAGE_MEMORY], "memory.events")
			: open_oom_control(h->dirs[USAGE_MEMORY]);
	h->files[FILE_TASKS] = open_events(h->dirs[USAGE_PIDS], "pids.events");
	h->files[FILE_ACCOUNT_TASKS] = open_events(h->dirs[USAGE_PIDS], "../pids.events");
	(void)hits_look(h, &kills, &refused);
}

void hits_close(struct hits *h)
{
	for (int i = 0; i < USAGE_DIRS; i++)
		cleanup_close(&h->dirs[i]);
	for (int i = 0; i < HITS_POLL_MAX; i++)
		cleanup_close(&h->files[i]);
	h->kind = PLAN_CGROUP_NONE;
}

void hits_wants(const struct hits *h, struct pollfd p[HITS_POLL_MAX])
{
	for (int i = 0; i < HITS_POLL_MAX; i++)
		p[i] = (struct pollfd){ .fd = h->files[i],
			.events = i == FILE_MEMORY && h->kind == PLAN_CGROUP_V1
					  ? POLLIN
					  : POLLPRI };
}

int hits_timeout(const struct hits *h)
{
	if (h->looks > 0)
		return LOOK_MS;
	return h->kind == PLAN_CGROUP_V1 && h->files[FILE_TASKS] >= 0 ? FORKS_MS : -1;
}

/* ---- looking ---------------------------------------------------------------------------- */

/* The number behind a key, from a file that is read from its beginning again. */
static uint64_t count_in(int fd, const char *key)
{
	char text[512], *rest = text, *line;
	size_t len = strlen(key);
	uint64_t n = 0;
	ssize_t got = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (got <= 0)
		return 0;
	text[got] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			(void)parse_u64(line + len + 1, &n);
	return n;
}

static uint64_t count_kills(struct hits *h)
{
	_cleanup_close_ int control = -EBADF;
	uint64_t told;

	if (h->kind == PLAN_CGROUP_V2)
		return count_in(h->files[FILE_MEMORY], "oom_kill");
	if (h->files[FILE_MEMORY] >= 0 &&
		read(h->files[FILE_MEMORY], &told, sizeof(told)) == (ssize_t)sizeof(told))
		h->looks = LOOKS;
	else if (h->looks > 0)
		h->looks--;
	control = open_events(h->dirs[USAGE_MEMORY], "memory.oom_control");
	return count_in(control, "oom_kill");
}

bool hits_look(struct hits *h, uint64_t *kills, uint64_t *refused)
{
	uint64_t k = count_kills(h), own = count_in(h->files[FILE_TASKS], "max"),
		 accounts = count_in(h->files[FILE_ACCOUNT_TASKS], "max"),
		 r = own > accounts ? own : accounts;

	*kills = k > h->kills ? k - h->kills : 0;
	*refused = r > h->refused ? r - h->refused : 0;
	h->kills = k;
	h->refused = r;
	return *kills > 0 || *refused > 0;
}

void hits_usage(const struct hits *h, struct usage *session)
{
	usage_read_at(h->kind, h->dirs, session);
}

uint64_t hits_limit(const struct hits *h, enum limit_id id)
{
	int dirs[USAGE_DIRS];
	struct usage account;

	for (int i = 0; i < USAGE_DIRS; i++)
		dirs[i] = h->dirs[i] < 0 ? -EBADF
					 : openat(h->dirs[i], "..",
						   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	usage_read_at(h->kind, dirs, &account);
	for (int i = 0; i < USAGE_DIRS; i++)
		cleanup_close(&dirs[i]);
	return account.limits[id];
}
