/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/usage.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/cgroup/cgroup_file.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_MAX 4096

void usage_clear(struct usage *u)
{
	uint64_t *n = (void *)u;

	for (size_t i = 0; i < sizeof(*u) / sizeof(*n); i++)
		n[i] = USAGE_UNKNOWN;
}

/* ---- one file ----------------------------------------------------------------------- */

static int read_text(int dir, const char *file, char *text)
{
	if (dir < 0 || io_read_text(dir, file, text, TEXT_MAX) < 0)
		return -1;
	return 0;
}

/* A file that is one number, or "max". */
static uint64_t read_number(int dir, const char *file)
{
	char text[TEXT_MAX];
	uint64_t n;

	if (read_text(dir, file, text) < 0)
		return USAGE_UNKNOWN;
	text[strcspn(text, "\n")] = '\0';
	if (strcmp(text, "max") == 0)
		return PARSE_INFINITY;
	return parse_u64(text, &n) == 0 ? n : USAGE_UNKNOWN;
}

/* The number behind "KEY " at the beginning of a line. */
static uint64_t read_key(int dir, const char *file, const char *key)
{
	char text[TEXT_MAX], *rest = text, *line;
	size_t len = strlen(key);
	uint64_t n;

	if (read_text(dir, file, text) < 0)
		return USAGE_UNKNOWN;
	while ((line = strsep(&rest, "\n")))
		if (strncmp(line, key, len) == 0 && line[len] == ' ' &&
			parse_u64(line + len + 1, &n) == 0)
			return n;
	return USAGE_UNKNOWN;
}

/* ---- limits ------------------------------------------------------------------------- */

static const char *const controllers[USAGE_DIRS] = {
	[USAGE_MEMORY] = "memory",
	[USAGE_CPU] = "cpu",
	[USAGE_CPUACCT] = "cpuacct",
	[USAGE_PIDS] = "pids",
	[USAGE_IO] = "blkio",
};

/* Where a limit's files are; on v2 all directories are the same. -1: there are none. */
static int dir_of(
	const struct limit *l, enum plan_cgroup_kind kind, const int dirs[USAGE_DIRS])
{
	const char *controller = l->on[kind].controller;

	if (kind == PLAN_CGROUP_V2)
		return dirs[USAGE_MEMORY];
	for (int i = 0; i < USAGE_DIRS; i++)
		if (controller && strcmp(controllers[i], controller) == 0)
			return dirs[i];
	return -1;
}

/* What the first of a limit's files says that is there; a place without a word for no limit says how
 * the one before is meant. */
static uint64_t read_limit(int dir, const struct limit_place *p)
{
	for (size_t i = 0; i < LIMIT_PLACES && p[i].none; i++) {
		char text[TEXT_MAX + 64], more[TEXT_MAX];
		uint64_t n;

		if (read_text(dir, p[i].file, text) < 0)
			continue;
		if (i + 1 < LIMIT_PLACES && p[i + 1].file && !p[i + 1].none &&
			read_text(dir, p[i + 1].file, more) == 0)
			(void)snprintf(text + strcspn(text, "\n"), 64, " %.60s", more);
		if (limit_read(&p[i], text, &n) == 0)
			return n;
	}
	return USAGE_UNKNOWN;
}

static void read_limits(
	enum plan_cgroup_kind kind, const int dirs[USAGE_DIRS], struct usage *u)
{
	uint64_t *swap = &u->limits[LIMIT_SWAP_MAX], max;

	for (size_t i = 0; i < LIMITS; i++)
		if (limits[i].kind != LIMIT_CPUS && limits[i].kind != LIMIT_SPEED)
			u->limits[i] = read_limit(dir_of(&limits[i], kind, dirs),
				limits[i].on[kind].places);
	/* v1 has what memory and swap are together. */
	max = u->limits[LIMIT_MEMORY_MAX];
	if (kind == PLAN_CGROUP_V1 && *swap < USAGE_UNKNOWN && max <= *swap)
		*swap -= max;
}

/* ---- v2 ----------------------------------------------------------------------------- */

/* "8:0 rbytes=1 wbytes=2 rios=3 ...", a line a device */
static void read_io_stat(int dir, struct usage *u)
{
	char text[TEXT_MAX], *rest = text, *word;
	uint64_t n;

	if (read_text(dir, "io.stat", text) < 0)
		return;
	u->io_read = u->io_write = 0;
	while ((word = strsep(&rest, " \n"))) {
		if (strncmp(word, "rbytes=", 7) == 0 && parse_u64(word + 7, &n) == 0)
			u->io_read += n;
		if (strncmp(word, "wbytes=", 7) == 0 && parse_u64(word + 7, &n) == 0)
			u->io_write += n;
	}
}

static void read_v2(const int dirs[USAGE_DIRS], struct usage *u)
{
	u->memory = read_number(dirs[USAGE_MEMORY], "memory.current");
	u->memory_peak = read_number(dirs[USAGE_MEMORY], "memory.peak");
	u->swap = read_number(dirs[USAGE_MEMORY], "memory.swap.current");
	u->oom_kills = read_key(dirs[USAGE_MEMORY], "memory.events", "oom_kill");
	u->cpu_usec = read_key(dirs[USAGE_CPU], "cpu.stat", "usage_usec");
	u->throttled = read_key(dirs[USAGE_CPU], "cpu.stat", "nr_throttled");
	u->tasks = read_number(dirs[USAGE_PIDS], "pids.current");
	u->refused_forks = read_key(dirs[USAGE_PIDS], "pids.events", "max");
	read_io_stat(dirs[USAGE_IO], u);
}

/* ---- v1 ----------------------------------------------------------------------------- */

/* "8:0 Read 4096", and a sum without a device at the end */
static void read_blkio(int dir, struct usage *u)
{
	char text[TEXT_MAX], *rest = text, *line;
	uint64_t n;

	if (read_text(dir, "blkio.throttle.io_service_bytes_recursive", text) < 0)
		return;
	u->io_read = u->io_write = 0;
	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "%*u:%*u Read %" SCNu64, &n) == 1)
			u->io_read += n;
		if (sscanf(line, "%*u:%*u Write %" SCNu64, &n) == 1)
			u->io_write += n;
	}
}

static void read_v1(const int dirs[USAGE_DIRS], struct usage *u)
{
	uint64_t nsec = read_number(dirs[USAGE_CPUACCT], "cpuacct.usage");

	u->memory = read_number(dirs[USAGE_MEMORY], "memory.usage_in_bytes");
	u->memory_peak = read_number(dirs[USAGE_MEMORY], "memory.max_usage_in_bytes");
	u->oom_kills = read_key(dirs[USAGE_MEMORY], "memory.oom_control", "oom_kill");
	u->cpu_usec = nsec == USAGE_UNKNOWN ? nsec : nsec / 1000;
	u->throttled = read_key(dirs[USAGE_CPU], "cpu.stat", "nr_throttled");
	u->tasks = read_number(dirs[USAGE_PIDS], "pids.current");
	u->refused_forks = read_key(dirs[USAGE_PIDS], "pids.events", "max");
	read_blkio(dirs[USAGE_IO], u);
}

/* ---- the whole ---------------------------------------------------------------------- */

void usage_read_at(
	enum plan_cgroup_kind kind, const int dirs[USAGE_DIRS], struct usage *ret)
{
	usage_clear(ret);
	if (kind == PLAN_CGROUP_V2)
		read_v2(dirs, ret);
	else if (kind == PLAN_CGROUP_V1)
		read_v1(dirs, ret);
	if (kind != PLAN_CGROUP_NONE)
		read_limits(kind, dirs, ret);
}

void usage_read(enum plan_cgroup_kind kind, const char *group, struct usage *ret)
{
	int dirs[USAGE_DIRS];

	for (int i = 0; i < USAGE_DIRS; i++)
		dirs[i] = cgroup_open(kind, controllers[i], group);
	usage_read_at(kind, dirs, ret);
	for (int i = 0; i < USAGE_DIRS; i++)
		cleanup_close(&dirs[i]);
}
