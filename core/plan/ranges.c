/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/ranges.h"

#include "core/base/parse.h"

#include <string.h>

struct range_line {
	uint32_t uid;
	struct id_range range;
	const char *name; /* NULL: of a version that noted none */
};

/* The field before the next blank, or the rest. */
static int take_number(char **rest, uint32_t *ret)
{
	char *field = strsep(rest, " ");

	return field ? parse_u32(field, ret) : -1;
}

static int take_line(char *line, struct range_line *ret)
{
	const struct id_range *r = &ret->range;

	if (take_number(&line, &ret->uid) < 0 ||
		take_number(&line, &ret->range.start) < 0 ||
		take_number(&line, &ret->range.count) < 0 || (line && !*line))
		return -1;
	ret->name = line;
	return r->count > 0 && r->start >= RANGES_FIRST && r->start <= RANGES_END &&
			       r->count <= RANGES_END - r->start
		       ? 0
		       : -1;
}

int ranges_find(char *text, uid_t uid, const char *name, struct id_range *ret,
	uint32_t *next, struct err *e)
{
	char *line;

	*next = RANGES_FIRST;
	for (unsigned int number = 1; (line = strsep(&text, "\n")); number++) {
		struct range_line l;

		if (*line == '\0' || *line == '#')
			continue;
		if (take_line(line, &l) < 0)
			return err_set(e, 0,
				"line %u isn't UID START COUNT NAME within %u to %u: correct or remove it",
				number, RANGES_FIRST, RANGES_END - 1);
		if (l.uid == uid && (!l.name || strcmp(l.name, name) == 0)) {
			*ret = l.range;
			return 1;
		}
		if (l.range.start + l.range.count > *next)
			*next = l.range.start + l.range.count;
	}
	return 0;
}
