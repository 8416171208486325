/* SPDX-License-Identifier: BSD-3-Clause */
/* The file of subordinate ranges that nsshell gives out itself. */
#include "core/plan/ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static int find(const char *lines, uid_t uid, struct id_range *ret, uint32_t *next)
{
	char *text = strdup(lines);
	struct err e = { 0 };
	int r;

	assert_non_null(text);
	r = ranges_find(text, uid, "alice", ret, next, &e);
	if (r < 0)
		assert_non_null(strstr(e.msg, "line 2"));
	free(text);
	return r;
}

static void an_empty_file_begins_at_the_first_id(void **state)
{
	struct id_range r;
	uint32_t next = 0;

	(void)state;
	assert_int_equal(find("", 1000, &r, &next), 0);
	assert_int_equal(next, RANGES_FIRST);
}

static void an_account_has_the_range_of_its_line(void **state)
{
	struct id_range r = { 0 };
	uint32_t next;

	(void)state;
	assert_int_equal(find("# ours\n1000 1879048192 65536\n1001 1879113728 65536\n",
				 1001, &r, &next),
		1);
	assert_int_equal(r.start, 1879113728U);
	assert_int_equal(r.count, 65536);
}

static void a_new_one_comes_behind_the_last_whatever_the_order(void **state)
{
	struct id_range r;
	uint32_t next;

	(void)state;
	assert_int_equal(
		find("1001 1879113728 65536\n1000 1879048192 65536", 7, &r, &next), 0);
	assert_int_equal(next, 1879113728U + 65536);
}

static void the_next_account_with_a_uid_gets_another(void **state)
{
	struct id_range r = { 0 };
	uint32_t next;

	(void)state;
	assert_int_equal(find("1000 1879048192 65536 bob\n", 1000, &r, &next), 0);
	assert_int_equal(next, 1879113728U);
	assert_int_equal(find("1000 1879048192 65536 bob\n1000 1879113728 65536 alice\n",
				 1000, &r, &next),
		1);
	assert_int_equal(r.start, 1879113728U);
}

static void what_is_not_of_the_form_is_refused_by_its_line(void **state)
{
	static const char *const bad[] = { "1000 1879048192", "1000 1879048192 65536 ",
		"1000  1879048192 65536", "-1 1879048192 65536", "1000 1879048192 0",
		"1000 5 65536", "1000 2147352575 2", "1000 1879048192 4294967295",
		"1000 1879048192 99999999999", "alice 1879048192 65536" };
	struct id_range r;
	uint32_t next;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char text[128];

		(void)snprintf(text, sizeof(text), "#\n%s\n", bad[i]);
		assert_int_equal(find(text, 1000, &r, &next), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_begins_at_the_first_id),
		cmocka_unit_test(an_account_has_the_range_of_its_line),
		cmocka_unit_test(a_new_one_comes_behind_the_last_whatever_the_order),
		cmocka_unit_test(the_next_account_with_a_uid_gets_another),
		cmocka_unit_test(what_is_not_of_the_form_is_refused_by_its_line),
	};

	return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
