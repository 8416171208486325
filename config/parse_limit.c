/* SPDX-License-Identifier: BSD-3-Clause */
/* Parsers of limits: amounts, CPUs, devices' speeds, the slice. */
#include "config/internal.h"
#include "core/base/cleanup.h"
#include "core/base/cpulist.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- amounts ------------------------------------------------------------------------ */

/* "12%", "12.5%", "12.25%" in hundredths of a percent. */
static int parse_part(const char *value, uint32_t *ret)
{
	size_t whole = strspn(value, "0123456789");
	const char *at = value + whole;
	uint32_t n = 0;

	if (whole == 0 || whole > 3)
		return -EINVAL;
	for (size_t i = 0; i < whole; i++)
		n = n * 10 + (uint32_t)(value[i] - '0');
	n *= 100;
	if (*at == '.') {
		size_t digits = strspn(++at, "0123456789");

		if (digits == 0 || digits > 2)
			return -EINVAL;
		n += (uint32_t)(at[0] - '0') * 10;
		n += digits == 2 ? (uint32_t)(at[1] - '0') : 0;
		at += digits;
	}
	if (strcmp(at, "%") != 0 || n == 0 || n > 10000)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int amount(const struct config_key *key, int r, uint64_t n, const char *value,
	struct policy_amount *field, char *why, size_t why_size)
{
	struct policy_amount a = { .n = n };

	if (strchr(value, '%')) {
		if (parse_part(value, &a.permyriad) < 0) {
			(void)snprintf(why, why_size,
				"a part is from 0.01%% to 100%%, with two digits after the point at most");
			return -EINVAL;
		}
	} else if (r < 0) {
		if (r == -ERANGE)
			(void)snprintf(why, why_size, "too large");
		return -EINVAL;
	} else if (n < key->min) {
		(void)snprintf(why, why_size, "too small");
		return -EINVAL;
	}
	*field = a;
	return 0;
}

int config_parse_amount(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	uint64_t n = 0;
	int r = parse_size(value, &n);

	return amount(key, r, n, value, field, why, why_size);
}

int config_parse_tasks(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	uint64_t n = 0;
	int r = parse_count(value, &n);

	return amount(key, r, n, value, field, why, why_size);
}

/* ---- CPUs --------------------------------------------------------------------------- */

int config_parse_cpus(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	char **cpus = field, *copy = NULL, text[CPULIST_TEXT];
	struct cpulist list;
	int r;

	(void)key;
	if (strcmp(value, "all") != 0) {
		r = cpulist_read(value, &list);
		if (r == -ERANGE)
			(void)snprintf(
				why, why_size, "there are %d CPUs at most", CPULIST_MAX);
		if (r < 0)
			return -EINVAL;
		if (cpulist_format(&list, text, sizeof(text)) < 0) {
			(void)snprintf(why, why_size, "too many single CPUs");
			return -EINVAL;
		}
		copy = strdup(text);
		if (!copy)
			return -ENOMEM;
	}
	free(*cpus);
	*cpus = copy;
	return 0;
}

/* ---- devices ------------------------------------------------------------------------ */

/* "500", "20M": units are powers of 1000, as in systemd.resource-control(5). */
static int parse_speed(const char *value, uint64_t *ret)
{
	static const char units[] = "KMGT";
	size_t len = strspn(value, "0123456789");
	char digits[24];
	const char *unit;
	uint64_t n;

	if (len == 0 || len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, value, len);
	digits[len] = '\0';
	if (parse_u64(digits, &n) < 0 || n == 0)
		return -EINVAL;
	value += len;
	unit = *value ? strchr(units, *value) : NULL;
	if (*value && (!unit || value[1]))
		return -EINVAL;
	for (ptrdiff_t i = unit ? unit - units : -1; i >= 0; i--)
		if (__builtin_mul_overflow(n, UINT64_C(1000), &n))
			return -EINVAL;
	*ret = n;
	return n == PARSE_INFINITY ? -EINVAL : 0;
}

/* Put "PATH VALUE" in the place of an entry of that path, or at the end. */
static int io_put(struct strlist *list, char *entry)
{
	size_t len = strcspn(entry, " ");

	for (size_t i = 0; i < list->n; i++) {
		if (strncmp(list->v[i], entry, len + 1) != 0)
			continue;
		free(list->v[i]);
		list->v[i] = entry;
		return 0;
	}
	if (strlist_add(list, entry) < 0)
		return -ENOMEM;
	free(entry);
	return 0;
}

int config_parse_io(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	_cleanup_(strlist_clear) struct strlist words = { 0 };
	struct strlist *list = field;
	char *entry = NULL;
	uint64_t n = 0;
	bool none;
	int len;

	(void)key;
	if (strlist_add_words(&words, value) < 0)
		return -ENOMEM;
	if (words.n != 2 || words.v[0][0] != '/')
		return -EINVAL;
	none = strcmp(words.v[1], "infinity") == 0;
	if (!none && parse_speed(words.v[1], &n) < 0)
		return -EINVAL;
	if (list->n >= POLICY_IO_MAX) {
		(void)snprintf(why, why_size, "more than %d paths", POLICY_IO_MAX);
		return -EINVAL;
	}
	len = none ? asprintf(&entry, "%s infinity", words.v[0])
		   : asprintf(&entry, "%s %" PRIu64, words.v[0], n);
	if (len < 0)
		return -ENOMEM;
	if (io_put(list, entry) < 0) {
		free(entry);
		return -ENOMEM;
	}
	return 0;
}

/* ---- the slice ---------------------------------------------------------------------- */

int config_parse_slice(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size)
{
	char **slice = field, *copy = NULL;
	const char *wrong = config_slice_name_wrong(value);

	(void)key;
	if (strcmp(value, "none") != 0) {
		if (wrong) {
			(void)snprintf(why, why_size, "%s", wrong);
			return -EINVAL;
		}
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	free(*slice);
	*slice = copy;
	return 0;
}
