/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/numbers.h"

#include "core/base/cleanup.h"
#include "core/base/parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct number_line {
	uint32_t uid, number;
	const char *name;
};

static int take_number(char **rest, uint32_t *ret)
{
	char *field = strsep(rest, " ");

	return field ? parse_u32(field, ret) : -1;
}

static int take_line(char *line, struct number_line *ret)
{
	if (take_number(&line, &ret->uid) < 0 || take_number(&line, &ret->number) < 0 ||
		!line || !*line || ret->number == 0)
		return -1;
	ret->name = line;
	return 0;
}

/* From there on, and from the first one after the last. */
static uint32_t first_free(const bool *taken, uint32_t from, uint32_t max)
{
	for (uint32_t i = 0; i < max; i++) {
		uint32_t n = (from - 1 + i) % max + 1;

		if (!taken[n])
			return n;
	}
	return 0;
}

int numbers_find(char *text, uid_t uid, const char *name, uint32_t from, uint32_t max,
	uint32_t *ret, struct err *e)
{
	_cleanup_free_ bool *taken = calloc((size_t)max + 1, sizeof(*taken));
	char *line;

	if (!taken)
		return err_set(e, ENOMEM, "look for an address");
	for (unsigned int i = 1; (line = strsep(&text, "\n")); i++) {
		struct number_line l;

		if (*line == '\0' || *line == '#')
			continue;
		if (take_line(line, &l) < 0)
			return err_set(e, 0,
				"line %u isn't UID NUMBER NAME: correct or remove it", i);
		if (l.number > max)
			continue;
		if (l.uid == uid && strcmp(l.name, name) == 0) {
			*ret = l.number;
			return 1;
		}
		taken[l.number] = true;
	}
	*ret = first_free(taken, from, max);
	return 0;
}
