/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The limits of a plan: each goes to a file that a key of the config is written to, and each that the config has is
 * there and no higher. Which disks the host has is the planner's to say.
 */
#include "core/plan/check.h"

#include "core/base/cpulist.h"
#include "core/plan/limits.h"

#include <string.h>

/* ---- where they go -------------------------------------------------------------------- */

static const struct limit_place *place_of(
	enum plan_cgroup_kind kind, const struct plan_cgroup_setting *s)
{
	const struct limit *l = limit_find(s->key, strlen(s->key));

	if (!l || !l->on[kind].controller || strchr(s->value, '\n') ||
		strcmp(s->controller, l->on[kind].controller) != 0)
		return NULL;
	for (size_t i = 0; i < LIMIT_PLACES; i++) {
		const char *file = l->on[kind].places[i].file;

		if (file && strcmp(s->name, file) == 0)
			return &l->on[kind].places[i];
	}
	return NULL;
}

static bool are_limits(
	enum plan_cgroup_kind kind, const struct plan_cgroup_setting *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!place_of(kind, &v[i]))
			return false;
	return true;
}

/* And OOMPolicy=, which is no limit. */
static bool are_sessions(const struct plan_cgroup *g)
{
	for (size_t i = 0; i < g->n_session_settings; i++) {
		const struct plan_cgroup_setting *s = &g->session_settings[i];

		if (!place_of(g->kind, s) &&
			(strcmp(s->controller, "memory") != 0 ||
				strcmp(s->name, "memory.oom.group") != 0))
			return false;
	}
	return true;
}

/* ---- how high they are ---------------------------------------------------------------- */

static uint64_t at_least_a_page(uint64_t bytes)
{
	return bytes < 4096 ? 4096 : bytes;
}

/* The most that a file of an amount may say, but for PARSE_INFINITY. v1 has memory and swap in one. */
static uint64_t most(const struct plan_host *host, enum plan_cgroup_kind kind,
	const struct limit *l, const struct policy_limits *of)
{
	const struct policy_amount *amount = (const void *)((const char *)of + l->offset);
	uint64_t n = limit_amount(amount, limit_all(l, host)), sum;

	if (l->kind != LIMIT_SWAP || kind != PLAN_CGROUP_V1)
		return limit_is_bytes(l) ? at_least_a_page(n) : n;
	return __builtin_add_overflow(n,
		       at_least_a_page(limit_amount(&of->memory_max, host->memory)), &sum)
		       ? PARSE_INFINITY - 1
		       : sum;
}

/* No faster than the fastest that the config has for any disk. */
static bool is_slow(
	const struct limit_place *p, const struct strlist *entries, const char *value)
{
	const char *said = limit_speed(p, value);
	uint64_t n, may;

	for (size_t i = 0; said && i < entries->n; i++) {
		const char *at = strrchr(entries->v[i], ' ');

		if (!at || parse_count(at + 1, &may) < 0)
			continue;
		if (may == PARSE_INFINITY ||
			(parse_u64(said, &n) == 0 && n > 0 && n <= may))
			return true;
	}
	return false;
}

static bool are_cpus(const char *said, const char *value)
{
	struct cpulist may, are;
	size_t n;

	if (cpulist_read(said, &may) < 0 || cpulist_read(value, &are) < 0)
		return false;
	n = cpulist_count(&are);
	cpulist_and(&are, &may);
	return cpulist_count(&are) == n;
}

static bool is_held(const struct plan_host *host, enum plan_cgroup_kind kind,
	const struct limit *l, const struct policy_limits *of,
	const struct limit_place *p, const char *value)
{
	const void *member = (const char *)of + l->offset;
	uint64_t n = 0;
	uint32_t small;

	switch (l->kind) {
	case LIMIT_WEIGHT:
		return parse_u32(value, &small) == 0 &&
		       small <= limit_scaled(p, *(const uint32_t *)member);
	case LIMIT_CPUS:
		return are_cpus(*(char *const *)member, value);
	case LIMIT_SPEED:
		return is_slow(p, member, value);
	case LIMIT_QUOTA:
		/* v1's period, by which the quota counts */
		if (!p->none)
			return strcmp(value, "100000") == 0;
		return limit_read(p, value, &n) == 0 && n <= *(const uint32_t *)member;
	default:
		return limit_read(p, value, &n) == 0 && n <= most(host, kind, l, of);
	}
}

/* Whether that key is limited, and no setting of it is higher. */
static bool has(const struct plan_host *host, enum plan_cgroup_kind kind,
	const struct limit *l, const struct policy_limits *of,
	const struct plan_cgroup_setting *v, size_t n)
{
	bool found = false;

	for (size_t i = 0; i < n; i++) {
		const struct limit_place *p = place_of(kind, &v[i]);

		if (strcmp(v[i].key, l->key) != 0)
			continue;
		if (!p || !is_held(host, kind, l, of, p, v[i].value))
			return false;
		found = found || p->none;
	}
	/* What nobody has asked for a host needn't have. */
	return found || (l->kind == LIMIT_TASKS && of->tasks_max.preset);
}

static bool has_all(const struct plan_host *host, const struct plan_cgroup *g,
	const struct policy_limits *of, const struct plan_cgroup_setting *v, size_t n)
{
	for (const struct limit *l = limits; l < limits + LIMITS; l++)
		if (limit_is_set(l, of) && !has(host, g->kind, l, of, v, n))
			return false;
	return true;
}

const char *check_limits(const struct checked *c)
{
	const struct plan_cgroup *g = &c->p->cgroup;
	const struct plan_host *host = c->in->host;
	const struct policy *said = c->in->policy;

	if (!are_limits(g->kind, g->settings, g->n_settings) ||
		!are_limits(g->kind, g->slice_settings, g->n_slice_settings) ||
		!are_limits(g->kind, g->lifted, g->n_lifted) ||
		!are_limits(g->kind, g->slice_lifted, g->n_slice_lifted) ||
		!are_sessions(g))
		return "the limits";
	if (!has_all(host, g, &said->limits, g->settings, g->n_settings) ||
		(*g->slice && !has_all(host, g, &said->slice_limits, g->slice_settings,
				      g->n_slice_settings)))
		return "how high the limits are";
	return NULL;
}
