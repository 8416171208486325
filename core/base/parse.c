/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/parse.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define USEC_SEC  UINT64_C(1000000)
#define USEC_MIN  (60 * USEC_SEC)
#define USEC_HOUR (60 * USEC_MIN)
#define USEC_DAY  (24 * USEC_HOUR)
#define USEC_YEAR (365 * USEC_DAY + 6 * USEC_HOUR)

static const struct {
	const char *name;
	uint64_t usec;
} time_units[] = {
	{ "us", 1 },
	{ "usec", 1 },
	{ "ms", 1000 },
	{ "msec", 1000 },
	{ "s", USEC_SEC },
	{ "sec", USEC_SEC },
	{ "second", USEC_SEC },
	{ "seconds", USEC_SEC },
	{ "m", USEC_MIN },
	{ "min", USEC_MIN },
	{ "minute", USEC_MIN },
	{ "minutes", USEC_MIN },
	{ "h", USEC_HOUR },
	{ "hr", USEC_HOUR },
	{ "hour", USEC_HOUR },
	{ "hours", USEC_HOUR },
	{ "d", USEC_DAY },
	{ "day", USEC_DAY },
	{ "days", USEC_DAY },
	{ "w", 7 * USEC_DAY },
	{ "week", 7 * USEC_DAY },
	{ "weeks", 7 * USEC_DAY },
	{ "M", USEC_YEAR / 12 },
	{ "month", USEC_YEAR / 12 },
	{ "months", USEC_YEAR / 12 },
	{ "y", USEC_YEAR },
	{ "year", USEC_YEAR },
	{ "years", USEC_YEAR },
};

/* The digits at *s, which is moved behind them; all of them are eaten on -ERANGE too. */
static int take_digits(const char **s, uint64_t *ret)
{
	uint64_t n = 0;
	int r = 0;

	if (**s < '0' || **s > '9')
		return -EINVAL;
	for (; **s >= '0' && **s <= '9'; (*s)++) {
		if (__builtin_mul_overflow(n, UINT64_C(10), &n) ||
			__builtin_add_overflow(n, (uint64_t)(**s - '0'), &n))
			r = -ERANGE;
	}
	*ret = n;
	return r;
}

int parse_u64(const char *s, uint64_t *ret)
{
	uint64_t n;
	int r = take_digits(&s, &n);

	if (r == -EINVAL || *s)
		return -EINVAL;
	if (r < 0)
		return r;
	*ret = n;
	return 0;
}

int parse_u32(const char *s, uint32_t *ret)
{
	uint64_t n;
	int r = parse_u64(s, &n);

	if (r < 0)
		return r;
	if (n > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)n;
	return 0;
}

bool parse_has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	while (strncmp(text, line, len) != 0 || (text[len] != '\n' && text[len])) {
		text += strcspn(text, "\n");
		if (!*text++)
			return false;
	}
	return true;
}

int parse_bool(const char *s, bool *ret)
{
	static const char *const words[][2] = { { "no", "yes" }, { "false", "true" },
		{ "off", "on" }, { "0", "1" } };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		for (size_t j = 0; j < 2; j++) {
			if (!strcmp(s, words[i][j])) {
				*ret = j;
				return 0;
			}
		}
	}
	return -EINVAL;
}

int parse_size(const char *s, uint64_t *ret)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t n;
	int r;

	if (!strcmp(s, "infinity")) {
		*ret = PARSE_INFINITY;
		return 0;
	}
	r = take_digits(&s, &n);
	if (r == -EINVAL)
		return r;
	unit = *s ? strchr(units, *s) : NULL;
	if (*s && (!unit || s[1]))
		return -EINVAL;
	if (r < 0)
		return r;
	for (ptrdiff_t i = unit ? unit - units : -1; i >= 0; i--)
		if (__builtin_mul_overflow(n, UINT64_C(1024), &n))
			return -ERANGE;
	if (n == PARSE_INFINITY)
		return -ERANGE;
	*ret = n;
	return 0;
}

int parse_count(const char *s, uint64_t *ret)
{
	uint64_t n;
	int r;

	if (!strcmp(s, "infinity")) {
		*ret = PARSE_INFINITY;
		return 0;
	}
	r = parse_u64(s, &n);
	if (r < 0)
		return r;
	if (n == PARSE_INFINITY)
		return -ERANGE;
	*ret = n;
	return 0;
}

/* The unit at *s, which is moved behind it and the blanks that follow. */
static int take_unit(const char **s, uint64_t *ret)
{
	size_t len = 0;

	while (((*s)[len] >= 'a' && (*s)[len] <= 'z') || (*s)[len] == 'M')
		len++;
	for (size_t i = 0; i < sizeof(time_units) / sizeof(*time_units); i++) {
		const char *name = time_units[i].name;

		if (strlen(name) == len && !strncmp(*s, name, len)) {
			*ret = time_units[i].usec;
			*s += len;
			return 0;
		}
	}
	return -EINVAL;
}

/* One "NUMBER UNIT" at *s, added to *sum; @first: a number alone is seconds. */
static int take_span(const char **s, bool first, uint64_t *sum)
{
	uint64_t n, unit = USEC_SEC;
	int range = take_digits(s, &n);

	if (range == -EINVAL)
		return range;
	if (!(first && !**s)) {
		while (**s == ' ')
			(*s)++;
		if (take_unit(s, &unit) < 0)
			return -EINVAL;
	}
	if (__builtin_mul_overflow(n, unit, &n) || __builtin_add_overflow(*sum, n, sum))
		range = -ERANGE;
	return range;
}

int parse_timespan(const char *s, uint64_t *ret)
{
	uint64_t sum = 0;
	bool first = true;
	int range = 0;

	if (!strcmp(s, "infinity")) {
		*ret = PARSE_INFINITY;
		return 0;
	}
	do {
		int r = take_span(&s, first, &sum);

		if (r == -EINVAL)
			return r;
		if (r < 0)
			range = r;
		first = false;
		if (*s == ' ' && s[strspn(s, " ")])
			s += strspn(s, " ");
	} while (*s);
	if (range < 0 || sum == PARSE_INFINITY)
		return -ERANGE;
	*ret = sum;
	return 0;
}

int parse_percent(const char *s, uint32_t *ret)
{
	uint64_t n;
	int r = take_digits(&s, &n);

	if (r == -EINVAL || strcmp(s, "%") != 0)
		return -EINVAL;
	if (r < 0 || n > UINT32_MAX)
		return -ERANGE;
	if (n == 0)
		return -EINVAL;
	*ret = (uint32_t)n;
	return 0;
}
