/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/cpulist.h"
#include "core/base/strlist.h"
#include "core/plan/limits_internal.h"

#include <inttypes.h>
#include <string.h>

#define PERIOD_USEC UINT64_C(100000) /* of the CPU quota, the kernel's own default */
/* The kernel refuses more: PID_MAX_LIMIT, on 64-bit machines. */
#define TASKS_MAX UINT64_C(4194304)
#define WEIGHT    100U /* the kernel's own, where none is set */
#define SHARES    UINT64_C(1024)

/* ---- for all of them ---------------------------------------------------------------- */

void limit_put(struct limit_file *f, const struct limit_ask *a, const char *controller,
	const char *file, uint64_t value)
{
	*f = (struct limit_file){ .key = a->key, .controller = controller, .file = file };
	(void)snprintf(f->value, sizeof(f->value), "%" PRIu64, value);
}

void limit_put_word(struct limit_file *f, const struct limit_ask *a,
	const char *controller, const char *file, const char *word)
{
	limit_put(f, a, controller, file, 0);
	(void)snprintf(f->value, sizeof(f->value), "%s", word);
}

bool limit_amount_is_set(const struct policy_amount *amount)
{
	return amount->permyriad != 0 || amount->n < INT64_MAX;
}

int limit_amount(const struct limit_ask *a, const struct policy_amount *amount,
	uint64_t all, uint64_t *ret, struct err *e)
{
	if (amount->permyriad != 0 && all == 0)
		return err_set(e, 0,
			"%s=: a percentage needs to know what the host has, and it doesn't tell; write a number",
			a->key);
	*ret = amount->n;
	if (amount->permyriad != 0)
		*ret = all / 10000 * amount->permyriad +
		       all % 10000 * amount->permyriad / 10000;
	return 0;
}

bool limit_is_lacking(const struct limit_ask *a, const char *file)
{
	return a->host->lacking && strlist_has(a->host->lacking, file);
}

/* ---- CPUs and tasks ----------------------------------------------------------------- */

static int cpu_quota(
	const struct limit_ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	uint32_t percent = a->limits->cpu_quota;
	uint64_t usec = percent * PERIOD_USEC / 100;

	(void)e;
	*n = 1;
	if (limit_is_v2(a)) {
		limit_put_word(f, a, "cpu", "cpu.max", "max 100000");
		if (percent != 0)
			(void)snprintf(f->value, sizeof(f->value), "%" PRIu64 " %" PRIu64,
				usec, PERIOD_USEC);
		return 0;
	}
	*n = 2;
	limit_put(&f[0], a, "cpu", "cpu.cfs_period_us", PERIOD_USEC);
	limit_put(&f[1], a, "cpu", "cpu.cfs_quota_us", usec);
	if (percent == 0)
		limit_put_word(&f[1], a, "cpu", "cpu.cfs_quota_us", "-1");
	return 0;
}

static int cpu_weight(
	const struct limit_ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	uint32_t value = a->limits->cpu_weight ? a->limits->cpu_weight : WEIGHT;
	uint64_t shares = value * SHARES / WEIGHT;

	(void)e;
	*n = 1;
	if (limit_is_v2(a))
		limit_put(f, a, "cpu", "cpu.weight", value);
	else
		limit_put(f, a, "cpu", "cpu.shares", shares < 2 ? 2 : shares);
	return 0;
}

/* Those of the wanted CPUs that are there: one config may serve machines of all sizes. */
static int allowed_cpus(
	const struct limit_ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	const char *want = a->limits->cpus, *have = a->host->cpus;
	struct cpulist wanted, there;

	*n = 1;
	/* "" on v2: those of the group above */
	limit_put_word(
		f, a, "cpuset", "cpuset.cpus", limit_is_v2(a) || !have ? "" : have);
	if (!want)
		return 0;
	if (cpulist_parse(want, &wanted) < 0)
		return err_set(e, 0, "%s=%.100s: no list of CPUs", a->key, want);
	if (have && cpulist_parse(have, &there) == 0)
		cpulist_and(&wanted, &there);
	if (cpulist_count(&wanted) == 0)
		return err_set(e, 0,
			"%s=%.100s: this host has none of these CPUs; it has %.100s",
			a->key, want, have);
	if (cpulist_format(&wanted, f->value, sizeof(f->value)) < 0)
		return err_set(e, 0, "%s=%.100s: too many single CPUs", a->key, want);
	return 0;
}

static int tasks_max(
	const struct limit_ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	uint64_t max = 0;

	if (limit_amount(a, &a->limits->tasks_max, a->host->tasks, &max, e) < 0)
		return -1;
	*n = 1;
	if (max == PARSE_INFINITY) {
		limit_put_word(f, a, "pids", "pids.max", "max");
		return 0;
	}
	max = max < 1 ? 1 : max;
	limit_put(f, a, "pids", "pids.max", max > TASKS_MAX ? TASKS_MAX : max);
	return 0;
}

/* ---- the keys ----------------------------------------------------------------------- */

static const struct {
	const char *key;
	const char *v1, *v2; /* controllers */
	limit_fn *fill;
} rows[] = {
	{ "MemoryMax", "memory", "memory", limit_memory_max },
	{ "MemoryHigh", "memory", "memory", limit_memory_high },
	{ "MemorySwapMax", "memory", "memory", limit_swap_max },
	{ "TasksMax", "pids", "pids", tasks_max },
	{ "CPUQuota", "cpu", "cpu", cpu_quota },
	{ "CPUWeight", "cpu", "cpu", cpu_weight },
	{ "AllowedCPUs", "cpuset", "cpuset", allowed_cpus },
	{ "IOWeight", "blkio", "io", limit_io_weight },
	{ "IOReadBandwidthMax", "blkio", "io", limit_io_max },
	{ "IOWriteBandwidthMax", "blkio", "io", limit_io_max },
	{ "IOReadIOPSMax", "blkio", "io", limit_io_max },
	{ "IOWriteIOPSMax", "blkio", "io", limit_io_max },
};

const char *const limits_keys[] = { "MemoryMax", "MemoryHigh", "MemorySwapMax",
	"TasksMax", "CPUQuota", "CPUWeight", "AllowedCPUs", "IOWeight",
	"IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax",
	NULL };

static const char *const io_keys[POLICY_IO_KINDS] = { "IOReadBandwidthMax",
	"IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax" };

int limits_io(const char *key)
{
	for (int i = 0; i < POLICY_IO_KINDS; i++)
		if (strcmp(key, io_keys[i]) == 0)
			return i;
	return -1;
}

const char *limits_io_key(size_t kind)
{
	return io_keys[kind];
}

bool limits_is_shown(const char *key)
{
	return strcmp(key, "MemoryMax") == 0 || strcmp(key, "TasksMax") == 0 ||
	       strcmp(key, "CPUQuota") == 0;
}

/* A path may be listed to be free of what a section above says. */
static bool io_is_set(const struct strlist *entries)
{
	for (size_t i = 0; i < entries->n; i++)
		if (!strstr(entries->v[i], " infinity"))
			return true;
	return false;
}

bool limits_is_set(const char *key, const struct policy_limits *l)
{
	int io = limits_io(key);
	const struct {
		const char *key;
		bool set;
	} keys[] = {
		{ "MemoryMax", limit_amount_is_set(&l->memory_max) },
		{ "MemoryHigh", limit_amount_is_set(&l->memory_high) },
		{ "MemorySwapMax", limit_amount_is_set(&l->swap_max) },
		{ "TasksMax",
			l->tasks_max.permyriad || l->tasks_max.n != PARSE_INFINITY },
		{ "CPUQuota", l->cpu_quota != 0 },
		{ "CPUWeight", l->cpu_weight != 0 },
		{ "AllowedCPUs", l->cpus != NULL },
		{ "IOWeight", l->io_weight != 0 },
	};

	if (io >= 0)
		return io_is_set(&l->io[io]);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strcmp(key, keys[i].key) == 0)
			return keys[i].set;
	return false;
}

static int lacks_controller(
	const struct plan_host *host, const char *key, const char *name, struct err *e)
{
	if (host->cgroup == PLAN_CGROUP_NONE)
		return err_set(e, 0,
			"%s=: no cgroup file system is mounted on this host; mount cgroup2 on "
			"/sys/fs/cgroup, or set no limits",
			key);
	if (host->controllers && strlist_has(host->controllers, name))
		return 0;
	if (strcmp(name, "memory") == 0)
		return err_set(e, 0,
			"%s=: this host has no memory controller; boot with "
			"cgroup_enable=memory, or unset %s=",
			key, key);
	return err_set(e, 0,
		"%s=: this host has no %s controller; enable it in the kernel and in the root's "
		"cgroup.subtree_control, or unset %s=",
		key, name, key);
}

/* Paths, of which a user may have taken one away, are in the keys of disks alone. */
static int fill(const struct limit_ask *a, const char *controller, size_t row,
	struct limit_file ret[LIMIT_FILES_MAX], size_t *ret_n, struct err *e)
{
	if (lacks_controller(a->host, a->key, controller, e) < 0)
		return err_by(e, ERR_BY_CONFIG);
	if (rows[row].fill(a, ret, ret_n, e) == 0)
		return 0;
	return limits_io(a->key) < 0 ? err_by(e, ERR_BY_CONFIG) : -1;
}

int limits_files(const struct plan_host *host, const char *key,
	const struct policy_limits *l, struct limit_file ret[LIMIT_FILES_MAX],
	size_t *ret_n, struct err *e)
{
	const struct limit_ask ask = { host, key, l };
	bool set = limits_is_set(key, l);
	struct err ignored;

	*ret_n = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *controller = limit_is_v2(&ask) ? rows[i].v2 : rows[i].v1;

		if (strcmp(rows[i].key, key) != 0)
			continue;
		if (fill(&ask, controller, i, ret, ret_n, set ? e : &ignored) < 0) {
			*ret_n = 0;
			return set ? -1 : 0;
		}
	}
	return 0;
}
