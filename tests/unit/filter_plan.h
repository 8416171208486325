/* SPDX-License-Identifier: BSD-3-Clause */
/* A plan whose policy has words of SystemCallFilter=. */
#pragma once

#include "tests/unit/plan_input.h"

static inline struct plan *plan_with(const char *words, bool nested)
{
	struct fixture f;

	fixture_init(&f);
	assert_int_equal(strlist_add_words(&f.policy.filter, words), 0);
	f.policy.allow_user_namespaces = nested;
	fixture_plan(&f);
	strlist_clear(&f.policy.filter);
	return f.plan;
}
