/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of what is in the store, as nsctl's others are: aligned, raw, or JSON. */
#pragma once

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct table_how {
	bool json, raw, noheadings;
};

struct table_column {
	const char *name;
	bool number; /* to the right, and a number in JSON */
};

struct table;

/* @name: of the array in JSON. Return: NULL with @e. */
struct table *table_new(const char *name, const struct table_how *how,
	const struct table_column *columns, size_t n, struct err *e);
/* A row, of as many cells; "" is none. Return: 0 or -1 with @e. */
int table_row(struct table *t, const char *const *cells, struct err *e);
int table_print(struct table *t, struct err *e);
void table_free(struct table **t);
