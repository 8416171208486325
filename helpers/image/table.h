/* SPDX-License-Identifier: BSD-3-Clause */
/* What nsctl prints as tables: aligned, raw, or JSON. */
#pragma once

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct table_how {
	bool json, raw, noheadings, bytes;
};

/* clang-format off */
/* Rows of a table of struct nsctl_option that fill it. */
#define TABLE_OPTIONS(how)                                                               \
	{ 'J', "json", NULL, "JSON, with plain numbers", &(how).json, NULL },            \
	{ 'n', "noheadings", NULL, "no line with the columns' names", &(how).noheadings, NULL }, \
	{ 'r', "raw", NULL, "for scripts: one blank between columns", &(how).raw, NULL }, \
	{ 'b', "bytes", NULL, "plain numbers: bytes, seconds", &(how).bytes, NULL }
/* clang-format on */

struct table_column {
	const char *name;
	bool number;  /* to the right, and a number in JSON */
	bool cut;     /* where the terminal is too narrow for it */
	double width; /* as libsmartcols takes it: less than 1 is a part of the terminal */
	const char *what; /* one line for help */
};

#define TABLE_CHOSEN_MAX 32

/**
 * table_choose() - Take "id,user" apart, a list of columns
 * @columns:	those that there are; each is at the beginning of @size bytes
 * @ret:	their places, room for TABLE_CHOSEN_MAX
 *
 * Return: how many, or -1 with @e.
 */
int table_choose(const char *list, const struct table_column *columns, size_t size,
	size_t n, size_t *ret, struct err *e);

/* One more section of a command's help: the names of the columns, as above. */
void table_help(const struct table_column *columns, size_t size, size_t n);

struct table;

/* @name: of the array in JSON. Return: NULL with @e. */
struct table *table_new(const char *name, const struct table_how *how,
	const struct table_column *columns, size_t n, struct err *e);
/* Begin a row, and fill a cell of it. Return: 0 or -1 with @e. */
int table_line(struct table *t, struct err *e);
int table_cell(struct table *t, size_t column, const char *text, struct err *e);
/* A whole row, of as many cells; "" is none. Return: 0 or -1 with @e. */
int table_row(struct table *t, const char *const *cells, struct err *e);
int table_print(struct table *t, struct err *e);
void table_free(struct table **t);
