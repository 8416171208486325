/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers for people. */
#include "core/base/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void bytes(uint64_t n, const char *want)
{
	char buf[32];

	format_bytes(n, buf, sizeof(buf));
	assert_string_equal(buf, want);
}

static void usec(uint64_t n, const char *want)
{
	char buf[32];

	format_usec(n, buf, sizeof(buf));
	assert_string_equal(buf, want);
}

static void sizes_have_the_unit_that_fits(void **state)
{
	(void)state;
	bytes(0, "0B");
	bytes(1023, "1023B");
	bytes(1024, "1.0K");
	bytes(34 << 20, "34M");
	bytes(UINT64_C(2) << 30, "2.0G");
	bytes(UINT64_MAX, "16E");
}

static void just_below_a_unit_is_the_next_one(void **state)
{
	(void)state;
	bytes(1048570, "1.0M");
}

static void times_are_as_long_as_they_need(void **state)
{
	(void)state;
	usec(999, "0ms");
	usec(850000, "850ms");
	usec(1234567, "1.234s");
	usec(UINT64_C(312) * 1000000, "5min 12s");
	usec(UINT64_C(12012) * 1000000, "3h 20min");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_have_the_unit_that_fits),
		cmocka_unit_test(just_below_a_unit_is_the_next_one),
		cmocka_unit_test(times_are_as_long_as_they_need),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
