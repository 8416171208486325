/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/image/table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>

struct table {
	struct libscols_table *t;
	const char *name;
	size_t columns, rows;
	bool json;
};

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
		struct libscols_column *c = scols_table_new_column(
			t->t, columns[i].name, 0, columns[i].number ? SCOLS_FL_RIGHT : 0);

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

int table_row(struct table *t, const char *const *cells, struct err *e)
{
	struct libscols_line *line = scols_table_new_line(t->t, NULL);

	for (size_t i = 0; line && i < t->columns; i++)
		if (*cells[i] && scols_line_set_data(line, i, cells[i]) < 0)
			line = NULL;
	t->rows++;
	return line ? 0 : err_set(e, ENOMEM, "make the table");
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
