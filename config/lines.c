/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of a file: sections, keys, and their values, each tried with its key's parser. */
#include "config/internal.h"
#include "core/base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BLANKS   " \t\r"
#define SECTIONS "[Default], [Group NAME], [User NAME], [Slice NAME] or [Network]"

struct lines {
	struct config *c;
	const char *path;
	struct config_section *section; /* that the line stands in */
	bool skip;                      /* below a header that can't be read */
	uint64_t line;
	struct err *e;
};

/* A problem of the line that is read. */
#define problem(in, key, ...)                                                            \
	config_problem_add((in)->c, (in)->path, (in)->line,                              \
		(in)->section ? (in)->section->title : NULL, key, (in)->e, __VA_ARGS__)

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

static int read_header(struct lines *in, char *s)
{
	char *end = strchr(s, ']'), *title, *rest;

	in->section = NULL;
	in->skip = true;
	if (!end)
		return problem(in, NULL, "%.80s: the ']' is missing: write " SECTIONS, s);
	*end = '\0';
	title = strip(s + 1);
	title_make_plain(title);
	in->section = config_section_enter(in->c, in->path, title);
	if (!in->section)
		return config_no_memory(in->e);
	rest = strip(end + 1);
	if (*rest && *rest != '#' &&
		problem(in, NULL,
			"'%.60s' after the section's ']': write it in a line of its own",
			rest) < 0)
		return -1;
	if (in->section->kind == CONFIG_UNKNOWN &&
		problem(in, NULL, "no such section: write " SECTIONS) < 0)
		return -1;
	if ((in->section->kind == CONFIG_USER && !strcmp(in->section->name, "root")) ||
		(in->section->kind == CONFIG_GROUP &&
			!strcmp(in->section->name, POLICY_BREAK_GLASS_GROUP))) {
		if (problem(in, NULL, "is never isolated: remove this section") < 0)
			return -1;
	}
	if (in->section->kind == CONFIG_SLICE &&
		config_slice_name_wrong(in->section->name) &&
		problem(in, NULL, "%s", config_slice_name_wrong(in->section->name)) < 0)
		return -1;
	in->skip = !*title || strpbrk(title, "#[");
	return 0;
}

/* Cut a comment behind a value off, and the blanks before it. Return: whether its '#' cuts a word. */
static bool cut_comment(char *value)
{
	char *hash = strchrnul(value, '#');
	bool glued = *hash && hash > value && !strchr(BLANKS, hash[-1]);

	*hash = '\0';
	(void)strip(value);
	return glued;
}

/* Whether the form of what stands before a comment is good; problems are told. Return: 1, 0, or -1 with in->e. */
static int check_form(struct lines *in, const struct config_key *key, const char *value,
	const char *masked, bool glued)
{
	const char *name = key->name;
	size_t len = strlen(masked);

	if (glued)
		return problem(in, name,
			"%s=%.80s: '#' begins a comment: put a blank before it, or %s",
			name, value,
			key->quoted ? "quotes around it" : "use a path without it");
	if (strpbrk(masked, "\"'"))
		return problem(
			in, name, "%s=%.80s: write it without quotes", name, value);
	if (len && masked[len - 1] == '\\')
		return problem(in, name, "%s=%.80s: a value ends with its line: %s", name,
			value,
			key->list ? "give the key again for more" : "remove the '\\'");
	if (!len && !key->list)
		return problem(
			in, name, "%s=: the value is missing: takes %s", name, key->hint);
	return 1;
}

/* Tell what is wrong with it, if anything is. */
static int try_value(struct lines *in, struct config_entry *entry)
{
	_cleanup_(policy_clear) struct policy scratch = { 0 };
	const char *name = entry->key->name;
	char why[512] = "";
	int r = config_key_apply(entry->key, entry->value, &scratch, why, sizeof(why));

	if (r == -ENOMEM)
		return config_no_memory(in->e);
	if (r < 0)
		return problem(in, name, "%s=%.80s: %s", name, entry->value, why);
	entry->ok = true;
	return 0;
}

static int add_entry(struct lines *in, const struct config_key *key, const char *value)
{
	struct config_entry *entry = arena_alloc(&in->c->arena, sizeof(*entry));
	uint64_t *seen = &in->section->seen[config_key_index(key)];

	if (!entry)
		return config_no_memory(in->e);
	*entry = (struct config_entry){ .key = key,
		.line = in->line,
		.ok = !*value,
		.value = arena_strdup(&in->c->arena, value) };
	if (!entry->value)
		return config_no_memory(in->e);
	if (!*seen)
		*seen = in->line;
	*in->section->entries_end = entry;
	in->section->entries_end = &entry->next;
	return *value ? try_value(in, entry) : 0;
}

/* A key of the table with its value. */
static int read_value(struct lines *in, const struct config_key *key, const char *value)
{
	char masked[CONFIG_LINE_MAX + 1];
	uint64_t first;
	bool glued;
	int r;

	(void)snprintf(masked, sizeof(masked), "%s", value);
	if (key->quoted)
		config_quotes_mask(masked);
	if (!in->section)
		return 0;
	if (in->section->kind == CONFIG_SLICE && !key->limit)
		return problem(in, key->name,
			"%s=: is no limit: a [Slice NAME] takes limits only", key->name);
	if ((in->section->kind == CONFIG_NETWORK) != key->network)
		return problem(in, key->name,
			key->network
				? "%s=: is the host's: write it below [Network]"
				: "%s=: is an account's: [Network] takes what is the host's",
			key->name);
	first = in->section->seen[config_key_index(key)];
	if (first && !key->list)
		return problem(in, key->name,
			"%s=%.80s: given twice in this section, first in line %" PRIu64
			": keep one of them",
			key->name, value, first);
	glued = cut_comment(masked);
	r = check_form(in, key, value, masked, glued);
	if (r <= 0 || in->skip)
		return r < 0 ? -1 : 0;
	if (key->quoted)
		config_quotes_unmask(masked);
	return add_entry(in, key, masked);
}

static int read_key(struct lines *in, char *s)
{
	char *equals = strchr(s, '='), *name, *value;
	const struct config_key *key;
	const char *meant;

	if (!equals)
		return problem(in, NULL, "'%.80s': expected KEY=VALUE on one line", s);
	*equals = '\0';
	name = strip(s);
	value = strip(equals + 1);
	if (!*name)
		return problem(
			in, NULL, "'=%.80s': the key before '=' is missing", value);
	if (!in->section && !in->skip)
		return problem(in, name,
			"%.80s=%.80s: stands before any section: write [Default] "
			"above it",
			name, value);
	key = config_key_find(name, strlen(name));
	if (key)
		return read_value(in, key, value);
	meant = config_key_resembling(name, strlen(name));
	if (meant)
		return problem(
			in, name, "%.80s: no such key: did you mean %s=?", name, meant);
	return problem(in, name, "%.80s: no such key: nsshell.conf(5) lists them", name);
}

static int read_line(struct lines *in, char *line, size_t len)
{
	char *s = line;

	if (len > CONFIG_LINE_MAX)
		return problem(in, NULL,
			"the line is longer than %d bytes: lists may be given in "
			"several lines, each with its key",
			CONFIG_LINE_MAX);
	s = strip(s);
	if (!*s || *s == '#' || *s == ';')
		return 0;
	return *s == '[' ? read_header(in, s) : read_key(in, s);
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

int config_lines_read(
	struct config *c, const char *path, char *text, size_t size, struct err *e)
{
	struct lines in = { .c = c, .path = path, .e = e };
	const char *binary = find_binary(text, size);
	char *line = text, *end = text + size;

	if (binary) {
		in.line = 1;
		for (const char *p = text; p < binary; p++)
			in.line += *p == '\n';
		return problem(&in, NULL,
			"byte 0x%02x: not a text file, nothing in it was read: save it as plain text, in UTF-8",
			(unsigned int)(unsigned char)*binary);
	}
	while (line < end) {
		char *newline = memchr(line, '\n', (size_t)(end - line));

		if (!newline)
			newline = end;
		*newline = '\0';
		in.line++;
		if (read_line(&in, line, (size_t)(newline - line)) < 0)
			return -1;
		line = newline + 1;
	}
	return 0;
}
