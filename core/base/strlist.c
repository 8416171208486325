/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/strlist.h"

#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"

/* Room for one more: the array grows when its length reaches a power of two. */
static int strlist_reserve(struct strlist *l)
{
	size_t room = l->n ? l->n * 2 : 1;
	char **v;

	if (l->n & (l->n - 1))
		return 0;
	v = reallocarray(l->v, room, sizeof(*v));
	if (!v)
		return -1;
	l->v = v;
	return 0;
}

int strlist_add_n(struct strlist *l, const char *s, size_t len)
{
	char *copy = strndup(s, len);

	if (!copy || strlist_reserve(l) < 0) {
		free(copy);
		return -1;
	}
	l->v[l->n++] = copy;
	return 0;
}

int strlist_add(struct strlist *l, const char *s)
{
	return strlist_add_n(l, s, strlen(s));
}

int strlist_add_words(struct strlist *l, const char *s)
{
	size_t before = l->n;

	for (s += strspn(s, BLANKS); *s; s += strspn(s, BLANKS)) {
		size_t len = strcspn(s, BLANKS);

		if (strlist_add_n(l, s, len) < 0) {
			while (l->n > before)
				free(l->v[--l->n]);
			return -1;
		}
		s += len;
	}
	return 0;
}

int strlist_add_lines(struct strlist *l, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")))
		if (*line && strlist_add(l, line) < 0)
			return -1;
	return 0;
}

bool strlist_has(const struct strlist *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], s))
			return true;
	return false;
}

void strlist_clear(struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strlist){ 0 };
}
