/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/accountlines.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
	const char *s;
	size_t len;
};

/* The word of that number, from 0, of the line that begins at @line; empty where it has none. */
static struct word word_of(const char *line, int number)
{
	struct word w = { line, strcspn(line, ":\n") };

	for (; number > 0; number--) {
		if (w.s[w.len] != ':')
			return (struct word){ w.s, 0 };
		w.s += w.len + 1;
		w.len = strcspn(w.s, ":\n");
	}
	return w;
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return line + (*line == '\n');
}

/* Whether one of @lines has the same word there, and it isn't empty. */
static bool shares(const char *line, const char *lines, int number)
{
	struct word w = word_of(line, number);

	for (; w.len > 0 && *lines; lines = next_line(lines)) {
		struct word o = word_of(lines, number);

		if (o.len == w.len && memcmp(o.s, w.s, w.len) == 0)
			return true;
	}
	return false;
}

static void put(FILE *out, const char *text, const char *lines)
{
	bool put_ours = false;

	for (; *text; text = next_line(text)) {
		if (shares(text, lines, 0))
			continue;
		if (!put_ours && shares(text, lines, 2)) {
			fputs(lines, out);
			put_ours = true;
		}
		fprintf(out, "%.*s\n", (int)strcspn(text, "\n"), text);
	}
	if (!put_ours)
		fputs(lines, out);
}

static bool same(struct word a, struct word b)
{
	return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
}

static bool is_ours(const char *line, const char *lines)
{
	for (; *lines; lines = next_line(lines))
		if (same(word_of(line, 0), word_of(lines, 0)) &&
			(word_of(lines, 2).len == 0 ||
				same(word_of(line, 2), word_of(lines, 2))))
			return true;
	return false;
}

static void put_others(FILE *out, const char *text, const char *lines)
{
	for (; *text; text = next_line(text))
		if (!is_ours(text, lines))
			fprintf(out, "%.*s\n", (int)strcspn(text, "\n"), text);
}

static char *written(void (*how)(FILE *out, const char *text, const char *lines),
	const char *text, const char *lines)
{
	char *ret = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&ret, &size);
	bool failed;

	if (!out)
		return NULL;
	how(out, text, lines);
	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed) {
		free(ret);
		return NULL;
	}
	return ret;
}

char *accountlines_merge(const char *text, const char *lines)
{
	return written(put, text, lines);
}

char *accountlines_without(const char *text, const char *lines)
{
	return written(put_others, text, lines);
}
