/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of numbers that decide which ids are whose: the ranges file, and maps made of ranges. */
#include "core/plan/idmap.h"
#include "core/plan/ranges.h"
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
	if (idmap_make(keep, 2, ranges, n, "uid", &ret, &e) == 0)
		for (size_t i = 1; i < ret.n; i++)
			must(ret.extents[i - 1].inside + ret.extents[i - 1].count <=
				ret.extents[i].inside);
	else
		must(e.msg[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_string(data, size);
	struct id_range range = { 0 };
	struct err e = { 0 };
	uint32_t next = 0;
	int r = ranges_find(text, 1000, &range, &next, &e);

	if (r < 0)
		must(e.msg[0]);
	if (r == 0)
		must(next >= RANGES_FIRST && next <= RANGES_END);
	if (r == 1)
		must(range.start >= RANGES_FIRST &&
			range.count <= RANGES_END - range.start);
	free(text);
	map(data, size);
	return 0;
}
