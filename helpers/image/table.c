/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/table.h"

#include "core/base/harmless.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct table {
	struct libscols_table *t;
	struct libscols_line *line;
	const char *name;
	size_t columns, rows;
	bool json;
};

/* ---- columns to choose among -------------------------------------------------------- */

static const struct table_column *at(
	const struct table_column *columns, size_t size, size_t i)
{
	return (const void *)((const char *)columns + i * size);
}

static size_t find(const char *name, size_t len, const struct table_column *columns,
	size_t size, size_t n)
{
	size_t i = 0;

	while (i < n && (strlen(at(columns, size, i)->name) != len ||
				strncasecmp(at(columns, size, i)->name, name, len) != 0))
		i++;
	return i;
}

int table_choose(const char *list, const struct table_column *columns, size_t size,
	size_t n, size_t *ret, struct err *e)
{
	int chosen = 0;

	for (const char *s = list;; s++) {
		size_t len = strcspn(s, ","), i = find(s, len, columns, size, n);

		if (i == n)
			return err_set(e, 0, "there is no column \"%.*s\" (see --help)",
				len > 64 ? 64 : (int)len, s);
		if (chosen == TABLE_CHOSEN_MAX)
			return err_set(e, 0, "more than %d columns", TABLE_CHOSEN_MAX);
		ret[chosen++] = i;
		s += len;
		if (!*s)
			return chosen;
	}
}

void table_help(const struct table_column *columns, size_t size, size_t n)
{
	(void)puts("\ncolumns:");
	for (size_t i = 0; i < n; i++)
		(void)printf("  %-11s %s\n", at(columns, size, i)->name,
			at(columns, size, i)->what);
}

/* ---- a table ------------------------------------------------------------------------ */

void table_free(struct table **t)
{
	if (*t)
		scols_unref_table((*t)->t);
	free(*t);
	*t = NULL;
}

static int set_up(
	struct table *t, const struct table_how *how, const struct table_column *columns)
{
	scols_init_debug(0);
	t->t = scols_new_table();
	if (!t->t || scols_table_enable_json(t->t, how->json) < 0 ||
		scols_table_enable_raw(t->t, how->raw) < 0 ||
		scols_table_enable_noheadings(t->t, how->noheadings) < 0 ||
		scols_table_set_name(t->t, t->name) < 0)
		return -1;
	for (size_t i = 0; i < t->columns; i++) {
		struct libscols_column *c =
			scols_table_new_column(t->t, columns[i].name, columns[i].width,
				(columns[i].number ? SCOLS_FL_RIGHT : 0) |
					(columns[i].cut ? SCOLS_FL_TRUNC : 0));

		if (!c || scols_column_set_json_type(c, columns[i].number
								? SCOLS_JSON_NUMBER
								: SCOLS_JSON_STRING) < 0)
			return -1;
	}
	return 0;
}

struct table *table_new(const char *name, const struct table_how *how,
	const struct table_column *columns, size_t n, struct err *e)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t)
		*t = (struct table){ .name = name, .columns = n, .json = how->json };
	if (!t || set_up(t, how, columns) < 0) {
		table_free(&t);
		(void)err_set(e, ENOMEM, "make the table");
	}
	return t;
}

int table_line(struct table *t, struct err *e)
{
	t->line = scols_table_new_line(t->t, NULL);
	t->rows++;
	return t->line ? 0 : err_set(e, ENOMEM, "make the table");
}

int table_cell(struct table *t, size_t column, const char *text, struct err *e)
{
	char *copy = *text ? strdup(text) : NULL;

	/* A name may hold any byte: libsmartcols writes those that are none of its terminal's otherwise, but for JSON as they are. */
	if (copy && t->json)
		harmless_utf8(copy);
	if (!*text || (copy && scols_line_refer_data(t->line, column, copy) == 0))
		return 0;
	free(copy);
	return err_set(e, ENOMEM, "make the table");
}

int table_row(struct table *t, const char *const *cells, struct err *e)
{
	int r = table_line(t, e);

	for (size_t i = 0; r == 0 && i < t->columns; i++)
		r = table_cell(t, i, cells[i], e);
	return r;
}

int table_print(struct table *t, struct err *e)
{
	/* libsmartcols prints nothing at all for no rows. */
	if (t->rows == 0 && t->json)
		(void)printf("{\n   \"%s\": []\n}\n", t->name);
	else if (scols_print_table(t->t) < 0)
		return err_set(e, 0, "print the table");
	return 0;
}
