/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/idmap.h"

#include "core/plan/ranges.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t idmap_ids_of(const struct id_range *ranges, size_t n_ranges)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n_ranges; i++)
		total += ranges[i].count;
	if (total < IDMAP_IDS)
		return IDMAP_IDS;
	return total < IDMAP_IDS_MOST ? (uint32_t)total : IDMAP_IDS_MOST;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Sort and drop repeats. Return: how many are left. */
static size_t sort_unique(uint32_t *ids, size_t n)
{
	size_t out = 0;

	if (n > 1)
		qsort(ids, n, sizeof(*ids), compare_ids);
	for (size_t i = 0; i < n; i++)
		if (out == 0 || ids[out - 1] != ids[i])
			ids[out++] = ids[i];
	return out;
}

static uint64_t range_end(const struct id_range *r)
{
	return (uint64_t)r->start + r->count;
}

static int check_ranges(
	const struct id_range *ranges, size_t n, const char *what, struct err *e)
{
	uint64_t total = 0;

	for (size_t i = 0; i < n; i++) {
		const struct id_range *r = &ranges[i];

		if (r->count == 0)
			return err_set(
				e, 0, "the sub%s range at %u is empty", what, r->start);
		if (r->start == 0)
			return err_set(e, 0, "the sub%s range 0:%u holds the host's %s 0",
				what, r->count, what);
		if (range_end(r) > UINT32_MAX)
			return err_set(e, 0, "the sub%s range %u:%u ends beyond %u", what,
				r->start, r->count, UINT32_MAX - 1);
		if (r->start < RANGES_PLANNERS + RANGES_PIDS &&
			RANGES_PLANNERS < range_end(r))
			return err_set(e, 0,
				"the sub%s range %u:%u holds ids that are nsshell's own, %u:%u",
				what, r->start, r->count, RANGES_PLANNERS, RANGES_PIDS);
		for (size_t j = 0; j < i; j++)
			if (ranges[j].start < range_end(r) &&
				r->start < range_end(&ranges[j]))
				return err_set(e, 0,
					"the sub%s ranges %u:%u and %u:%u overlap", what,
					ranges[j].start, ranges[j].count, r->start,
					r->count);
		total += r->count;
	}
	if (total < IDMAP_IDS)
		return err_set(e, 0,
			"the sub%s ranges hold %llu ids together, a box needs %u", what,
			(unsigned long long)total, IDMAP_IDS);
	return 0;
}

/* Only the part of the ranges that a map uses matters: @left ids. */
static int check_kept(uint32_t left, const uint32_t *keep, size_t n_keep,
	const struct id_range *ranges, size_t n_ranges, const char *what, struct err *e)
{
	if (n_keep > 0 && keep[0] == 0)
		return err_set(
			e, 0, "%s 0 is the host's root, a box can't keep it", what);
	if (n_keep > 0 && keep[n_keep - 1] == UINT32_MAX)
		return err_set(e, 0, "%s %u is no valid id", what, UINT32_MAX);
	for (size_t i = 0; i < n_ranges && left > 0; i++) {
		uint32_t count = ranges[i].count < left ? ranges[i].count : left;

		for (size_t k = 0; k < n_keep; k++)
			if (keep[k] >= ranges[i].start &&
				keep[k] - ranges[i].start < count)
				return err_set(e, 0,
					"the sub%s range %u:%u holds %s %u itself", what,
					ranges[i].start, ranges[i].count, what, keep[k]);
		left -= count;
	}
	return 0;
}

/* A growing map; n goes on counting beyond the limit, so that the error can tell. */
struct growing {
	struct idmap *map;
	uint32_t ids;
	size_t n;
	uint32_t least; /* gaps that are narrower are left out */
};

static void extent_add(
	struct growing *g, uint32_t inside, uint32_t outside, uint32_t count)
{
	if (count == 0)
		return;
	if (g->n > 0 && g->n <= IDMAP_EXTENTS_MAX) {
		struct idmap_extent *last = &g->map->extents[g->n - 1];

		if (last->inside + last->count == inside &&
			last->outside + last->count == outside) {
			last->count += count;
			return;
		}
	}
	if (g->n < IDMAP_EXTENTS_MAX)
		g->map->extents[g->n] = (struct idmap_extent){ inside, outside, count };
	g->n++;
}

/* Inside ids from..to-1, none of them kept: position in the joined ranges is the inside
 * id. */
static void shifted_add(struct growing *g, uint32_t from, uint32_t to,
	const struct id_range *ranges, size_t n)
{
	uint64_t base = 0;

	for (size_t i = 0; i < n && from < to; i++) {
		uint64_t end = base + ranges[i].count;

		if (from < end) {
			uint32_t stop = to < end ? to : (uint32_t)end;

			extent_add(g, from, ranges[i].start + (uint32_t)(from - base),
				stop - from);
			from = stop;
		}
		base = end;
	}
}

/* Inside ids from..to-1 lie between two that are kept, or at an end. */
static void gap_add(struct growing *g, uint32_t from, uint32_t to,
	const struct id_range *ranges, size_t n)
{
	if (from >= IDMAP_SYSTEM && from < to && to - from < g->least)
		g->map->left_out += to - from;
	else
		shifted_add(g, from, to, ranges, n);
}

static void grow(struct growing *g, const uint32_t *kept, size_t n_kept,
	const struct id_range *ranges, size_t n_ranges)
{
	uint32_t next = 0;

	g->n = 0;
	g->map->left_out = 0;
	for (size_t i = 0; i < n_kept; i++) {
		if (next < g->ids)
			gap_add(g, next, kept[i] < g->ids ? kept[i] : g->ids, ranges,
				n_ranges);
		extent_add(g, kept[i], kept[i], 1);
		next = kept[i] + 1;
	}
	if (next < g->ids)
		gap_add(g, next, g->ids, ranges, n_ranges);
	g->map->n = g->n;
}

/* Whether the kernel takes it. */
static bool fits(const struct growing *g)
{
	char text[IDMAP_TEXT_MAX + 1];

	return g->n <= IDMAP_EXTENTS_MAX && idmap_format(g->map, text, sizeof(text)) >= 0;
}

/* @kept is sorted, and not empty. */
static int too_many(const struct growing *g, const uint32_t *kept, size_t n_kept,
	const char *what, struct err *e)
{
	g->map->n = 0;
	return err_set(e, 0,
		"keeping %zu %ss takes a map of %zu extents, the kernel takes %u extents and %u "
		"bytes; %s",
		n_kept, what, g->n, IDMAP_EXTENTS_MAX, IDMAP_TEXT_MAX,
		kept[n_kept - 1] < IDMAP_IDS
			? "SupplementaryGroups=none helps"
			: "only fewer groups help, a box can't drop those above 65535");
}

static int make_sorted(uint32_t ids, const uint32_t *kept, size_t n_kept,
	const struct id_range *ranges, size_t n_ranges, const char *what,
	struct idmap *ret, struct err *e)
{
	struct growing g = { .map = ret, .ids = ids };

	if (check_ranges(ranges, n_ranges, what, e) < 0 ||
		check_kept(ids, kept, n_kept, ranges, n_ranges, what, e) < 0)
		return -1;
	grow(&g, kept, n_kept, ranges, n_ranges);
	for (g.least = 2; !fits(&g) && g.least <= IDMAP_IDS; g.least *= 2)
		grow(&g, kept, n_kept, ranges, n_ranges);
	return fits(&g) ? 0 : too_many(&g, kept, n_kept, what, e);
}

int idmap_make(uint32_t ids, const uint32_t *keep, size_t n_keep,
	const struct id_range *ranges, size_t n_ranges, const char *what,
	struct idmap *ret, struct err *e)
{
	uint32_t *kept = calloc(n_keep + 1, sizeof(*kept));
	int r;

	ret->n = 0;
	if (!kept)
		return err_set(e, ENOMEM, "make the %s map", what);
	if (n_keep > 0)
		memcpy(kept, keep, n_keep * sizeof(*kept));
	r = make_sorted(
		ids, kept, sort_unique(kept, n_keep), ranges, n_ranges, what, ret, e);
	free(kept);
	return r;
}

uint32_t idmap_to_host(const struct idmap *m, uint32_t inside)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct idmap_extent *x = &m->extents[i];

		if (inside >= x->inside && inside - x->inside < x->count)
			return x->outside + (inside - x->inside);
	}
	return UINT32_MAX;
}

bool idmap_has_host(const struct idmap *m, uint32_t outside)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct idmap_extent *x = &m->extents[i];

		if (outside >= x->outside && outside - x->outside < x->count)
			return true;
	}
	return false;
}

int idmap_format(const struct idmap *m, char *buf, size_t size)
{
	size_t len = 0;

	if (size == 0)
		return -1;
	buf[0] = '\0';
	for (size_t i = 0; i < m->n; i++) {
		const struct idmap_extent *x = &m->extents[i];
		int n = snprintf(buf + len, size - len, "%u %u %u\n", x->inside,
			x->outside, x->count);

		if (n < 0 || (size_t)n >= size - len)
			return -1;
		len += (size_t)n;
	}
	return (int)len;
}

static int compare_outside(const void *a, const void *b)
{
	const struct idmap_extent *x = a, *y = b;

	return (x->outside > y->outside) - (x->outside < y->outside);
}

int idmap_without(const struct idmap *box, struct idmap *ret)
{
	struct idmap_extent shifted[IDMAP_EXTENTS_MAX];
	uint32_t at = 0;
	size_t n = 0;

	for (size_t i = 0; i < box->n; i++)
		if (box->extents[i].inside != box->extents[i].outside)
			shifted[n++] = box->extents[i];
	if (n > 1)
		qsort(shifted, n, sizeof(*shifted), compare_outside);
	ret->n = 0;
	for (size_t i = 0; i <= n; i++) {
		/* (uid_t)-1 is no id. */
		uint32_t end = i < n ? shifted[i].outside : UINT32_MAX;

		if (end > at && ret->n == IDMAP_EXTENTS_MAX)
			return -1;
		if (end > at)
			ret->extents[ret->n++] =
				(struct idmap_extent){ at, at, end - at };
		if (i < n)
			at = shifted[i].outside + shifted[i].count;
	}
	return 0;
}
