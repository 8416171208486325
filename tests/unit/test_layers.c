/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of layers on disk: no two places have one, and overlay takes them as they are. */
#include "core/run/mount/layers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void expect(const char *target, const char *want)
{
	char name[256], back[PATH_MAX];

	assert_int_equal(layers_name(target, name), 0);
	assert_string_equal(name, want);
	assert_int_equal(layers_target(name, back), 0);
	assert_string_equal(back, target);
}

static void a_layer_has_the_name_of_its_place(void **state)
{
	(void)state;
	expect("/", "-");
	expect("/usr", "usr");
	expect("/var/lib", "var-lib");
	expect("/srv/A_b:c.d", "srv-A_b:c.d");
}

static void no_two_places_have_one(void **state)
{
	(void)state;
	expect("/var-lib", "var%2dlib");
	expect("/-", "%2d");
	expect("/a%2db", "a%252db");
	expect("/..", "%2e.");
	expect("/a,b\\c\n", "a%2cb%5cc%0a");
}

static void what_is_too_long_for_a_name_is_refused(void **state)
{
	char target[300], name[256];

	(void)state;
	memset(target, 'a', sizeof(target));
	target[0] = '/';
	target[253] = '\0';
	assert_int_equal(layers_name(target, name), 0);
	assert_int_equal(strlen(name), 252);
	target[253] = 'a';
	target[299] = '\0';
	errno = 0;
	assert_int_equal(layers_name(target, name), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	memset(target + 1, '-', 99);
	target[100] = '\0';
	assert_int_equal(layers_name(target, name), -1);
}

static void what_is_no_name_of_a_place_is_refused(void **state)
{
	static const char *const bad[] = { "", "a%", "a%2", "a%zz", "%00" };
	char target[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(layers_target(bad[i], target), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_layer_has_the_name_of_its_place),
		cmocka_unit_test(no_two_places_have_one),
		cmocka_unit_test(what_is_too_long_for_a_name_is_refused),
		cmocka_unit_test(what_is_no_name_of_a_place_is_refused),
	};

	return cmocka_run_group_tests_name("layers", tests, NULL, NULL);
}
