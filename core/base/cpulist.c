/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/cpulist.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLANKS ", \t"

static bool has(const struct cpulist *l, size_t cpu)
{
	return l->bits[cpu / 64] >> cpu % 64 & 1;
}

/* The number at *s, which is moved behind it. */
static int take_cpu(const char **s, size_t *ret)
{
	size_t n = 0;

	if (**s < '0' || **s > '9')
		return -EINVAL;
	for (; **s >= '0' && **s <= '9'; (*s)++)
		if (n < CPULIST_MAX)
			n = n * 10 + (size_t)(**s - '0');
	if (n >= CPULIST_MAX)
		return -ERANGE;
	*ret = n;
	return 0;
}

int cpulist_read(const char *s, struct cpulist *ret)
{
	struct cpulist l = { 0 };
	size_t first = 0, last;
	int r;

	s += strspn(s, BLANKS);
	if (!*s)
		return -EINVAL;
	while (*s) {
		r = take_cpu(&s, &first);
		last = first;
		if (r == 0 && *s == '-') {
			s++;
			r = take_cpu(&s, &last);
		}
		if (r < 0)
			return r;
		if (last < first || (*s && !strchr(BLANKS, *s)))
			return -EINVAL;
		for (size_t i = first; i <= last; i++)
			l.bits[i / 64] |= UINT64_C(1) << i % 64;
		s += strspn(s, BLANKS);
	}
	*ret = l;
	return 0;
}

int cpulist_format(const struct cpulist *l, char *buf, size_t size)
{
	size_t used = 0;

	if (size == 0)
		return -1;
	*buf = '\0';
	for (size_t i = 0; i < CPULIST_MAX; i++) {
		size_t first = i;
		int len;

		if (!has(l, i))
			continue;
		while (i + 1 < CPULIST_MAX && has(l, i + 1))
			i++;
		len = snprintf(buf + used, size - used,
			first == i ? "%s%zu" : "%s%zu-%zu", used ? "," : "", first, i);
		if (len < 0 || (size_t)len >= size - used)
			return -1;
		used += (size_t)len;
	}
	return 0;
}

void cpulist_and(struct cpulist *l, const struct cpulist *other)
{
	for (size_t i = 0; i < CPULIST_MAX / 64; i++)
		l->bits[i] &= other->bits[i];
}

void cpulist_or(struct cpulist *l, const struct cpulist *other)
{
	for (size_t i = 0; i < CPULIST_MAX / 64; i++)
		l->bits[i] |= other->bits[i];
}

size_t cpulist_count(const struct cpulist *l)
{
	size_t n = 0;

	for (size_t i = 0; i < CPULIST_MAX / 64; i++)
		n += (size_t)__builtin_popcountll(l->bits[i]);
	return n;
}
