/* SPDX-License-Identifier: BSD-3-Clause */
/* A plan whose policy has words of SystemCallFilter= and RestrictAddressFamilies=. */
#pragma once

#include "tests/unit/plan_input.h"

static inline struct plan *plan_with_families(
	const char *words, const char *families, bool nested)
{
	struct fixture f;

	fixture_init(&f);
	assert_int_equal(strlist_add_words(&f.policy.filter, words), 0);
	assert_int_equal(strlist_add_words(&f.policy.families, families), 0);
	f.policy.allow_user_namespaces = nested;
	fixture_plan(&f);
	strlist_clear(&f.policy.filter);
	strlist_clear(&f.policy.families);
	return f.plan;
}

static inline struct plan *plan_with(const char *words, bool nested)
{
	return plan_with_families(words, "no", nested);
}
