/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/pamdiff.h"

#include "core/base/cleanup.h"
#include "core/plan/pamstack.h"

#include <stdbool.h>
#include <string.h>

#define CONTEXT 3

/* One line of the diff; the text isn't ended by a 0. */
struct row {
	char sign; /* ' ', '-', '+' */
	const char *s;
	size_t len; /* its newline among them */
};

struct rows {
	struct row *v;
	size_t n;
};

static size_t line_len(const char *s)
{
	size_t len = strcspn(s, "\n");

	return len + (s[len] == '\n');
}

static bool is_marked(const char *s, size_t len)
{
	return memmem(s, len, PAMSTACK_MARK, strlen(PAMSTACK_MARK)) != NULL;
}

static void row_add(struct rows *r, char sign, const char **s, size_t len)
{
	r->v[r->n++] = (struct row){ sign, *s, len };
	*s += len;
}

/* Go through both texts side by side. */
static void rows_fill(struct rows *r, const char *old, const char *new)
{
	while (*old || *new) {
		size_t o = line_len(old), n = line_len(new);

		if (o > 0 && o == n && memcmp(old, new, n) == 0) {
			row_add(r, ' ', &old, o);
			new += n;
		} else if (n > 0 && is_marked(new, n)) {
			row_add(r, '+', &new, n);
		} else if (o > 0 && is_marked(old, o)) {
			row_add(r, '-', &old, o);
		} else {
			if (o > 0)
				row_add(r, '-', &old, o);
			if (n > 0)
				row_add(r, '+', &new, n);
		}
	}
}

/* How many rows of either text lie in [from, to). */
static size_t rows_count(const struct rows *r, size_t from, size_t to, char without)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += r->v[i].sign != without;
	return n;
}

static void hunk_print(const struct rows *r, size_t from, size_t to, FILE *out)
{
	size_t old = rows_count(r, from, to, '+'), new = rows_count(r, from, to, '-');

	/* As diff(1): a range without lines names the line before it. */
	(void)fprintf(out, "@@ -%zu,%zu +%zu,%zu @@\n",
		rows_count(r, 0, from, '+') + (old > 0), old,
		rows_count(r, 0, from, '-') + (new > 0), new);
	for (size_t i = from; i < to; i++) {
		const struct row *v = &r->v[i];

		(void)fprintf(out, "%c%.*s", v->sign, (int)v->len, v->s);
		if (v->len == 0 || v->s[v->len - 1] != '\n')
			(void)fputs("\n\\ No newline at end of file\n", out);
	}
}

static size_t change_next(const struct rows *r, size_t i)
{
	while (i < r->n && r->v[i].sign == ' ')
		i++;
	return i;
}

int pamdiff_print(const char *path, const char *old, const char *new, FILE *out)
{
	_cleanup_free_ struct row *v = NULL;
	struct rows r = { 0 };
	size_t end = 0;

	if (strcmp(old, new) == 0)
		return 0;
	v = calloc(strlen(old) + strlen(new) + 1, sizeof(*v));
	if (!v)
		return -1;
	r.v = v;
	rows_fill(&r, old, new);
	(void)fprintf(out, "--- %s\n+++ %s\n", path, path);
	for (size_t i = change_next(&r, 0); i < r.n; i = change_next(&r, end)) {
		size_t from = i > end + CONTEXT ? i - CONTEXT : end;
		size_t last = i;

		/* Changes that lie close share a hunk. */
		for (size_t j = change_next(&r, i + 1);
			j < r.n && j - last <= 2 * CONTEXT; j = change_next(&r, j + 1))
			last = j;
		end = last + 1 + CONTEXT < r.n ? last + 1 + CONTEXT : r.n;
		hunk_print(&r, from, end, out);
	}
	return 0;
}
