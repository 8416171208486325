/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets of CPUs as text: "0-3,7" (cpuset(7), List Format). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPULIST_MAX  8192 /* CPUs: NR_CPUS of the largest kernels */
#define CPULIST_TEXT 512  /* room for the text of a set, with the 0 */

struct cpulist {
	uint64_t bits[CPULIST_MAX / 64];
};

/**
 * cpulist_read() - Parse a list of CPUs and ranges, between commas or blanks
 *
 * Return: 0; -EINVAL, not of the form or empty; -ERANGE, a CPU above CPULIST_MAX.
 */
int cpulist_read(const char *s, struct cpulist *ret);

/* The shortest text, as the kernel shows it. Return: 0, or -1 where @buf is too small. */
int cpulist_format(const struct cpulist *l, char *buf, size_t size);

/* Keep only those that @other has, too. */
void cpulist_and(struct cpulist *l, const struct cpulist *other);
/* Add those of @other. */
void cpulist_or(struct cpulist *l, const struct cpulist *other);
size_t cpulist_count(const struct cpulist *l);
