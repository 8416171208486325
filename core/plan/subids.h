/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads subuid(5) and subgid(5) as text, to find ranges that overlap. Which range an account has at a login
 * is libsubid's to say.
 */
#pragma once

#include "core/base/account.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct subids_range {
	const char *name; /* points into the text */
	uint64_t start;   /* below 2^32 */
	uint64_t count;   /* 1 or more; start + count is 2^32 at most */
	size_t line;      /* from 1 */
};

/**
 * subids_parse() - The ranges of such a file's text, in order of their starts
 * @text:	is written to, and must stay as long as the ranges
 * @ret:	to free()
 *
 * Comments, and lines that aren't NAME:START:COUNT, are left out. What is beyond the ids that there are
 * is cut off.
 *
 * Return: how many, or -1: no memory.
 */
ssize_t subids_parse(char *text, struct subids_range **ret);

/* Where a walk over overlaps is. Begins as all 0. */
struct subids_walk {
	const struct subids_range *first, *second; /* what subids_overlap() found */
	const struct subids_range *widest;
	size_t at;
};

/**
 * subids_overlap() - The next range that begins within one of another name
 * @v:	as subids_parse() gives them
 *
 * Not every pair that overlaps is found, but at least one where there are any.
 *
 * Return: true with w->first and w->second.
 */
bool subids_overlap(const struct subids_range *v, size_t n, struct subids_walk *w);

/**
 * subids_meets() - Whether a range has ids that are among others
 * @ranges:	of an account, as libsubid gives them
 */
bool subids_meets(
	const struct subids_range *r, const struct id_range *ranges, size_t n_ranges);
