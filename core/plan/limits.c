/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/limits.h"

#include "core/base/cpulist.h"
#include "core/base/parse.h"
#include "core/base/strlist.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define PERIOD_USEC UINT64_C(100000) /* of the CPU quota, the kernel's own default */
/* The kernel refuses more: PID_MAX_LIMIT, on 64-bit machines. */
#define TASKS_MAX UINT64_C(4194304)
#define WEIGHT    100U /* the kernel's own, where none is set */
#define PAGE      UINT64_C(4096)

/* A key, of which limits, on which host. */
struct ask {
	const struct plan_host *host;
	const struct limit *limit;
	const struct policy_limits *of;
	const void *member; /* the key's, of @of */
	const char *controller;
	const struct limit_place *places;
};

/* Fills the values for a key. Return: 0 or -1 with @e. */
typedef int fill_fn(const struct ask *a, struct limit_file *f, size_t *n, struct err *e);

static bool is_v2(const struct ask *a)
{
	return a->host->cgroup == PLAN_CGROUP_V2;
}

__attribute__((format(printf, 4, 5))) static void put(struct limit_file *f,
	const struct ask *a, const struct limit_place *p, const char *fmt, ...)
{
	va_list ap;

	*f = (struct limit_file){
		.key = a->limit->key, .controller = a->controller, .file = p->file
	};
	va_start(ap, fmt);
	(void)vsnprintf(f->value, sizeof(f->value), fmt, ap);
	va_end(ap);
}

/* Whether groups of this host are known not to have that file. */
static bool is_lacking(const struct ask *a, const char *file)
{
	return a->host->lacking && strlist_has(a->host->lacking, file);
}

/* How much a limit that is an amount is here. Return: 0 or -1 with @e. */
static int resolve(
	const struct ask *a, const struct limit *l, uint64_t *ret, struct err *e)
{
	const void *member = (const char *)a->of + l->offset;
	const struct policy_amount *amount = member;
	uint64_t all = limit_all(l, a->host);

	if (amount->permyriad != 0 && all == 0)
		return err_set(e, 0,
			"%s=: a percentage needs to know what the host has, and it doesn't tell; write a number",
			a->limit->key);
	*ret = limit_amount(amount, all);
	return 0;
}

/* ---- memory ------------------------------------------------------------------------- */

/* The kernel counts pages; what it shows back is rounded down to one. */
static void put_bytes(struct limit_file *f, const struct ask *a, uint64_t bytes)
{
	if (bytes >= INT64_MAX)
		put(f, a, a->places, "%s", a->places->none);
	else
		put(f, a, a->places, "%" PRIu64, bytes / PAGE * PAGE);
}

static uint64_t at_least_a_page(uint64_t bytes)
{
	return bytes < PAGE ? PAGE : bytes;
}

static int memory(const struct ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	uint64_t bytes = 0;

	if (resolve(a, a->limit, &bytes, e) < 0)
		return -1;
	*n = 1;
	put_bytes(f, a, at_least_a_page(bytes));
	return 0;
}

/* v1 has no limit of swap, but one of memory and swap together. */
static int add_memory(const struct ask *a, uint64_t *swap, struct err *e)
{
	uint64_t max = 0;

	if (resolve(a, &limits[LIMIT_MEMORY_MAX], &max, e) < 0)
		return -1;
	if (max >= INT64_MAX)
		return err_set(e, 0,
			"%s=: cgroup v1 limits memory and swap together only; set MemoryMax=, too",
			a->limit->key);
	if (__builtin_add_overflow(
		    at_least_a_page(max) / PAGE * PAGE, *swap / PAGE * PAGE, swap))
		*swap = PARSE_INFINITY;
	return 0;
}

static int swap_max(const struct ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	uint64_t bytes = 0;

	if (resolve(a, a->limit, &bytes, e) < 0)
		return -1;
	if (is_lacking(a, a->places->file))
		return err_set(e, 0,
			"%s=: this host's kernel has no %s; boot with swapaccount=1, or unset %s=",
			a->limit->key, a->places->file, a->limit->key);
	if (!is_v2(a) && bytes < INT64_MAX && add_memory(a, &bytes, e) < 0)
		return -1;
	*n = 1;
	put_bytes(f, a, bytes);
	return 0;
}

/* ---- CPUs and tasks ----------------------------------------------------------------- */

static int quota(const struct ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	uint32_t percent = *(const uint32_t *)a->member;
	const struct limit_place *of = a->places;
	uint64_t usec = percent * PERIOD_USEC / 100;

	(void)e;
	*n = 0;
	/* The period first. */
	if (!is_v2(a))
		put(&f[(*n)++], a, &of[1], "%" PRIu64, PERIOD_USEC);
	if (percent == 0)
		put(&f[*n], a, of, "%s", of->none);
	else if (is_v2(a))
		put(&f[*n], a, of, "%" PRIu64 " %" PRIu64, usec, PERIOD_USEC);
	else
		put(&f[*n], a, of, "%" PRIu64, usec);
	(*n)++;
	return 0;
}

/* Those of the wanted CPUs that are there: one config may serve machines of all sizes. */
static int cpus(const struct ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	const char *want = *(char *const *)a->member, *have = a->host->cpus;
	const char *key = a->limit->key;
	struct cpulist wanted, there;

	*n = 1;
	/* "" on v2: those of the group above */
	put(f, a, a->places, "%s", is_v2(a) || !have ? a->places->none : have);
	if (!want)
		return 0;
	if (cpulist_read(want, &wanted) < 0)
		return err_set(e, 0, "%s=%.100s: no list of CPUs", key, want);
	if (have && cpulist_read(have, &there) == 0)
		cpulist_and(&wanted, &there);
	if (cpulist_count(&wanted) == 0)
		return err_set(e, 0,
			"%s=%.100s: this host has none of these CPUs; it has %.100s", key,
			want, have);
	if (cpulist_format(&wanted, f->value, sizeof(f->value)) < 0)
		return err_set(e, 0, "%s=%.100s: too many single CPUs", key, want);
	return 0;
}

static int tasks_max(const struct ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	uint64_t max = 0;

	if (resolve(a, a->limit, &max, e) < 0)
		return -1;
	*n = 1;
	if (max == PARSE_INFINITY)
		put(f, a, a->places, "%s", a->places->none);
	else
		put(f, a, a->places, "%" PRIu64,
			max < 1           ? 1
			: max > TASKS_MAX ? TASKS_MAX
					  : max);
	return 0;
}

/* ---- weights ------------------------------------------------------------------------ */

/* On v2 two schedulers of disks may share one kernel, each with its own file: both get it. */
static int weight(const struct ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	uint32_t set = *(const uint32_t *)a->member;

	*n = 0;
	for (size_t i = 0; i < LIMIT_PLACES && a->places[i].file; i++)
		if (!is_lacking(a, a->places[i].file) && (is_v2(a) || *n == 0))
			put(&f[(*n)++], a, &a->places[i], "%u",
				limit_scaled(&a->places[i], set ? set : WEIGHT));
	if (*n > 0)
		return 0;
	return err_set(e, 0,
		"%s=: this host's kernel shares no disk by weight; load bfq and select it as the disk's scheduler, or unset %s=",
		a->limit->key, a->limit->key);
}

/* ---- speed -------------------------------------------------------------------------- */

static const struct plan_block *find_block(
	const struct plan_host *host, const char *path, size_t len)
{
	for (size_t i = 0; i < host->n_blocks; i++)
		if (strlen(host->blocks[i].path) == len &&
			strncmp(host->blocks[i].path, path, len) == 0)
			return &host->blocks[i];
	return NULL;
}

/* "PATH NUMBER" or "PATH infinity" */
static int read_entry(const struct ask *a, const char *entry, const char **device,
	uint64_t *ret, struct err *e)
{
	size_t len = strcspn(entry, " ");
	const struct plan_block *block = find_block(a->host, entry, len);
	const char *number = entry[len] ? entry + len + 1 : "", *key = a->limit->key;

	if (!block || !block->device)
		return err_set(e, 0,
			"%s=%.*s: %s; name a device or a path on one, or unset %s=", key,
			(int)(len > 100 ? 100 : len), entry,
			block && block->why ? block->why : "wasn't looked at", key);
	*device = block->device;
	if (parse_count(number, ret) < 0)
		return err_set(e, 0, "%s=%.100s: no number", key, entry);
	return 0;
}

static int speeds(const struct ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	const struct strlist *entries = a->member;
	const char *devices[LIMIT_FILES_MAX];
	uint64_t of[LIMIT_FILES_MAX];

	*n = 0;
	for (size_t i = 0; i < entries->n && *n < LIMIT_FILES_MAX; i++) {
		const char *device = "";
		uint64_t speed = 0;
		size_t k = 0;

		if (read_entry(a, entries->v[i], &device, &speed, e) < 0)
			return -1;
		while (k < *n && strcmp(devices[k], device) != 0)
			k++;
		/* Two paths on one disk: the lower one holds for both. */
		if (k == *n)
			of[(*n)++] = PARSE_INFINITY;
		devices[k] = device;
		if (speed < of[k])
			of[k] = speed;
	}
	for (size_t i = 0; i < *n; i++) {
		put(&f[i], a, a->places, "%s", "");
		limit_put_speed(
			a->places, devices[i], of[i], f[i].value, sizeof(f[i].value));
	}
	return 0;
}

/* ---- the keys ----------------------------------------------------------------------- */

static int lacks_controller(const struct ask *a, struct err *e)
{
	const char *key = a->limit->key, *name = a->controller;

	if (a->host->cgroup == PLAN_CGROUP_NONE)
		return err_set(e, 0,
			"%s=: no controller of cgroups is to be had: mount cgroup2 on /sys/fs/cgroup, or, "
			"where this is a container, have its host delegate them; or set no limits",
			key);
	if (!name)
		return err_set(e, 0,
			"%s=: cgroup v1 has no such limit; mount cgroup2 alone, or unset %s=",
			key, key);
	if (a->host->controllers && strlist_has(a->host->controllers, name))
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
static int fill(const struct ask *a, struct limit_file *f, size_t *n, struct err *e)
{
	static fill_fn *const fns[] = {
		[LIMIT_MEMORY] = memory,
		[LIMIT_SWAP] = swap_max,
		[LIMIT_TASKS] = tasks_max,
		[LIMIT_QUOTA] = quota,
		[LIMIT_WEIGHT] = weight,
		[LIMIT_CPUS] = cpus,
		[LIMIT_SPEED] = speeds,
	};

	if (lacks_controller(a, e) < 0)
		return err_by(e, ERR_BY_CONFIG);
	if (fns[a->limit->kind](a, f, n, e) == 0)
		return 0;
	return a->limit->kind == LIMIT_SPEED ? -1 : err_by(e, ERR_BY_CONFIG);
}

int limit_files(const struct plan_host *host, const struct limit *l,
	const struct policy_limits *of, struct limit_file ret[LIMIT_FILES_MAX],
	size_t *ret_n, struct err *e)
{
	const struct ask ask = { host, l, of, (const char *)of + l->offset,
		l->on[host->cgroup].controller, l->on[host->cgroup].places };
	bool set = limit_is_set(l, of);
	struct err ignored;

	*ret_n = 0;
	if (fill(&ask, ret, ret_n, set ? e : &ignored) == 0)
		return 0;
	*ret_n = 0;
	return set ? -1 : 0;
}
