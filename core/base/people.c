/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/people.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (256U * 1024)
#define BLANKS   " \t\""

static void take_number(const char *word, uid_t *ret)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(word, &end, 0);
	if (errno == 0 && end != word && *end == '\0' && n < (uid_t)-1)
		*ret = (uid_t)n;
}

void people_parse(char *text, struct people *ret)
{
	char *line;

	*ret = PEOPLE_USUAL;
	while ((line = strsep(&text, "\n"))) {
		char *rest = NULL, *name = strtok_r(line, BLANKS, &rest),
		     *value = name ? strtok_r(NULL, BLANKS, &rest) : NULL;

		if (!value)
			continue;
		if (strcmp(name, "UID_MIN") == 0)
			take_number(value, &ret->min);
		else if (strcmp(name, "UID_MAX") == 0)
			take_number(value, &ret->max);
	}
}

void people_read(struct people *ret)
{
	_cleanup_free_ char *text = malloc(TEXT_MAX);

	*ret = PEOPLE_USUAL;
	if (text && io_read_text(AT_FDCWD, PATH_LOGIN_DEFS, text, TEXT_MAX) > 0)
		people_parse(text, ret);
}

bool people_has(const struct people *p, uid_t uid)
{
	return uid >= p->min && uid <= p->max;
}
