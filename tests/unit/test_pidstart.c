/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions of one account begin to count their processes far from each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/plan/pidstart.h"

static uint32_t distance(uint32_t a, uint32_t b, uint32_t max)
{
	uint32_t ring = max - 300, d = a > b ? a - b : b - a;

	return d < ring - d ? d : ring - d;
}

static void each_is_far_from_all_others(void **state)
{
	static const uint32_t maxima[] = { 32768, 4194304 };

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		uint32_t taken[32] = { 0 };

		for (size_t n = 0; n < 32; n++) {
			uint32_t others[32], start;

			for (size_t i = 0; i < n; i++)
				others[i] = taken[i];
			start = pidstart_choose(others, n, maxima[m], 123456789);
			assert_in_range(start, 300, maxima[m] - 1);
			for (size_t i = 0; i < n; i++)
				assert_in_range(distance(start, taken[i], maxima[m]),
					(maxima[m] - 300) / 32 - 1, maxima[m]);
			taken[n] = start;
		}
	}
}

static void what_says_nothing_is_left_out(void **state)
{
	uint32_t others[] = { 0, 9000000, 0, 16534 };

	(void)state;
	assert_int_equal(pidstart_choose(NULL, 0, 32768, 5), 305);
	assert_int_equal(pidstart_choose(others, 4, 32768, 5), 300);
	assert_int_equal(pidstart_choose(NULL, 0, 400, 5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_far_from_all_others),
		cmocka_unit_test(what_says_nothing_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
