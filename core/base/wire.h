/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Structs as bytes, and back, for another process of this build: each is described by one table of its
 * fields, which both directions walk. What comes in is untrusted.
 *
 * A new member of such a struct takes one row in its table, and nothing else: FIELD(kind, member) or, for a
 * list, WIRE_COUNT(member that has its length) as well. tests/unit/test_wire.c fails for one that is forgotten.
 */
#pragma once

#include "core/base/arena.h"
#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message at most: a plan holds /etc/hosts, which may have 8 MiB. */
#define WIRE_MAX (32U << 20)

enum wire_kind {
	WIRE_NUMBER, /* unsigned, or an enum: at most max where that isn't 0 */
	WIRE_BOOL,
	WIRE_TEXT,    /* const char *, never NULL */
	WIRE_MAYBE,   /* const char *, or NULL */
	WIRE_OWNED,   /* char * to free(), or NULL */
	WIRE_LIST,    /* struct strlist */
	WIRE_RECORD,  /* a struct inside */
	WIRE_ARRAY,   /* structs inside, as many as the count says */
	WIRE_TEXTS,   /* pointer to texts, none NULL */
	WIRE_NUMBERS, /* pointer to uint32_t */
	WIRE_RECORDS, /* pointer to structs */
	WIRE_STAYS,   /* not sent */
};

struct wire_field {
	const char *name;
	enum wire_kind kind;
	size_t offset, size, align;
	size_t count;                 /* offset of a list's length, a size_t */
	uint64_t max;                 /* of a number; of an array its room */
	const struct wire_record *of; /* what it holds */
};

/* A struct; its table. */
struct wire_record {
	const char *name;
	size_t size;
	const struct wire_field *fields;
	size_t n;
};

/* A row of the table of WIRE_OF, which is #defined around it. */
#define WIRE_FIELD(wire, member, ...)                                                    \
	{                                                                                \
		.name = #member, .kind = WIRE_##wire,                                    \
		.offset = offsetof(WIRE_OF, member),                                     \
		.size = sizeof(((WIRE_OF *)0)->member),                                  \
		.align = _Alignof(__typeof__(((WIRE_OF *)0)->member)), __VA_ARGS__       \
	}
#define WIRE_COUNT(member) .count = offsetof(WIRE_OF, member)
#define WIRE_TABLE(type, rows)                                                           \
	{                                                                                \
#type, sizeof(type), rows, sizeof(rows) / sizeof(*(rows))                \
	}

/* A number for all that its table says, by which two builds know that they mean the same. */
uint32_t wire_layout(const struct wire_record *r);

/**
 * wire_put() - A struct as bytes
 * @ret:	to free()
 *
 * Return: 0; -1 with @e: no memory, more than WIRE_MAX, or a text that mustn't be NULL is.
 */
int wire_put(const struct wire_record *r, const void *from, void **ret, size_t *ret_size,
	struct err *e);

/**
 * wire_take() - Bytes as a struct
 * @from:	must stay as long as @to: texts point into it
 * @arena:	gets what lists take
 * @to:		all of it is set, also on failure: what is WIRE_OWNED or WIRE_LIST is the caller's to free
 *
 * Every number is in its bounds, every text ends, every list has what its length says, and no byte is left.
 * Takes memory in proportion to @size.
 *
 * Return: 0; -1 with @e, which names the field.
 */
int wire_take(const struct wire_record *r, const void *from, size_t size,
	struct arena *arena, void *to, struct err *e);
