/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/base/strlist.h"

static void strlist_keeps_copies_in_their_order(void **state)
{
	struct strlist l = { 0 };
	char word[16];

	(void)state;
	for (int i = 0; i < 100; i++) {
		(void)snprintf(word, sizeof(word), "word%d", i);
		assert_int_equal(strlist_add(&l, word), 0);
	}
	memset(word, 'x', sizeof(word));
	assert_int_equal(l.n, 100);
	assert_string_equal(l.v[0], "word0");
	assert_string_equal(l.v[64], "word64");
	assert_string_equal(l.v[99], "word99");
	strlist_clear(&l);
}

static void strlist_takes_words_apart_at_blanks(void **state)
{
	struct strlist l = { 0 };

	(void)state;
	assert_int_equal(strlist_add(&l, "first"), 0);
	assert_int_equal(strlist_add_words(&l, "  a\tbc \n d  "), 0);
	assert_int_equal(l.n, 4);
	assert_string_equal(l.v[0], "first");
	assert_string_equal(l.v[1], "a");
	assert_string_equal(l.v[2], "bc");
	assert_string_equal(l.v[3], "d");
	assert_int_equal(strlist_add_words(&l, ""), 0);
	assert_int_equal(strlist_add_words(&l, " \t "), 0);
	assert_int_equal(l.n, 4);
	strlist_clear(&l);
}

static void strlist_adds_the_first_bytes_of_a_string(void **state)
{
	struct strlist l = { 0 };

	(void)state;
	assert_int_equal(strlist_add_n(&l, "source:target", 6), 0);
	assert_int_equal(strlist_add_n(&l, "ab", 60), 0);
	assert_int_equal(strlist_add_n(&l, "ab", 0), 0);
	assert_string_equal(l.v[0], "source");
	assert_string_equal(l.v[1], "ab");
	assert_string_equal(l.v[2], "");
	strlist_clear(&l);
}

static void strlist_has_whole_strings_only(void **state)
{
	struct strlist l = { 0 };

	(void)state;
	assert_false(strlist_has(&l, ""));
	assert_int_equal(strlist_add_words(&l, "sshd su-l"), 0);
	assert_true(strlist_has(&l, "sshd"));
	assert_true(strlist_has(&l, "su-l"));
	assert_false(strlist_has(&l, "su"));
	assert_false(strlist_has(&l, "SSHD"));
	strlist_clear(&l);
}

static void strlist_is_usable_after_clear(void **state)
{
	struct strlist l = { 0 };

	(void)state;
	strlist_clear(&l);
	assert_int_equal(strlist_add_words(&l, "a b c"), 0);
	strlist_clear(&l);
	assert_int_equal(l.n, 0);
	assert_null(l.v);
	assert_int_equal(strlist_add(&l, "again"), 0);
	assert_string_equal(l.v[0], "again");
	strlist_clear(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strlist_keeps_copies_in_their_order),
		cmocka_unit_test(strlist_takes_words_apart_at_blanks),
		cmocka_unit_test(strlist_adds_the_first_bytes_of_a_string),
		cmocka_unit_test(strlist_has_whole_strings_only),
		cmocka_unit_test(strlist_is_usable_after_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
