/* SPDX-License-Identifier: BSD-3-Clause */
/* The limits of a plan in words, for a file that the session can read. */
#include "core/plan/limits.h"
#include "core/plan/planner.h"

#include <inttypes.h>

static const char *add_limits(
	struct planner *b, const char *text, const struct policy_limits *of)
{
	char buf[32];

	for (const struct limit *l = limits; l < limits + LIMITS; l++) {
		const char *value;

		for (size_t i = 0; limit_is_set(l, of) &&
				   (value = limit_text(l, of, b->in->host, i, buf));
			i++)
			text = planner_text(b, "%s%s=%s\n", text, l->key, value);
	}
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
	if (p->upper == UPPER_TMPFS || (p->upper == UPPER_DISK && p->upper_sized))
		upper = size_text(b, "UpperSize", p->upper_size);
	return planner_text(b, "[Session]\n%s%sLinger=%s\n",
		size_text(b, "TmpSize", p->tmp_size), upper, linger);
}
