/* SPDX-License-Identifier: BSD-3-Clause */
/* The system call filter of a plan is made once more, of what the config says. */
#include "core/plan/check.h"

#include <stdlib.h>
#include <string.h>

static bool is_same_rule(
	const struct plan_filter_rule *a, const struct plan_filter_rule *b)
{
	return strcmp(a->call.name, b->call.name) == 0 &&
	       a->call.error == b->call.error && a->call.test == b->call.test &&
	       a->call.arg == b->call.arg && a->call.value == b->call.value;
}

static bool is_same(const struct plan *a, const struct plan *b)
{
	const struct plan_filter *x = &a->filter, *y = &b->filter;

	if (x->n_rules != y->n_rules || a->keys_usable != b->keys_usable)
		return false;
	for (size_t i = 0; i < x->n_rules; i++)
		if (!is_same_rule(&x->rules[i], &y->rules[i]))
			return false;
	return true;
}

const char *check_filter(const struct checked *c)
{
	struct plan *again = calloc(1, sizeof(*again));
	struct planner b = { .in = c->in, .p = again };
	bool same = false;

	if (again) {
		plan_filter(&b);
		same = !b.oom && is_same(c->p, again);
		arena_clear(&again->arena);
	}
	free(again);
	return same ? NULL : "the system call filter";
}
