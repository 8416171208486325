/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/limits.h"

#include <inttypes.h>
#include <string.h>

#define PERIOD_USEC UINT64_C(100000) /* of the CPU quota, the kernel's own default */
#define PAGE        UINT64_C(4096)
/* The kernel refuses more: PID_MAX_LIMIT, on 64-bit machines. */
#define TASKS_MAX UINT64_C(4194304)
#define WEIGHT    100U /* the kernel's own, where none is set */
#define SHARES    1024U

const char *const limits_keys[] = { "MemoryMax", "MemoryHigh", "TasksMax", "CPUQuota",
	"CPUWeight", NULL };

bool limits_is_set(const char *key, const struct policy *p)
{
	if (strcmp(key, "MemoryMax") == 0)
		return p->memory_max < INT64_MAX;
	if (strcmp(key, "MemoryHigh") == 0)
		return p->memory_high < INT64_MAX;
	if (strcmp(key, "TasksMax") == 0)
		return p->tasks_max != PARSE_INFINITY;
	if (strcmp(key, "CPUQuota") == 0)
		return p->cpu_quota != 0;
	return strcmp(key, "CPUWeight") == 0 && p->cpu_weight != 0;
}

static void put(struct limit_file *f, const char *key, const char *controller,
	const char *file, uint64_t value)
{
	*f = (struct limit_file){ .key = key, .controller = controller, .file = file };
	(void)snprintf(f->value, sizeof(f->value), "%" PRIu64, value);
}

/* The same with a word. */
static void put_word(struct limit_file *f, const char *key, const char *controller,
	const char *file, const char *word)
{
	put(f, key, controller, file, 0);
	(void)snprintf(f->value, sizeof(f->value), "%s", word);
}

static size_t memory(
	const char *key, bool v2, bool max, uint64_t bytes, struct limit_file *f)
{
	const char *file =
		v2 ? (max ? "memory.max" : "memory.high")
		   : (max ? "memory.limit_in_bytes" : "memory.soft_limit_in_bytes");

	/* The kernel counts pages; what it shows back is rounded down to one. */
	if (bytes >= INT64_MAX)
		put_word(f, key, "memory", file, v2 ? "max" : "-1");
	else
		put(f, key, "memory", file, bytes < PAGE ? PAGE : bytes / PAGE * PAGE);
	return 1;
}

static size_t quota(const char *key, bool v2, uint32_t percent, struct limit_file *f)
{
	uint64_t usec = percent * PERIOD_USEC / 100;

	if (v2) {
		put_word(f, key, "cpu", "cpu.max", "max 100000");
		if (percent != 0)
			(void)snprintf(f->value, sizeof(f->value), "%" PRIu64 " %" PRIu64,
				usec, PERIOD_USEC);
		return 1;
	}
	put(&f[0], key, "cpu", "cpu.cfs_period_us", PERIOD_USEC);
	put(&f[1], key, "cpu", "cpu.cfs_quota_us", usec);
	if (percent == 0)
		put_word(&f[1], key, "cpu", "cpu.cfs_quota_us", "-1");
	return 2;
}

static size_t weight(const char *key, bool v2, uint32_t value, struct limit_file *f)
{
	uint64_t shares = value * UINT64_C(1024) / 100;

	if (v2)
		put(f, key, "cpu", "cpu.weight", value ? value : WEIGHT);
	else
		put(f, key, "cpu", "cpu.shares",
			value == 0   ? SHARES
			: shares < 2 ? 2
				     : shares);
	return 1;
}

size_t limits_files(enum plan_cgroup_kind kind, const char *key, const struct policy *p,
	struct limit_file ret[LIMIT_FILES_MAX])
{
	bool v2 = kind == PLAN_CGROUP_V2;

	if (kind == PLAN_CGROUP_NONE)
		return 0;
	if (strcmp(key, "MemoryMax") == 0)
		return memory(key, v2, true, p->memory_max, ret);
	if (strcmp(key, "MemoryHigh") == 0)
		return memory(key, v2, false, p->memory_high, ret);
	if (strcmp(key, "CPUQuota") == 0)
		return quota(key, v2, p->cpu_quota, ret);
	if (strcmp(key, "CPUWeight") == 0)
		return weight(key, v2, p->cpu_weight, ret);
	if (strcmp(key, "TasksMax") != 0)
		return 0;
	if (p->tasks_max == PARSE_INFINITY)
		put_word(ret, key, "pids", "pids.max", "max");
	else
		put(ret, key, "pids", "pids.max",
			p->tasks_max > TASKS_MAX ? TASKS_MAX : p->tasks_max);
	return 1;
}
