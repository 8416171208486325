/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/idmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct idmap map;
static struct err e;

static const struct id_range usual = { 100000, 65536 };

static int make(const uint32_t *keep, size_t n_keep, const struct id_range *r, size_t n)
{
	e = (struct err){ 0 };
	return idmap_make(IDMAP_IDS, keep, n_keep, r, n, "gid", &map, &e);
}

static void refused(const uint32_t *keep, size_t n_keep, const struct id_range *r,
	size_t n, const char *because)
{
	assert_int_equal(make(keep, n_keep, r, n), -1);
	if (!strstr(e.msg, because))
		fail_msg("\"%s\" says nothing of \"%s\"", e.msg, because);
}

static void assert_text(const char *want)
{
	char text[IDMAP_TEXT_MAX + 1];

	assert_int_equal(idmap_format(&map, text, sizeof(text)), (int)strlen(want));
	assert_string_equal(text, want);
}

static void id_map_keeps_the_uid_and_shifts_the_rest(void **state)
{
	(void)state;
	assert_int_equal(make((uint32_t[]){ 1000 }, 1, &usual, 1), 0);
	assert_text("0 100000 1000\n1000 1000 1\n1001 101001 64535\n");
	assert_int_equal(idmap_to_host(&map, 0), 100000);
	assert_int_equal(idmap_to_host(&map, 1000), 1000);
	assert_int_equal(idmap_to_host(&map, 65535), 165535);
	assert_int_equal(idmap_to_host(&map, 65536), UINT32_MAX);
	assert_true(idmap_has_host(&map, 1000) && idmap_has_host(&map, 100000));
	assert_true(idmap_has_host(&map, 165535));
	assert_false(idmap_has_host(&map, 0) || idmap_has_host(&map, 999));
	assert_false(idmap_has_host(&map, 101000) || idmap_has_host(&map, 165536));
}

static void id_map_keeps_an_id_above_65535(void **state)
{
	(void)state;
	assert_int_equal(make((uint32_t[]){ 1000200513 }, 1, &usual, 1), 0);
	assert_text("0 100000 65536\n1000200513 1000200513 1\n");
}

static void id_map_keeps_the_first_and_the_last_id(void **state)
{
	(void)state;
	assert_int_equal(make((uint32_t[]){ 65535, 1 }, 2, &usual, 1), 0);
	assert_text("0 100000 1\n1 1 1\n2 100002 65533\n65535 65535 1\n");
	assert_int_equal(make((uint32_t[]){ 65536 }, 1, &usual, 1), 0);
	assert_text("0 100000 65536\n65536 65536 1\n");
}

static void id_map_keeps_nothing_when_asked_to(void **state)
{
	(void)state;
	assert_int_equal(make(NULL, 0, &usual, 1), 0);
	assert_text("0 100000 65536\n");
}

static void id_map_merges_neighbours_and_repeats(void **state)
{
	(void)state;
	assert_int_equal(make((uint32_t[]){ 11, 10, 12, 10, 11 }, 5, &usual, 1), 0);
	assert_text("0 100000 10\n10 10 3\n13 100013 65523\n");
}

static void id_map_pieces_small_ranges_together(void **state)
{
	const struct id_range r[] = { { 300000, 500 }, { 100000, 65036 } };

	(void)state;
	assert_int_equal(make((uint32_t[]){ 1000 }, 1, r, 2), 0);
	assert_text("0 300000 500\n500 100000 500\n1000 1000 1\n1001 100501 64535\n");
}

static void id_map_merges_ranges_that_continue_each_other(void **state)
{
	const struct id_range r[] = { { 100000, 500 }, { 100500, 65036 } };

	(void)state;
	assert_int_equal(make((uint32_t[]){ 65535 }, 1, r, 2), 0);
	assert_text("0 100000 65535\n65535 65535 1\n");
}

static void id_map_of_containers_has_what_the_ranges_have_beyond(void **state)
{
	const uint32_t uid = 1000, far = 70000;
	const struct id_range two[] = { usual, { 300000, 65536 } },
			      some[] = { usual, { 300000, 1000 } },
			      all = { 100000, 1000000 };

	(void)state;
	assert_int_equal(idmap_ids_of(&usual, 1), IDMAP_IDS);
	assert_int_equal(idmap_ids_of(some, 2), IDMAP_IDS + 1000);
	assert_int_equal(idmap_ids_of(two, 2), IDMAP_IDS_MOST);
	assert_int_equal(idmap_ids_of(&all, 1), IDMAP_IDS_MOST);
	assert_int_equal(idmap_make(IDMAP_IDS_MOST, &uid, 1, two, 2, "uid", &map, &e), 0);
	assert_text(
		"0 100000 1000\n1000 1000 1\n1001 101001 64535\n65536 300000 65536\n");
	assert_int_equal(
		idmap_make(IDMAP_IDS + 1000, &uid, 1, some, 2, "uid", &map, &e), 0);
	assert_int_equal(idmap_to_host(&map, 65536 + 999), 300999);
	assert_int_equal(idmap_to_host(&map, 65536 + 1000), UINT32_MAX);
	assert_int_equal(idmap_make(IDMAP_IDS_MOST, &far, 1, two, 2, "uid", &map, &e), 0);
	assert_int_equal(idmap_to_host(&map, 70000), 70000);
	assert_int_equal(idmap_to_host(&map, 70001), 304465);
	/* What is beyond a box's own counts with containers alone. */
	assert_int_equal(make(&(const uint32_t){ 200000 }, 1, &all, 1), 0);
	assert_int_equal(idmap_make(IDMAP_IDS_MOST, &(const uint32_t){ 200000 }, 1, &all,
				 1, "uid", &map, &e),
		-1);
}

static void id_map_takes_groups_until_340_extents_are_full(void **state)
{
	uint32_t keep[171] = { 0 };

	(void)state;
	/* 0, then kept and shifted in turns: 2n + 1 extents */
	for (uint32_t n = 0; n <= 169; n++) {
		for (uint32_t i = 0; i < n; i++)
			keep[i] = 10 + 2 * i;
		assert_int_equal(make(keep, n, &usual, 1), 0);
		assert_int_equal(map.n, 2 * n + 1);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(idmap_to_host(&map, keep[i]), keep[i]);
	}
}

static void one_group_too_many_says_what_helps(void **state)
{
	uint32_t keep[1000];

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		keep[i] = 10 + 2 * i;
	refused(keep, 170, &usual, 1, "SupplementaryGroups=none");
	refused(keep, 1000, &usual, 1, "1496 extents");
	assert_int_equal(map.n, 0);
}

static void many_scattered_groups_take_the_room_of_narrow_gaps(void **state)
{
	uint32_t keep[280], mapped = 0;

	(void)state;
	for (uint32_t i = 0; i < 280; i++)
		keep[i] = 2000 + (i < 200 ? 2 * i : 100 * i);
	assert_int_equal(make(keep, 280, &usual, 1), 0);
	for (uint32_t i = 0; i < 280; i++)
		assert_int_equal(idmap_to_host(&map, keep[i]), keep[i]);
	for (uint32_t id = 0; id < IDMAP_IDS; id++)
		mapped += idmap_to_host(&map, id) != UINT32_MAX;
	assert_int_equal(mapped + map.left_out, IDMAP_IDS);
	assert_true(map.left_out > 0);
	for (uint32_t id = 0; id < IDMAP_SYSTEM; id++)
		assert_int_equal(idmap_to_host(&map, id), usual.start + id);
	assert_int_equal(idmap_to_host(&map, 65535), usual.start + 65535);
	assert_int_equal(make(keep, 100, &usual, 1), 0);
	assert_int_equal(map.left_out, 0);
}

static void large_ids_fill_the_kernels_page_before_its_extents(void **state)
{
	uint32_t keep[300];

	(void)state;
	for (uint32_t i = 0; i < 300; i++)
		keep[i] = 1000000000 + 2 * i;
	assert_int_equal(make(keep, 160, &usual, 1), 0);
	refused(keep, 200, &usual, 1, "only fewer groups help");
}

static void a_range_must_not_hold_a_kept_id(void **state)
{
	const struct id_range big = { 100000, 1000000 };

	(void)state;
	refused((uint32_t[]){ 100000 }, 1, &usual, 1, "holds gid 100000 itself");
	refused((uint32_t[]){ 165535 }, 1, &usual, 1, "holds gid 165535 itself");
	assert_int_equal(make((uint32_t[]){ 99999 }, 1, &usual, 1), 0);
	assert_int_equal(make((uint32_t[]){ 165536 }, 1, &usual, 1), 0);
	/* beyond the part that is used it does no harm */
	assert_int_equal(make((uint32_t[]){ 200000 }, 1, &big, 1), 0);
}

static void roots_id_is_never_kept_nor_in_a_range(void **state)
{
	(void)state;
	refused((uint32_t[]){ 1000, 0 }, 2, &usual, 1, "host's root");
	refused((uint32_t[]){ 1000 }, 1, &(struct id_range){ 0, 70000 }, 1,
		"host's gid 0");
}

static void the_invalid_id_is_refused(void **state)
{
	(void)state;
	refused((uint32_t[]){ UINT32_MAX }, 1, &usual, 1, "no valid id");
	refused((uint32_t[]){ 1 }, 1, &(struct id_range){ 4294901760, 65536 }, 1,
		"ends beyond");
	refused((uint32_t[]){ 1 }, 1, &(struct id_range){ 4294967295, 65536 }, 1,
		"ends beyond");
	assert_int_equal(
		make((uint32_t[]){ 1 }, 1, &(struct id_range){ 4294901759, 65536 }, 1),
		0);
	assert_int_equal(idmap_to_host(&map, 65535), 4294967294);
}

/* The ids of nsshell-planner's processes: a box's user with one of them could end them. */
static void ranges_leave_the_planner_s_ids_alone(void **state)
{
	const struct id_range before = { 0x7fbe0000 - 65536, 65536 },
			      last = { 0x7ffdffff, 65536 },
			      first = { 0x7fbe0001 - 65536, 65536 },
			      around = { 1, 0xf0000000 }, behind = { 0x7ffe0000, 65536 };

	(void)state;
	assert_int_equal(make((uint32_t[]){ 1000 }, 1, &before, 1), 0);
	assert_int_equal(make((uint32_t[]){ 1000 }, 1, &behind, 1), 0);
	refused((uint32_t[]){ 1000 }, 1, &last, 1, "nsshell's own");
	refused((uint32_t[]){ 1000 }, 1, &first, 1, "nsshell's own");
	refused((uint32_t[]){ 1000 }, 1, &around, 1, "nsshell's own");
}

static void ranges_must_not_overlap(void **state)
{
	const struct id_range r[] = { { 100000, 65536 }, { 165535, 10 } };
	const struct id_range inner[] = { { 100000, 65536 }, { 100005, 10 } };

	(void)state;
	refused((uint32_t[]){ 1000 }, 1, r, 2, "overlap");
	refused((uint32_t[]){ 1000 }, 1, inner, 2, "overlap");
}

static void small_empty_and_missing_ranges_are_refused(void **state)
{
	const struct id_range empty[] = { { 100000, 65536 }, { 300000, 0 } };

	(void)state;
	refused((uint32_t[]){ 1000 }, 1, &(struct id_range){ 100000, 65535 }, 1,
		"65535 ids");
	refused((uint32_t[]){ 1000 }, 1, empty, 2, "is empty");
	refused((uint32_t[]){ 1000 }, 1, NULL, 0, "hold 0 ids");
}

static void text_that_does_not_fit_is_refused(void **state)
{
	char text[50];

	(void)state;
	assert_int_equal(make((uint32_t[]){ 1000 }, 1, &usual, 1), 0);
	for (size_t size = 0; size <= 44; size++)
		assert_int_equal(idmap_format(&map, text, size), -1);
	assert_int_equal(idmap_format(&map, text, 45), 44);
}

static int by_outside(const void *a, const void *b)
{
	const struct idmap_extent *x = a, *y = b;

	return (x->outside > y->outside) - (x->outside < y->outside);
}

/* What the kernel asks for, and that every id of a box is there. */
static void assert_sane(const struct idmap *m)
{
	struct idmap_extent sorted[IDMAP_EXTENTS_MAX];
	uint64_t next = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct idmap_extent *x = &m->extents[i];

		assert_true(x->count > 0 && x->outside != 0);
		assert_true(x->inside >= next);
		if (next < IDMAP_IDS)
			assert_int_equal(x->inside, next);
		next = (uint64_t)x->inside + x->count;
	}
	assert_true(next >= IDMAP_IDS);
	memcpy(sorted, m->extents, m->n * sizeof(*sorted));
	qsort(sorted, m->n, sizeof(*sorted), by_outside);
	for (size_t i = 1; i < m->n; i++)
		assert_true((uint64_t)sorted[i - 1].outside + sorted[i - 1].count <=
			    sorted[i].outside);
}

/* Deterministic, so that a failure can be seen again. */
static uint32_t roll(uint32_t below)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x % below);
}

static void any_account_maps_every_id_once_and_none_twice(void **state)
{
	size_t made = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct id_range r[6];
		uint32_t keep[40], at = 1 + roll(200000);
		size_t n_keep = roll(40), n = 1 + roll(6);
		bool wide = roll(2);

		for (size_t i = 0; i < n; i++) {
			r[i] = (struct id_range){ at, 1 + roll(wide ? 70000 : 20000) };
			at += r[i].count + roll(3) * 1000;
		}
		for (size_t i = 0; i < n_keep; i++)
			keep[i] = roll(4) ? 1 + roll(70000) : 1 + roll(2000000000);
		if (make(keep, n_keep, r, n) < 0)
			continue;
		made++;
		assert_sane(&map);
		for (size_t i = 0; i < n_keep; i++)
			assert_int_equal(idmap_to_host(&map, keep[i]), keep[i]);
	}
	assert_true(made > 1000);
}

static void without_what_a_box_shifts_ids_are_the_host_s(void **state)
{
	const struct id_range two[] = { { 200000, 40000 }, { 100000, 25536 } };
	const uint32_t keep[] = { 1000, 300000 };
	struct idmap own;

	(void)state;
	assert_int_equal(make(keep, 2, two, 2), 0);
	assert_int_equal(idmap_without(&map, &own), 0);
	assert_int_equal(idmap_to_host(&own, 0), 0);
	assert_int_equal(idmap_to_host(&own, 1000), 1000);
	assert_int_equal(idmap_to_host(&own, 300000), 300000);
	assert_int_equal(idmap_to_host(&own, UINT32_MAX - 1), UINT32_MAX - 1);
	for (size_t i = 0; i < map.n; i++)
		if (map.extents[i].inside != map.extents[i].outside) {
			assert_false(idmap_has_host(&own, map.extents[i].outside));
			assert_false(idmap_has_host(
				&own, map.extents[i].outside + map.extents[i].count - 1));
		}
	/* What a kept id leaves free in the range stands for nobody in the box. */
	assert_true(idmap_has_host(&own, 201000));
	assert_true(idmap_has_host(&own, 99999) && idmap_has_host(&own, 240000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_map_keeps_the_uid_and_shifts_the_rest),
		cmocka_unit_test(id_map_keeps_an_id_above_65535),
		cmocka_unit_test(without_what_a_box_shifts_ids_are_the_host_s),
		cmocka_unit_test(id_map_keeps_the_first_and_the_last_id),
		cmocka_unit_test(id_map_keeps_nothing_when_asked_to),
		cmocka_unit_test(id_map_merges_neighbours_and_repeats),
		cmocka_unit_test(id_map_pieces_small_ranges_together),
		cmocka_unit_test(id_map_merges_ranges_that_continue_each_other),
		cmocka_unit_test(id_map_of_containers_has_what_the_ranges_have_beyond),
		cmocka_unit_test(id_map_takes_groups_until_340_extents_are_full),
		cmocka_unit_test(one_group_too_many_says_what_helps),
		cmocka_unit_test(many_scattered_groups_take_the_room_of_narrow_gaps),
		cmocka_unit_test(large_ids_fill_the_kernels_page_before_its_extents),
		cmocka_unit_test(a_range_must_not_hold_a_kept_id),
		cmocka_unit_test(roots_id_is_never_kept_nor_in_a_range),
		cmocka_unit_test(the_invalid_id_is_refused),
		cmocka_unit_test(ranges_must_not_overlap),
		cmocka_unit_test(ranges_leave_the_planner_s_ids_alone),
		cmocka_unit_test(small_empty_and_missing_ranges_are_refused),
		cmocka_unit_test(text_that_does_not_fit_is_refused),
		cmocka_unit_test(any_account_maps_every_id_once_and_none_twice),
	};

	return cmocka_run_group_tests_name("idmap", tests, NULL, NULL);
}
