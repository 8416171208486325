/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/parse.h"

#include <errno.h>

#define KEPT     UINT64_C(4711)
#define SEC      UINT64_C(1000000)
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct sample {
	const char *text;
	int r;
	uint64_t value;
};

typedef int parse_fn(const char *s, uint64_t *ret);

/* Every sample, and that a failure leaves the old value. */
static void try_all(parse_fn *parse, const struct sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value = KEPT;
		int r = parse(samples[i].text, &value);
		uint64_t expected = samples[i].r ? KEPT : samples[i].value;

		if (r != samples[i].r || value != expected)
			fail_msg("'%s' gives %d and %llu, not %d and %llu",
				samples[i].text, r, (unsigned long long)value,
				samples[i].r, (unsigned long long)expected);
	}
}

static void numbers_are_digits_and_nothing_else(void **state)
{
	static const struct sample samples[] = {
		{ "0", 0, 0 }, { "42", 0, 42 }, { "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "99999999999999999999999x", -EINVAL, 0 }, { "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 }, { "1 ", -EINVAL, 0 }, { "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 }, { "0x10", -EINVAL, 0 }, { "1e3", -EINVAL, 0 },
		{ "infinity", -EINVAL, 0 },
		{ "\xd9\xa1", -EINVAL, 0 }, /* an Arabic digit */
	};

	(void)state;
	try_all(parse_u64, samples, COUNT(samples));
}

static void small_numbers_end_at_32_bits(void **state)
{
	uint32_t n = 7;

	(void)state;
	assert_int_equal(parse_u32("4294967295", &n), 0);
	assert_int_equal(n, UINT32_MAX);
	n = 7;
	assert_int_equal(parse_u32("4294967296", &n), -ERANGE);
	assert_int_equal(parse_u32("-1", &n), -EINVAL);
	assert_int_equal(n, 7);
}

static void sizes_take_powers_of_1024(void **state)
{
	static const struct sample samples[] = {
		{ "512", 0, 512 },
		{ "4K", 0, 4096 },
		{ "3M", 0, UINT64_C(3) << 20 },
		{ "2G", 0, UINT64_C(2) << 30 },
		{ "1T", 0, UINT64_C(1) << 40 },
		{ "0", 0, 0 },
		{ "infinity", 0, PARSE_INFINITY },
		{ "16777215T", 0, UINT64_C(16777215) << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "18446744073709551615", -ERANGE, 0 }, /* would mean infinity */
		{ "18446744073709551616", -ERANGE, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "2g", -EINVAL, 0 },
		{ "2GB", -EINVAL, 0 },
		{ "2 G", -EINVAL, 0 },
		{ "G", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "50%", -EINVAL, 0 },
		{ "Infinity", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
	};

	(void)state;
	try_all(parse_size, samples, COUNT(samples));
}

static void counts_may_be_infinite(void **state)
{
	static const struct sample samples[] = {
		{ "0", 0, 0 },
		{ "512", 0, 512 },
		{ "infinity", 0, PARSE_INFINITY },
		{ "18446744073709551615", -ERANGE, 0 },
		{ "5K", -EINVAL, 0 },
		{ "many", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	(void)state;
	try_all(parse_count, samples, COUNT(samples));
}

static void time_spans_add_up(void **state)
{
	static const struct sample samples[] = {
		{ "90", 0, 90 * SEC },
		{ "0", 0, 0 },
		{ "5min", 0, 300 * SEC },
		{ "5 min", 0, 300 * SEC },
		{ "1h 30min", 0, 5400 * SEC },
		{ "1h30min", 0, 5400 * SEC },
		{ "2d", 0, 172800 * SEC },
		{ "1w", 0, 604800 * SEC },
		{ "20ms", 0, 20000 },
		{ "7us", 0, 7 },
		{ "1m", 0, 60 * SEC },
		{ "1M", 0, 2629800 * SEC },
		{ "1y", 0, 31557600 * SEC },
		{ "1year 2months", 0, (31557600 + 2 * 2629800) * SEC },
		{ "infinity", 0, PARSE_INFINITY },
		{ "1h 30", -EINVAL, 0 },
		{ "30 1h", -EINVAL, 0 },
		{ " 5min", -EINVAL, 0 },
		{ "5min ", -EINVAL, 0 },
		{ "5 ", -EINVAL, 0 },
		{ "min", -EINVAL, 0 },
		{ "5fortnights", -EINVAL, 0 },
		{ "5MIN", -EINVAL, 0 },
		{ "-5min", -EINVAL, 0 },
		{ "1.5h", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "999999999999y", -ERANGE, 0 },
		{ "18446744073709551615us", -ERANGE, 0 }, /* would mean infinity */
		{ "18446744073709551615us 1us", -ERANGE, 0 },
		{ "999999999999y 5x", -EINVAL, 0 },
	};

	(void)state;
	try_all(parse_timespan, samples, COUNT(samples));
}

static void percentages_need_their_sign(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint32_t value;
	} samples[] = {
		{ "1%", 0, 1 },
		{ "150%", 0, 150 },
		{ "4294967295%", 0, UINT32_MAX },
		{ "4294967296%", -ERANGE, 0 },
		{ "99999999999999999999%", -ERANGE, 0 },
		{ "0%", -EINVAL, 0 },
		{ "150", -EINVAL, 0 },
		{ "150 %", -EINVAL, 0 },
		{ "150%%", -EINVAL, 0 },
		{ "%", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(samples); i++) {
		uint32_t value = 7;

		assert_int_equal(parse_percent(samples[i].text, &value), samples[i].r);
		assert_int_equal(value, samples[i].r ? 7 : samples[i].value);
	}
}

static void booleans_have_eight_words(void **state)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };
	static const char *const bad[] = { "", "y", "Yes", "YES", "maybe", "2", " yes",
		"yes " };
	bool value;

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++) {
		value = false;
		assert_int_equal(parse_bool(yes[i], &value), 0);
		assert_true(value);
		assert_int_equal(parse_bool(no[i], &value), 0);
		assert_false(value);
	}
	value = true;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(parse_bool(bad[i], &value), -EINVAL);
	assert_true(value);
}

static void a_line_is_found_whole_or_not_at_all(void **state)
{
	static const char *const with[] = { "READY=1", "READY=1\n",
		"STATUS=up\nREADY=1\nMAINPID=2", "READY=10\nREADY=1" };
	static const char *const without[] = { "", "\n", "READY=", "READY=10", " READY=1",
		"xREADY=1\n", "STATUS=READY=1\n", "READY=1 \n\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(*with); i++)
		assert_true(parse_has_line(with[i], "READY=1"));
	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++)
		assert_false(parse_has_line(without[i], "READY=1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_digits_and_nothing_else),
		cmocka_unit_test(small_numbers_end_at_32_bits),
		cmocka_unit_test(sizes_take_powers_of_1024),
		cmocka_unit_test(counts_may_be_infinite),
		cmocka_unit_test(time_spans_add_up),
		cmocka_unit_test(percentages_need_their_sign),
		cmocka_unit_test(booleans_have_eight_words),
		cmocka_unit_test(a_line_is_found_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
