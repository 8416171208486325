/* SPDX-License-Identifier: BSD-3-Clause */
/* What nsctl check reads of subuid(5): ranges that overlap. */
#include "core/base/cleanup.h"
#include "core/plan/subids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* "alice 1, bob 2": whose range begins in whose, and in which line. */
static void overlaps(const char *file, char *buf, size_t size)
{
	_cleanup_free_ struct subids_range *v = NULL;
	_cleanup_free_ char *text = strdup(file);
	struct subids_walk w = { 0 };
	ssize_t n;

	assert_non_null(text);
	n = subids_parse(text, &v);
	assert_true(n >= 0);
	*buf = '\0';
	while (subids_overlap(v, (size_t)n, &w)) {
		size_t len = strlen(buf);

		(void)snprintf(buf + len, size - len, "%s%s in %s, line %zu",
			len ? "; " : "", w.second->name, w.first->name, w.second->line);
	}
}

static void expect(const char *file, const char *want)
{
	char said[256];

	overlaps(file, said, sizeof(said));
	assert_string_equal(said, want);
}

static void ranges_side_by_side_are_nobody_s_trouble(void **state)
{
	(void)state;
	expect("", "");
	expect("alice:100000:65536\nbob:165536:65536\n", "");
	expect("bob:165536:65536\nalice:100000:65536", "");
}

static void a_range_that_begins_in_another_s_is_told(void **state)
{
	(void)state;
	expect("alice:100000:65536\nbob:165535:65536\n", "bob in alice, line 2");
	expect("bob:165535:1\n\nalice:100000:65536\n", "bob in alice, line 1");
	expect("alice:5:10\nbob:5:10\n", "bob in alice, line 2");
}

static void one_account_may_overlap_itself(void **state)
{
	(void)state;
	expect("alice:100000:65536\nalice:100010:65536\n", "");
	expect("alice:0:10\nalice:5:100\nbob:50:2\n", "bob in alice, line 3");
}

static void a_wide_range_hides_none_behind_a_narrow_one(void **state)
{
	(void)state;
	expect("alice:0:1000\nbob:10:10\ncarol:500:10\n",
		"bob in alice, line 2; carol in alice, line 3");
}

static void what_is_no_range_is_left_out(void **state)
{
	(void)state;
	expect("alice:0:1000\n#bob:1:10\nbob:1\nbob:x:1\nbob:1:-1\nbob:1:0\nbob\n"
	       "bob:4294967296:5\nbob:1:2:3\n",
		"");
}

static void a_range_without_end_ends_with_the_ids(void **state)
{
	_cleanup_free_ struct subids_range *v = NULL;
	char text[] = "alice:4294967290:18446744073709551614";

	(void)state;
	assert_int_equal(subids_parse(text, &v), 1);
	assert_int_equal(v->count, 6);
	expect("alice:4294967290:18446744073709551614\nbob:4294967295:1\n",
		"bob in alice, line 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_side_by_side_are_nobody_s_trouble),
		cmocka_unit_test(a_range_that_begins_in_another_s_is_told),
		cmocka_unit_test(one_account_may_overlap_itself),
		cmocka_unit_test(a_wide_range_hides_none_behind_a_narrow_one),
		cmocka_unit_test(what_is_no_range_is_left_out),
		cmocka_unit_test(a_range_without_end_ends_with_the_ids),
	};

	return cmocka_run_group_tests_name("subids", tests, NULL, NULL);
}
