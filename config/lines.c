/* SPDX-License-Identifier: BSD-3-Clause */
/* The gate: which line is what, before libeconf sees any of it. */
#include "config/internal.h"

#include <inttypes.h>
#include <string.h>

#define BLANKS   " \t\r"
#define SECTIONS "[Default], [Group NAME], [User NAME], [Slice NAME] or [Network]"

struct gate {
	struct config *c;
	const char *path;
	FILE *copy;
	struct config_section *section; /* that the line stands in */
	bool skip;                      /* below a header that can't be read */
	uint64_t line;
	struct config_section **ret_first;
	struct err *e;
};

/* A problem of the line that the gate is at. */
#define problem(g, key, ...)                                                             \
	config_problem_add((g)->c, (g)->path, (g)->line,                                 \
		(g)->section ? (g)->section->title : NULL, key, (g)->e, __VA_ARGS__)

/* Cut blanks off both ends, in place. */
static char *strip(char *s)
{
	size_t len;

	s += strspn(s, BLANKS);
	len = strlen(s);
	while (len && strchr(BLANKS, s[len - 1]))
		len--;
	s[len] = '\0';
	return s;
}

/* "User   bob" and "User<tab>bob" are "User bob". */
static void title_make_plain(char *title)
{
	size_t word = strcspn(title, BLANKS), gap = strspn(title + word, BLANKS);

	if (!gap)
		return;
	title[word] = ' ';
	memmove(title + word + 1, title + word + gap, strlen(title + word + gap) + 1);
}

static int read_header(struct gate *g, char *s)
{
	char *end = strchr(s, ']'), *title, *rest;

	g->section = NULL;
	g->skip = true;
	if (!end)
		return problem(g, NULL, "%.80s: the ']' is missing: write " SECTIONS, s);
	*end = '\0';
	title = strip(s + 1);
	title_make_plain(title);
	g->section = config_section_enter(g->c, g->path, title);
	if (!g->section)
		return config_no_memory(g->e);
	if (!*g->ret_first)
		*g->ret_first = g->section;
	rest = strip(end + 1);
	if (*rest && *rest != '#' &&
		problem(g, NULL,
			"'%.60s' after the section's ']': write it in a line of its own",
			rest) < 0)
		return -1;
	if (g->section->kind == CONFIG_UNKNOWN &&
		problem(g, NULL, "no such section: write " SECTIONS) < 0)
		return -1;
	if ((g->section->kind == CONFIG_USER && !strcmp(g->section->name, "root")) ||
		(g->section->kind == CONFIG_GROUP &&
			!strcmp(g->section->name, POLICY_BREAK_GLASS_GROUP))) {
		if (problem(g, NULL, "is never isolated: remove this section") < 0)
			return -1;
	}
	if (g->section->kind == CONFIG_SLICE &&
		config_slice_name_wrong(g->section->name) &&
		problem(g, NULL, "%s", config_slice_name_wrong(g->section->name)) < 0)
		return -1;
	g->skip = !*title || strpbrk(title, "#[");
	if (!g->skip)
		(void)fprintf(g->copy, "[%s]", title);
	return 0;
}

/* The '#' that begins a comment behind a value, or the end; *ret_glued: it cuts a word.
 */
static const char *find_comment(const char *value, bool *ret_glued)
{
	const char *hash = strchrnul(value, '#');

	*ret_glued = *hash && hash > value && !strchr(BLANKS, hash[-1]);
	return hash;
}

/* Whether the value's form is good; problems are told. Return: 1, 0, or -1 with g->e. */
static int check_form(struct gate *g, const struct config_key *key, const char *value,
	const char *masked, bool *ret_empty)
{
	const char *name = key->name, *end;
	bool glued;
	size_t len;
	int r = 1;

	end = find_comment(masked, &glued);
	len = (size_t)(end - masked);
	while (len && strchr(BLANKS, masked[len - 1]))
		len--;
	*ret_empty = len == 0;
	if (glued)
		r = problem(g, name,
			"%s=%.80s: '#' begins a comment: put a blank before it, or %s",
			name, value,
			key->quoted ? "quotes around it" : "use a path without it");
	else if (memchr(masked, '"', len) || memchr(masked, '\'', len))
		r = problem(g, name, "%s=%.80s: write it without quotes", name, value);
	else if (len && masked[len - 1] == '\\')
		r = problem(g, name, "%s=%.80s: a value ends with its line: %s", name,
			value,
			key->list ? "give the key again for more" : "remove the '\\'");
	else if (!len && !key->list)
		r = problem(
			g, name, "%s=: the value is missing: takes %s", name, key->hint);
	return r;
}

static int add_entry(struct gate *g, const struct config_key *key, bool empty)
{
	struct config_entry *entry = arena_alloc(&g->c->arena, sizeof(*entry));
	uint64_t *seen = &g->section->seen[config_key_index(key)];

	if (!entry)
		return config_no_memory(g->e);
	*entry = (struct config_entry){ .key = key,
		.line = g->line,
		.repeated = *seen != 0,
		.ok = empty,
		.value = empty ? "" : NULL };
	if (!*seen)
		*seen = g->line;
	*g->section->entries_end = entry;
	g->section->entries_end = &entry->next;
	return 0;
}

/* A key of the table with its value, which is handed on as it is written: quotes are masked. */
static int read_value(struct gate *g, const struct config_key *key, const char *value)
{
	char masked[CONFIG_LINE_MAX + 1];
	uint64_t first;
	bool empty;
	int r;

	(void)snprintf(masked, sizeof(masked), "%s", value);
	if (key->quoted)
		config_quotes_mask(masked);
	if (!g->section)
		return 0;
	if (g->section->kind == CONFIG_SLICE && !key->limit)
		return problem(g, key->name,
			"%s=: is no limit: a [Slice NAME] takes limits only", key->name);
	if ((g->section->kind == CONFIG_NETWORK) != key->network)
		return problem(g, key->name,
			key->network
				? "%s=: is the host's: write it below [Network]"
				: "%s=: is an account's: [Network] takes what is the host's",
			key->name);
	first = g->section->seen[config_key_index(key)];
	if (first && !key->list)
		return problem(g, key->name,
			"%s=%.80s: given twice in this section, first in line %" PRIu64
			": keep one of them",
			key->name, value, first);
	r = check_form(g, key, value, masked, &empty);
	if (r <= 0)
		return r;
	if (g->skip)
		return 0;
	if (add_entry(g, key, empty) < 0)
		return -1;
	/* libeconf keeps the first of repeated keys only, so a repeat has its line in its
	 * name. */
	if (first)
		(void)fprintf(g->copy, "%s@%" PRIu64 "=%s", key->name, g->line, masked);
	else
		(void)fprintf(g->copy, "%s=%s", key->name, masked);
	return 0;
}

static int read_key(struct gate *g, char *s)
{
	char *equals = strchr(s, '='), *name, *value;
	const struct config_key *key;
	const char *meant;

	if (!equals)
		return problem(g, NULL, "'%.80s': expected KEY=VALUE on one line", s);
	*equals = '\0';
	name = strip(s);
	value = strip(equals + 1);
	if (!*name)
		return problem(g, NULL, "'=%.80s': the key before '=' is missing", value);
	if (!g->section && !g->skip)
		return problem(g, name,
			"%.80s=%.80s: stands before any section: write [Default] "
			"above it",
			name, value);
	key = config_key_find(name, strlen(name));
	if (key)
		return read_value(g, key, value);
	meant = config_key_resembling(name, strlen(name));
	if (meant)
		return problem(
			g, name, "%.80s: no such key: did you mean %s=?", name, meant);
	return problem(g, name, "%.80s: no such key: nsshell.conf(5) lists them", name);
}

static int read_line(struct gate *g, char *line, size_t len)
{
	char *s = line;

	if (len > CONFIG_LINE_MAX)
		return problem(g, NULL,
			"the line is longer than %d bytes: lists may be given in "
			"several lines, each with its key",
			CONFIG_LINE_MAX);
	s = strip(s);
	if (!*s || *s == '#' || *s == ';')
		return 0;
	return *s == '[' ? read_header(g, s) : read_key(g, s);
}

/* The first byte that no text has, or NULL. */
static const char *find_binary(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char b = (unsigned char)text[i];

		if ((b < ' ' && b != '\n' && b != '\t' &&
			    !(b == '\r' && text[i + 1] == '\n')) ||
			b == 0x7f)
			return text + i;
	}
	return NULL;
}

int config_lines_read(struct config *c, const char *path, char *text, size_t size,
	FILE *copy, struct config_section **ret_first, struct err *e)
{
	struct gate g = {
		.c = c, .path = path, .copy = copy, .ret_first = ret_first, .e = e
	};
	const char *binary = find_binary(text, size);
	char *line = text, *end = text + size;

	*ret_first = NULL;
	if (binary) {
		g.line = 1;
		for (const char *p = text; p < binary; p++)
			g.line += *p == '\n';
		return problem(&g, NULL,
			"byte 0x%02x: not a text file, nothing in it was read: save it as plain text, in UTF-8",
			(unsigned int)(unsigned char)*binary);
	}
	while (line < end) {
		char *newline = memchr(line, '\n', (size_t)(end - line));

		if (!newline)
			newline = end;
		*newline = '\0';
		g.line++;
		if (read_line(&g, line, (size_t)(newline - line)) < 0)
			return -1;
		(void)fputc('\n', copy);
		line = newline + 1;
	}
	return 0;
}
