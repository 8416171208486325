/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void every_piece_is_zeroed_and_aligned(void **state)
{
	struct arena a = { 0 };

	(void)state;
	for (size_t size = 0; size < 300; size++) {
		unsigned char *p = arena_alloc(&a, size);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	arena_clear(&a);
	assert_null(a.head);
}

static void pieces_do_not_overlap(void **state)
{
	struct arena a = { 0 };
	char *p[100];

	(void)state;
	for (int i = 0; i < 100; i++) {
		p[i] = arena_alloc(&a, 700);
		assert_non_null(p[i]);
		memset(p[i], i, 700);
	}
	for (int i = 0; i < 100; i++)
		for (int j = 0; j < 700; j++)
			assert_int_equal(p[i][j], i);
	arena_clear(&a);
}

static void a_piece_may_be_larger_than_a_chunk(void **state)
{
	struct arena a = { 0 };
	char *big = arena_alloc(&a, 1 << 20);

	(void)state;
	assert_non_null(big);
	big[(1 << 20) - 1] = 1;
	assert_string_equal(arena_strdup(&a, "after"), "after");
	arena_clear(&a);
}

static void an_impossible_size_is_refused(void **state)
{
	struct arena a = { 0 };

	(void)state;
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 64));
	assert_null(a.head);
	arena_clear(&a);
}

static void text_is_copied_and_formatted(void **state)
{
	struct arena a = { 0 };
	char word[] = "word";
	char *copy = arena_strdup(&a, word);

	(void)state;
	word[0] = 'W';
	assert_string_equal(copy, "word");
	assert_string_equal(arena_strdup(&a, ""), "");
	assert_string_equal(arena_printf(&a, "%s/%d", "/run", 7), "/run/7");
	arena_clear(&a);
	arena_clear(&a); /* twice does no harm */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_piece_is_zeroed_and_aligned),
		cmocka_unit_test(pieces_do_not_overlap),
		cmocka_unit_test(a_piece_may_be_larger_than_a_chunk),
		cmocka_unit_test(an_impossible_size_is_refused),
		cmocka_unit_test(text_is_copied_and_formatted),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
