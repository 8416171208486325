/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/usage.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/cgroup_file.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_MAX 4096

/* v1 says "no limit" as the largest multiple of a page. */
#define V1_NO_LIMIT (UINT64_C(1) << 62)

void usage_clear(struct usage *u)
{
	*u = (struct usage){
		.memory = USAGE_UNKNOWN,
		.memory_peak = USAGE_UNKNOWN,
		.swap = USAGE_UNKNOWN,
		.cpu_usec = USAGE_UNKNOWN,
		.throttled = USAGE_UNKNOWN,
		.tasks = USAGE_UNKNOWN,
		.io_read = USAGE_UNKNOWN,
		.io_write = USAGE_UNKNOWN,
		.oom_kills = USAGE_UNKNOWN,
		.refused_forks = USAGE_UNKNOWN,
		.memory_max = USAGE_UNKNOWN,
		.memory_high = USAGE_UNKNOWN,
		.tasks_max = USAGE_UNKNOWN,
		.cpu_quota = USAGE_UNKNOWN,
		.cpu_weight = USAGE_UNKNOWN,
		.swap_max = USAGE_UNKNOWN,
		.io_weight = USAGE_UNKNOWN,
	};
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

static uint64_t percent(uint64_t quota, uint64_t period)
{
	if (quota == USAGE_UNKNOWN || period == USAGE_UNKNOWN || period == 0)
		return USAGE_UNKNOWN;
	return quota * 100 / period;
}

/* ---- v2 ----------------------------------------------------------------------------- */

/* "max 100000" or "150000 100000" */
static uint64_t read_cpu_max(int dir)
{
	char text[TEXT_MAX];
	uint64_t quota, period;

	if (read_text(dir, "cpu.max", text) < 0)
		return USAGE_UNKNOWN;
	if (strncmp(text, "max", 3) == 0)
		return PARSE_INFINITY;
	if (sscanf(text, "%" SCNu64 " %" SCNu64, &quota, &period) != 2)
		return USAGE_UNKNOWN;
	return percent(quota, period);
}

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
	u->memory_max = read_number(dirs[USAGE_MEMORY], "memory.max");
	u->memory_high = read_number(dirs[USAGE_MEMORY], "memory.high");
	u->oom_kills = read_key(dirs[USAGE_MEMORY], "memory.events", "oom_kill");
	u->cpu_usec = read_key(dirs[USAGE_CPU], "cpu.stat", "usage_usec");
	u->throttled = read_key(dirs[USAGE_CPU], "cpu.stat", "nr_throttled");
	u->cpu_quota = read_cpu_max(dirs[USAGE_CPU]);
	u->cpu_weight = read_number(dirs[USAGE_CPU], "cpu.weight");
	u->swap_max = read_number(dirs[USAGE_MEMORY], "memory.swap.max");
	u->io_weight = read_key(dirs[USAGE_IO], "io.weight", "default");
	if (u->io_weight == USAGE_UNKNOWN)
		u->io_weight = read_key(dirs[USAGE_IO], "io.bfq.weight", "default");
	u->tasks = read_number(dirs[USAGE_PIDS], "pids.current");
	u->tasks_max = read_number(dirs[USAGE_PIDS], "pids.max");
	u->refused_forks = read_key(dirs[USAGE_PIDS], "pids.events", "max");
	read_io_stat(dirs[USAGE_IO], u);
}

/* ---- v1 ----------------------------------------------------------------------------- */

static uint64_t v1_limit(uint64_t n)
{
	return n != USAGE_UNKNOWN && n >= V1_NO_LIMIT ? PARSE_INFINITY : n;
}

/* What is left of memory and swap together when memory is taken off. */
static uint64_t v1_swap_max(int dir, uint64_t memory_max)
{
	uint64_t both = v1_limit(read_number(dir, "memory.memsw.limit_in_bytes"));

	if (both >= USAGE_UNKNOWN || memory_max >= USAGE_UNKNOWN || both < memory_max)
		return both;
	return both - memory_max;
}

/* -1 is no quota. */
static uint64_t v1_quota(int dir)
{
	char text[TEXT_MAX];

	if (read_text(dir, "cpu.cfs_quota_us", text) < 0)
		return USAGE_UNKNOWN;
	if (text[0] == '-')
		return PARSE_INFINITY;
	return percent(read_number(dir, "cpu.cfs_quota_us"),
		read_number(dir, "cpu.cfs_period_us"));
}

static uint64_t v1_weight(int dir)
{
	uint64_t shares = read_number(dir, "cpu.shares");

	return shares == USAGE_UNKNOWN ? shares : (shares * 100 + 512) / 1024;
}

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
	u->memory_max =
		v1_limit(read_number(dirs[USAGE_MEMORY], "memory.limit_in_bytes"));
	u->memory_high =
		v1_limit(read_number(dirs[USAGE_MEMORY], "memory.soft_limit_in_bytes"));
	u->oom_kills = read_key(dirs[USAGE_MEMORY], "memory.oom_control", "oom_kill");
	u->cpu_usec = nsec == USAGE_UNKNOWN ? nsec : nsec / 1000;
	u->throttled = read_key(dirs[USAGE_CPU], "cpu.stat", "nr_throttled");
	u->cpu_quota = v1_quota(dirs[USAGE_CPU]);
	u->cpu_weight = v1_weight(dirs[USAGE_CPU]);
	u->swap_max = v1_swap_max(dirs[USAGE_MEMORY], u->memory_max);
	u->io_weight = read_number(dirs[USAGE_IO], "blkio.bfq.weight");
	u->tasks = read_number(dirs[USAGE_PIDS], "pids.current");
	u->tasks_max = read_number(dirs[USAGE_PIDS], "pids.max");
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
}

void usage_read(enum plan_cgroup_kind kind, const char *group, struct usage *ret)
{
	static const char *const controllers[USAGE_DIRS] = {
		[USAGE_MEMORY] = "memory",
		[USAGE_CPU] = "cpu",
		[USAGE_CPUACCT] = "cpuacct",
		[USAGE_PIDS] = "pids",
		[USAGE_IO] = "blkio",
	};
	int dirs[USAGE_DIRS];

	for (int i = 0; i < USAGE_DIRS; i++)
		dirs[i] = cgroup_open(kind, controllers[i], group);
	usage_read_at(kind, dirs, ret);
	for (int i = 0; i < USAGE_DIRS; i++)
		cleanup_close(&dirs[i]);
}

static bool is_known(uint64_t n)
{
	return n < USAGE_UNKNOWN;
}

static void add_known(uint64_t *sum, uint64_t n)
{
	if (is_known(n))
		*sum = is_known(*sum) ? *sum + n : n;
}

void usage_add_hits(struct usage *sum, const struct usage *session)
{
	add_known(&sum->oom_kills, session->oom_kills);
	add_known(&sum->refused_forks, session->refused_forks);
	add_known(&sum->throttled, session->throttled);
}

static void take_larger(uint64_t *n, uint64_t other)
{
	if (is_known(other) && (!is_known(*n) || other > *n))
		*n = other;
}

void usage_hits(struct usage *account, const struct usage *sessions)
{
	take_larger(&account->oom_kills, sessions->oom_kills);
	take_larger(&account->refused_forks, sessions->refused_forks);
	take_larger(&account->throttled, sessions->throttled);
}

/* ---- pressure ----------------------------------------------------------------------- */

static bool pressure_line(const char *line, const char *what, uint32_t *p10,
	uint32_t *p60, uint32_t *p300, uint64_t *total)
{
	unsigned int a, a2, b, b2, c, c2;
	size_t len = strlen(what);

	if (strncmp(line, what, len) != 0 ||
		sscanf(line + len,
			" avg10=%u.%2u avg60=%u.%2u avg300=%u.%2u total=%" SCNu64, &a,
			&a2, &b, &b2, &c, &c2, total) != 7)
		return false;
	*p10 = a * 100 + a2;
	*p60 = b * 100 + b2;
	*p300 = c * 100 + c2;
	return true;
}

int usage_pressure_parse(const char *text, struct usage_pressure *ret)
{
	struct usage_pressure p = { 0 };
	const char *full = strstr(text, "full ");

	p.some_there = pressure_line(
		text, "some", &p.some10, &p.some60, &p.some300, &p.some_total);
	p.full_there = full && pressure_line(full, "full", &p.full10, &p.full60,
				       &p.full300, &p.full_total);
	if (!p.some_there && !p.full_there)
		return -1;
	*ret = p;
	return 0;
}

int usage_pressure_read(enum plan_cgroup_kind kind, const char *group, const char *what,
	struct usage_pressure *ret)
{
	_cleanup_close_ int dir = -EBADF;
	char file[32], text[512];

	if (kind != PLAN_CGROUP_V2)
		return -1;
	dir = cgroup_open(kind, what, group);
	(void)snprintf(file, sizeof(file), "%s.pressure", what);
	if (dir < 0 || io_read_text(dir, file, text, sizeof(text)) < 0)
		return -1;
	return usage_pressure_parse(text, ret);
}
