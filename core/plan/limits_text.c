/* SPDX-License-Identifier: BSD-3-Clause */
/* The limits of a plan in words, for a file that the session can read. */
#include "core/plan/limits.h"
#include "core/plan/planner.h"

#include <inttypes.h>
#include <string.h>

static const char *add_amount(struct planner *b, const char *text, const char *key,
	const struct policy_amount *a, uint64_t all)
{
	uint64_t n = a->n;

	if (a->permyriad != 0)
		n = all / 10000 * a->permyriad + all % 10000 * a->permyriad / 10000;
	return planner_text(b, "%s%s=%" PRIu64 "\n", text, key, n);
}

static const char *add_speeds(
	struct planner *b, const char *text, const char *key, const struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		text = planner_text(b, "%s%s=%s\n", text, key, l->v[i]);
	return text;
}

static const char *add_key(struct planner *b, const char *text, const char *key,
	const struct policy_limits *l)
{
	const struct plan_host *host = b->in->host;
	const struct {
		const char *key;
		const struct policy_amount *amount;
		uint64_t all;
	} amounts[] = {
		{ "MemoryMax", &l->memory_max, host->memory },
		{ "MemoryHigh", &l->memory_high, host->memory },
		{ "MemorySwapMax", &l->swap_max, host->memory },
		{ "TasksMax", &l->tasks_max, host->tasks },
	};
	const struct {
		const char *key;
		uint32_t n;
		const char *unit;
	} numbers[] = {
		{ "CPUQuota", l->cpu_quota, "%" },
		{ "CPUWeight", l->cpu_weight, "" },
		{ "IOWeight", l->io_weight, "" },
	};

	for (size_t i = 0; i < sizeof(amounts) / sizeof(*amounts); i++)
		if (strcmp(key, amounts[i].key) == 0)
			return add_amount(
				b, text, key, amounts[i].amount, amounts[i].all);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (strcmp(key, numbers[i].key) == 0)
			return planner_text(b, "%s%s=%u%s\n", text, key, numbers[i].n,
				numbers[i].unit);
	if (limits_io(key) >= 0)
		return add_speeds(b, text, key, &l->io[limits_io(key)]);
	return planner_text(b, "%s%s=%s\n", text, key, l->cpus);
}

static const char *add_limits(
	struct planner *b, const char *text, const struct policy_limits *l)
{
	for (size_t i = 0; limits_keys[i]; i++)
		if (limits_is_set(limits_keys[i], l))
			text = add_key(b, text, limits_keys[i], l);
	return text;
}

const char *plan_limits_text(struct planner *b, const struct policy_limits *own)
{
	const char *text = add_limits(b, "", own);

	if (*b->p->cgroup.slice_name)
		text = add_limits(b,
			planner_text(b, "%s[Slice %s]\n", text, b->p->cgroup.slice_name),
			&b->in->policy->slice_limits);
	return text;
}

static const char *size_text(struct planner *b, const char *key, uint64_t n)
{
	return n == PARSE_INFINITY ? planner_text(b, "%s=infinity\n", key)
				   : planner_text(b, "%s=%" PRIu64 "\n", key, n);
}

const char *plan_own_text(struct planner *b)
{
	const struct policy *p = b->in->policy;
	const char *linger = p->linger_usec == 0 ? "no" : "yes", *upper = "";

	if (p->linger_usec > 0 && p->linger_usec != PARSE_INFINITY)
		linger = planner_text(b, "%" PRIu64 "s", p->linger_usec / 1000000);
	if (p->upper == UPPER_TMPFS)
		upper = size_text(b, "UpperSize", p->upper_size);
	return planner_text(b, "[Session]\n%s%sLinger=%s\n",
		size_text(b, "TmpSize", p->tmp_size), upper, linger);
}
