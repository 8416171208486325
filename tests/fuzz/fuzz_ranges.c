/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of numbers that decide which ids are whose: the ranges file, maps made of ranges, and
 * what nsctl check reads of subuid(5). */
#include "core/plan/idmap.h"
#include "core/plan/ranges.h"
#include "core/plan/subids.h"
#include "tests/fuzz/fuzz.h"

/* Ranges of any size and place, as a subuid(5) file may have them. */
static void map(const uint8_t *data, size_t size)
{
	struct id_range ranges[8];
	uint32_t keep[2] = { 1000, 100 };
	size_t n = size / sizeof(*ranges) < 8 ? size / sizeof(*ranges) : 8;
	struct idmap ret = { 0 };
	struct err e = { 0 };

	memcpy(ranges, data, n * sizeof(*ranges));
	if (idmap_make(IDMAP_IDS, keep, 2, ranges, n, "uid", &ret, &e) == 0)
		for (size_t i = 1; i < ret.n; i++)
			must(ret.extents[i - 1].inside + ret.extents[i - 1].count <=
				ret.extents[i].inside);
	else
		must(e.msg[0]);
}

/* One walk says whether any two of different names overlap. */
static void subids(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct subids_range *v = NULL;
	struct subids_walk w = { 0 };
	ssize_t n = subids_parse(text, &v);
	bool is_found = false, is_told = false;

	must(n >= 0);
	for (ssize_t i = 0; i < n && i < 500; i++) {
		must(v[i].count > 0 && v[i].start + v[i].count <= UINT64_C(1) << 32);
		must(i == 0 || v[i - 1].start <= v[i].start);
		for (ssize_t j = 0; j < i; j++)
			is_found |= v[j].start + v[j].count > v[i].start &&
				    strcmp(v[j].name, v[i].name) != 0;
	}
	while (subids_overlap(v, (size_t)n, &w)) {
		must(strcmp(w.first->name, w.second->name) != 0);
		must(w.first->start <= w.second->start &&
			w.first->start + w.first->count > w.second->start);
		is_told = true;
	}
	must(is_told == is_found || n > 500);
	free(v);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct id_range range = { 0 };
	struct err e = { 0 };
	uint32_t next = 0;
	int r = ranges_find(text, 1000, "alice", &range, &next, &e);

	if (r < 0)
		must(e.msg[0]);
	if (r == 0)
		must(next >= RANGES_FIRST && next <= RANGES_END);
	if (r == 1)
		must(range.start >= RANGES_FIRST &&
			range.count <= RANGES_END - range.start);
	free(text);
	map(data, size);
	subids(data, size);
	return 0;
}
