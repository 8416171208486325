/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/subids.h"

#include "core/base/parse.h"

#include <stdlib.h>
#include <string.h>

#define IDS (UINT64_C(1) << 32)

/* "alice:100000:65536" */
static bool range_parse(char *line, struct subids_range *ret)
{
	char *rest = line;

	if (*line == '#')
		return false;
	ret->name = strsep(&rest, ":");
	if (!rest || parse_u64(strsep(&rest, ":"), &ret->start) < 0 || !rest ||
		parse_u64(rest, &ret->count) < 0 || ret->start >= IDS)
		return false;
	if (ret->count > IDS - ret->start)
		ret->count = IDS - ret->start;
	return ret->count > 0;
}

static int by_start(const void *a, const void *b)
{
	const struct subids_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

ssize_t subids_parse(char *text, struct subids_range **ret)
{
	size_t n = 0, lines = 1;
	struct subids_range *v;
	char *at, *rest = text;

	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	v = calloc(lines, sizeof(*v));
	if (!v)
		return -1;
	for (size_t line = 1; (at = strsep(&rest, "\n")); line++) {
		v[n].line = line;
		n += range_parse(at, &v[n]);
	}
	qsort(v, n, sizeof(*v), by_start);
	*ret = v;
	return (ssize_t)n;
}

bool subids_overlap(const struct subids_range *v, size_t n, struct subids_walk *w)
{
	while (w->at < n) {
		const struct subids_range *r = &v[w->at++], *widest = w->widest;
		bool is_within = widest && widest->start + widest->count > r->start;

		if (!widest || r->start + r->count > widest->start + widest->count)
			w->widest = r;
		if (is_within && strcmp(widest->name, r->name) != 0) {
			w->first = widest;
			w->second = r;
			return true;
		}
	}
	return false;
}

bool subids_meets(
	const struct subids_range *r, const struct id_range *ranges, size_t n_ranges)
{
	for (size_t i = 0; i < n_ranges; i++)
		if (r->start < (uint64_t)ranges[i].start + ranges[i].count &&
			ranges[i].start < r->start + r->count)
			return true;
	return false;
}
