/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/pidstart.h"

#include <stdlib.h>

/* The kernel begins here again once it came to the end (RESERVED_PIDS). */
#define FIRST 300

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint32_t pidstart_choose(uint32_t *others, size_t n, uint32_t max, uint32_t luck)
{
	uint32_t ring = max - FIRST, from = 0, widest = 0;

	if (max <= 2 * FIRST)
		return 0;
	if (n > 0)
		qsort(others, n, sizeof(*others), by_number);
	while (n > 0 && others[0] < FIRST) {
		others++;
		n--;
	}
	while (n > 0 && others[n - 1] >= max)
		n--;
	if (n == 0)
		return FIRST + luck % ring;
	for (size_t i = 0; i < n; i++) {
		uint32_t gap = i + 1 < n ? others[i + 1] - others[i]
					 : ring - (others[i] - others[0]);

		if (gap > widest) {
			widest = gap;
			from = others[i];
		}
	}
	return FIRST + (from - FIRST + widest / 2) % ring;
}
