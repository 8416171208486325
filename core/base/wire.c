/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/wire.h"

#include "core/base/strlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What stands for a text that is NULL, in the place of its length. */
#define NO_TEXT UINT32_MAX

struct out {
	unsigned char *v;
	size_t n, room;
	const char *wrong; /* the field that can't be sent; "" for want of memory */
};

struct in {
	const unsigned char *at, *end;
	struct arena *arena;
	const char *wrong;
};

/* ---- what the table says --------------------------------------------------------------- */

/* FNV-1a */
static uint32_t mix(uint32_t hash, const void *from, size_t n)
{
	const unsigned char *at = from;

	for (size_t i = 0; i < n; i++)
		hash = (hash ^ at[i]) * 16777619U;
	return hash;
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than the tables are */
uint32_t wire_layout(const struct wire_record *r)
{
	uint32_t hash = 2166136261U, of;

	for (size_t i = 0; i < r->n; i++) {
		const struct wire_field *f = &r->fields[i];

		hash = mix(hash, f->name, strlen(f->name));
		hash = mix(hash, &f->kind, sizeof(f->kind));
		hash = mix(hash, &f->size, sizeof(f->size));
		hash = mix(hash, &f->max, sizeof(f->max));
		of = f->of ? wire_layout(f->of) : 0;
		hash = mix(hash, &of, sizeof(of));
	}
	return hash;
}

/* ---- out ---------------------------------------------------------------------------- */

static void put_bytes(struct out *o, const void *from, size_t n)
{
	if (o->room - o->n < n && !o->wrong) {
		size_t room = o->n + n < 8192 ? 16384 : (o->n + n) * 2;
		unsigned char *v = room <= 2UL * WIRE_MAX ? realloc(o->v, room) : NULL;

		o->wrong = v ? NULL : "";
		o->v = v ? v : o->v;
		o->room = v ? room : o->room;
	}
	if (o->wrong || n == 0)
		return;
	memcpy(o->v + o->n, from, n);
	o->n += n;
}

static void put_u32(struct out *o, size_t n)
{
	uint32_t word = (uint32_t)n;

	if (n >= NO_TEXT)
		o->wrong = "";
	put_bytes(o, &word, sizeof(word));
}

static void put_text(struct out *o, const struct wire_field *f, const char *s)
{
	size_t len = s ? strlen(s) : 0;

	if (!s && (f->kind == WIRE_TEXT || f->kind == WIRE_TEXTS))
		o->wrong = f->name;
	if (!s) {
		const uint32_t none = NO_TEXT;

		put_bytes(o, &none, sizeof(none));
		return;
	}
	put_u32(o, len);
	put_bytes(o, s, len + 1);
}

static size_t count_of(const struct wire_field *f, const void *record)
{
	size_t n;

	memcpy(&n, (const char *)record + f->count, sizeof(n));
	return n;
}

static void put_record(struct out *o, const struct wire_record *r, const void *from);

static void put_list(struct out *o, const struct wire_field *f, const void *v, size_t n)
{
	const char *const *texts = v;

	put_u32(o, n);
	if (f->kind == WIRE_NUMBERS)
		put_bytes(o, v, n * sizeof(uint32_t));
	for (size_t i = 0; i < n && !o->wrong; i++) {
		if (f->kind == WIRE_TEXTS || f->kind == WIRE_LIST)
			put_text(o, f, texts[i]);
		else if (f->kind != WIRE_NUMBERS)
			put_record(o, f->of, (const char *)v + i * f->of->size);
	}
}

static void put_field(struct out *o, const struct wire_field *f, const void *record)
{
	const char *at = (const char *)record + f->offset;
	const void *pointer = NULL;
	struct strlist list;

	switch (f->kind) {
	case WIRE_NUMBER:
	case WIRE_BOOL:
		put_bytes(o, at, f->size);
		break;
	case WIRE_TEXT:
	case WIRE_MAYBE:
	case WIRE_OWNED:
		memcpy(&pointer, at, sizeof(pointer));
		put_text(o, f, pointer);
		break;
	case WIRE_LIST:
		memcpy(&list, at, sizeof(list));
		put_list(o, f, list.v, list.n);
		break;
	case WIRE_RECORD:
		put_record(o, f->of, at);
		break;
	case WIRE_ARRAY:
		put_list(o, f, at, count_of(f, record));
		break;
	case WIRE_TEXTS:
	case WIRE_NUMBERS:
	case WIRE_RECORDS:
		memcpy(&pointer, at, sizeof(pointer));
		put_list(o, f, pointer, pointer ? count_of(f, record) : 0);
		break;
	case WIRE_STAYS:
		break;
	}
}

static void put_record(struct out *o, const struct wire_record *r, const void *from)
{
	for (size_t i = 0; i < r->n && !o->wrong; i++)
		put_field(o, &r->fields[i], from);
}

int wire_put(const struct wire_record *r, const void *from, void **ret, size_t *ret_size,
	struct err *e)
{
	struct out o = { 0 };

	put_record(&o, r, from);
	if (!o.wrong && o.n > WIRE_MAX)
		o.wrong = "";
	if (o.wrong) {
		free(o.v);
		return *o.wrong ? err_set(e, 0, "send %s: %s has nothing", r->name,
					  o.wrong)
				: err_set(e, ENOMEM, "send %s", r->name);
	}
	*ret = o.v;
	*ret_size = o.n;
	return 0;
}

/* ---- in ----------------------------------------------------------------------------- */

static bool take_bytes(struct in *in, void *to, size_t n)
{
	if ((size_t)(in->end - in->at) < n)
		return false;
	memcpy(to, in->at, n);
	in->at += n;
	return true;
}

/* The number of what is to come, each of which takes a byte at least. */
static bool take_count(struct in *in, size_t entry, size_t *ret)
{
	uint32_t n;

	if (!take_bytes(in, &n, sizeof(n)) || (size_t)(in->end - in->at) / entry < n)
		return false;
	*ret = n;
	return true;
}

static bool take_text(struct in *in, const char **ret)
{
	uint32_t len;

	*ret = NULL;
	if (!take_bytes(in, &len, sizeof(len)))
		return false;
	if (len == NO_TEXT)
		return true;
	if ((size_t)(in->end - in->at) <= len ||
		memchr(in->at, '\0', (size_t)len + 1) != in->at + len)
		return false;
	*ret = (const char *)in->at;
	in->at += (size_t)len + 1;
	return true;
}

static bool take_record(struct in *in, const struct wire_record *r, void *to);

static bool take_number(struct in *in, const struct wire_field *f, char *at)
{
	uint64_t n = 0;

	/* Of the last bytes on a big-endian machine, of the first on another. */
	if (!take_bytes(in, at, f->size))
		return false;
	if (f->size == sizeof(uint32_t)) {
		uint32_t word;

		memcpy(&word, at, sizeof(word));
		n = word;
	} else if (f->size == sizeof(uint64_t)) {
		memcpy(&n, at, sizeof(n));
	} else {
		return false;
	}
	return f->max == 0 || n <= f->max;
}

/* As a byte first: another value than these two is no bool. */
static bool take_bool(struct in *in, char *at)
{
	unsigned char byte;
	bool value;

	if (!take_bytes(in, &byte, 1) || byte > 1)
		return false;
	value = byte == 1;
	memcpy(at, &value, sizeof(value));
	return true;
}

static bool take_strlist(struct in *in, char *at)
{
	struct strlist list = { 0 };
	const char *s;
	size_t n;
	bool good = take_count(in, sizeof(uint32_t), &n);

	for (size_t i = 0; good && i < n; i++)
		good = take_text(in, &s) && s && strlist_add(&list, s) == 0;
	memcpy(at, &list, sizeof(list));
	return good;
}

static bool take_owned(struct in *in, char *at)
{
	const char *s;
	char *copy;

	if (!take_text(in, &s))
		return false;
	copy = s ? strdup(s) : NULL;
	memcpy(at, &copy, sizeof(copy));
	return !s || copy;
}

/* Into memory of its own. */
static bool take_texts(struct in *in, size_t n, char *at)
{
	const char **v = arena_alloc(in->arena, (n + 1) * sizeof(*v));
	bool good = v != NULL;

	for (size_t i = 0; good && i < n; i++)
		good = take_text(in, &v[i]) && v[i];
	memcpy(at, &v, sizeof(v));
	return good;
}

static bool take_numbers(struct in *in, size_t n, char *at)
{
	uint32_t *v = arena_alloc(in->arena, (n + 1) * sizeof(*v));

	memcpy(at, &v, sizeof(v));
	return v && take_bytes(in, v, n * sizeof(*v));
}

static bool take_entries(struct in *in, const struct wire_record *r, size_t n, char *to)
{
	for (size_t i = 0; i < n; i++)
		if (!take_record(in, r, to + i * r->size))
			return false;
	return true;
}

static bool take_records(struct in *in, const struct wire_field *f, size_t n, char *at)
{
	char *v = arena_alloc(in->arena, (n + 1) * f->of->size);

	memcpy(at, &v, sizeof(v));
	return v && take_entries(in, f->of, n, v);
}

/* What has a length: that is written before its entries are, and so is what they are freed by. */
static bool take_list(struct in *in, const struct wire_field *f, char *record)
{
	size_t least = f->kind == WIRE_ARRAY || f->kind == WIRE_RECORDS ? f->of->n : 4, n;
	char *at = record + f->offset;

	if (!take_count(in, least, &n) || (f->kind == WIRE_ARRAY && n > f->max))
		return false;
	memcpy(record + f->count, &n, sizeof(n));
	if (f->kind == WIRE_TEXTS)
		return take_texts(in, n, at);
	if (f->kind == WIRE_NUMBERS)
		return take_numbers(in, n, at);
	return f->kind == WIRE_ARRAY ? take_entries(in, f->of, n, at)
				     : take_records(in, f, n, at);
}

static bool take_field(struct in *in, const struct wire_field *f, char *record)
{
	char *at = record + f->offset;
	const char *s;

	switch (f->kind) {
	case WIRE_NUMBER:
		return take_number(in, f, at);
	case WIRE_BOOL:
		return take_bool(in, at);
	case WIRE_TEXT:
	case WIRE_MAYBE:
		if (!take_text(in, &s) || (!s && f->kind == WIRE_TEXT))
			return false;
		memcpy(at, &s, sizeof(s));
		return true;
	case WIRE_OWNED:
		return take_owned(in, at);
	case WIRE_LIST:
		return take_strlist(in, at);
	case WIRE_RECORD:
		return take_record(in, f->of, at);
	case WIRE_ARRAY:
	case WIRE_TEXTS:
	case WIRE_NUMBERS:
	case WIRE_RECORDS:
		return take_list(in, f, record);
	case WIRE_STAYS:
		return true;
	}
	return false;
}

static bool take_record(struct in *in, const struct wire_record *r, void *to)
{
	for (size_t i = 0; i < r->n; i++)
		if (!take_field(in, &r->fields[i], to)) {
			in->wrong = in->wrong ? in->wrong : r->fields[i].name;
			return false;
		}
	return true;
}

int wire_take(const struct wire_record *r, const void *from, size_t size,
	struct arena *arena, void *to, struct err *e)
{
	struct in in = { from, (const unsigned char *)from + size, arena, NULL };

	memset(to, 0, r->size);
	if (!take_record(&in, r, to))
		return err_set(e, 0, "what came is no %s: %s", r->name, in.wrong);
	return in.at == in.end ? 0
			       : err_set(e, 0, "what came is no %s: it goes on", r->name);
}
