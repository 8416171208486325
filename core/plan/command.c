/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/command.h"

#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"
#define BLANKS  " \t"
#define DOTS    "..."

bool command_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < COMMAND_NAME_MAX && !strchr(".+-", name[0]) &&
	       strspn(name, LETTERS DIGITS "._+-") == len;
}

bool command_is_default(const char *name)
{
	return strcmp(name, "passwd") == 0 || strcmp(name, "crontab") == 0;
}

bool command_leaves_nsshell(const char *name, const char *shell)
{
	const char *slash = shell ? strrchr(shell, '/') : NULL;

	return strcmp(name, "chsh") == 0 && slash && strcmp(slash + 1, "nsshell") == 0;
}

/* ---- forms -------------------------------------------------------------------------- */

enum class {
	LITERAL, /* first: what has no class */
	USER,
	TEXT,
	TEXT_OR_EMPTY,
	NAME,
	NUMBER,
	FILE_WORD,
};

static const char *const classes[] = {
	[USER] = "%u",
	[TEXT] = "<text>",
	[TEXT_OR_EMPTY] = "<text?>",
	[NAME] = "<name>",
	[NUMBER] = "<number>",
	[FILE_WORD] = "<file>",
};

struct one {
	const char *prefix; /* that the word begins with, or all of it */
	size_t len;
	enum class class;
};

/* Words that follow each other. */
struct way {
	size_t first, n;
};

struct part {
	size_t first, n; /* ways, one of which is taken */
	bool optional, repeats;
};

#define ONES_MAX  96
#define WAYS_MAX  64
#define PARTS_MAX 32

struct form {
	struct one ones[ONES_MAX];
	struct way ways[WAYS_MAX];
	struct part parts[PARTS_MAX];
	size_t n_ones, n_ways, n_parts;
};

/* The length of the word at @s; brackets and bars stand for themselves. */
static size_t word_len(const char *s)
{
	size_t len = strcspn(s, BLANKS "[]|");

	return len > 0 ? len : *s != '\0';
}

static const char *read_one(const char *s, size_t len, struct one *ret)
{
	*ret = (struct one){ .prefix = s, .len = len, .class = LITERAL };
	for (size_t c = USER; c <= FILE_WORD; c++) {
		size_t size = strlen(classes[c]);

		if (len < size || strncmp(s + len - size, classes[c], size) != 0)
			continue;
		ret->class = (enum class)c;
		ret->len = len - size;
		break;
	}
	if (memchr(s, '<', ret->len) || memchr(s, '>', ret->len))
		return "has a '<' that begins none of <text>, <text?>, <name>, <number> and <file>";
	if (ret->class == USER && ret->len > 0)
		return "has %u as a part of a word: it is a word of its own";
	if (memchr(s, '%', ret->len))
		return "has a '%' that isn't %u";
	if ((ret->class == FILE_WORD || ret->class == TEXT_OR_EMPTY) && ret->len > 0)
		return "has <file> or <text?> as a part of a word: it is a word of its own";
	return NULL;
}

static const char *add_one(struct form *f, const char *s, size_t len)
{
	if (f->n_ones == ONES_MAX)
		return "is too long";
	return read_one(s, len, &f->ones[f->n_ones++]);
}

static const char *add_part(struct form *f)
{
	if (f->n_parts == PARTS_MAX || f->n_ways == WAYS_MAX)
		return "is too long";
	f->parts[f->n_parts++] = (struct part){ .first = f->n_ways };
	return NULL;
}

static const char *end_way(struct form *f, size_t first)
{
	if (f->n_ones == first)
		return "has brackets with nothing in them";
	if (f->n_ways == WAYS_MAX)
		return "is too long";
	f->ways[f->n_ways++] = (struct way){ first, f->n_ones - first };
	f->parts[f->n_parts - 1].n++;
	return NULL;
}

/* What stands in brackets. @at: behind the first one, and then behind the last. */
static const char *read_group(struct form *f, const char **at)
{
	size_t first = f->n_ones;
	const char *wrong = add_part(f);

	while (!wrong) {
		const char *s = *at + strspn(*at, BLANKS);
		size_t len = word_len(s);

		*at = s + len;
		if (*s == '\0' || *s == '[')
			return "has a '[' without its ']'";
		if (*s == '|' || *s == ']') {
			wrong = end_way(f, first);
			first = f->n_ones;
		} else {
			wrong = add_one(f, s, len);
		}
		if (*s == ']')
			break;
	}
	if (wrong)
		return wrong;
	f->parts[f->n_parts - 1].optional = true;
	if (strncmp(*at, DOTS, 3) == 0) {
		f->parts[f->n_parts - 1].repeats = true;
		*at += 3;
	}
	return **at == '\0' || strchr(BLANKS "[", **at)
		       ? NULL
		       : "has something right behind a ']'";
}

static const char *read_word(struct form *f, const char *s, size_t len)
{
	size_t first = f->n_ones;
	const char *wrong = add_part(f);
	bool repeats = len > 3 && strncmp(s + len - 3, DOTS, 3) == 0;

	if (!wrong)
		wrong = add_one(f, s, repeats ? len - 3 : len);
	if (!wrong)
		wrong = end_way(f, first);
	if (!wrong)
		f->parts[f->n_parts - 1].repeats = repeats;
	return wrong;
}

static const char *read_form(const char *s, struct form *ret)
{
	struct form *f = ret;
	const char *wrong = NULL;

	f->n_ones = f->n_ways = f->n_parts = 0;
	for (s += strspn(s, BLANKS); !wrong && *s; s += strspn(s, BLANKS)) {
		const char *word = s;
		size_t len = word_len(s);

		s += len;
		if (*word == '[')
			wrong = read_group(f, &s);
		else if (*word == ']' || *word == '|')
			wrong = "has a ']' or '|' without a '[' before it";
		else
			wrong = read_word(f, word, len);
	}
	return wrong;
}

const char *command_form_wrong(const char *form)
{
	struct form f;

	return read_form(form, &f);
}

/* ---- words -------------------------------------------------------------------------- */

/* No option, and nothing that a terminal or a log would obey. */
static bool is_text(const char *word)
{
	if (*word == '\0' || *word == '-')
		return false;
	for (const unsigned char *c = (const unsigned char *)word; *c; c++)
		if (*c < ' ' || *c == 0x7f)
			return false;
	return true;
}

static bool is_number(const char *word)
{
	size_t len = strlen(word);

	return len > 0 && len < 19 && strspn(word, DIGITS) == len;
}

static bool is_one(const struct one *o, const char *user, const char *word)
{
	if (strncmp(word, o->prefix, o->len) != 0)
		return false;
	word += o->len;
	switch (o->class) {
	case LITERAL:
		return *word == '\0';
	case USER:
		return strcmp(word, user) == 0;
	case TEXT:
	case FILE_WORD:
		return is_text(word);
	case TEXT_OR_EMPTY:
		return *word == '\0' || is_text(word);
	case NAME:
		return *word != '-' && *word != '.' && *word != '\0' &&
		       strspn(word, LETTERS DIGITS "._+-") == strlen(word);
	case NUMBER:
		return is_number(word);
	}
	return false;
}

/* How a place among the words was reached: by which way from which place, of this part or the one before. */
struct reached {
	uint16_t from;
	uint8_t way; /* index in form.ways; NO_WAY: the part was left out */
	bool same;   /* from a place that this part had reached */
	bool there;
};
#define NO_WAY UINT8_MAX
_Static_assert(WAYS_MAX < NO_WAY, "reached.way has no room for that many ways");

struct matching {
	struct form form;
	const char *user;
	const char *const *words;
	size_t n;
	struct reached to[PARTS_MAX + 1][COMMAND_WORDS_MAX + 1];
};

static void reach(
	struct matching *m, size_t part, size_t from, bool same, size_t way, size_t at)
{
	struct reached *r = &m->to[part + 1][at];

	if (!r->there)
		*r = (struct reached){ (uint16_t)from, (uint8_t)way, same, true };
}

static void go_from(struct matching *m, size_t p, size_t from, bool same)
{
	const struct part *part = &m->form.parts[p];

	for (size_t w = part->first; w < part->first + part->n; w++) {
		const struct way *way = &m->form.ways[w];
		size_t k = 0;

		while (k < way->n && from + k < m->n &&
			is_one(&m->form.ones[way->first + k], m->user,
				m->words[from + k]))
			k++;
		if (k == way->n)
			reach(m, p, from, same, w, from + k);
	}
}

/* Each way takes a word at least: places are reached from lower ones. */
static void go_through(struct matching *m, size_t p)
{
	const struct part *part = &m->form.parts[p];

	for (size_t at = 1; at <= m->n; at++) {
		if (m->to[p][at].there) {
			go_from(m, p, at, false);
			if (part->optional)
				reach(m, p, at, false, NO_WAY, at);
		}
		if (part->repeats && m->to[p + 1][at].there)
			go_from(m, p, at, true);
	}
}

/* The word that names a file; 0 for none. Return: whether there is one at most, as it is the standard input. */
static bool find_file(const struct matching *m, size_t *ret)
{
	size_t p = m->form.n_parts, at = m->n, files = 0;

	*ret = 0;
	while (p > 0) {
		const struct reached *r = &m->to[p][at];

		if (r->way != NO_WAY) {
			const struct way *way = &m->form.ways[r->way];

			for (size_t k = 0; k < way->n; k++)
				if (m->form.ones[way->first + k].class == FILE_WORD) {
					*ret = r->from + k;
					files++;
				}
		}
		at = r->from;
		if (!r->same)
			p--;
	}
	return files <= 1;
}

static bool is_form(struct matching *m, const char *form, size_t *ret_file)
{
	if (read_form(form, &m->form))
		return false;
	for (size_t p = 0; p <= m->form.n_parts; p++)
		memset(m->to[p], 0, (m->n + 1) * sizeof(m->to[p][0]));
	m->to[0][1].there = true;
	for (size_t p = 0; p < m->form.n_parts; p++)
		go_through(m, p);
	if (!m->to[m->form.n_parts][m->n].there)
		return false;
	return find_file(m, ret_file);
}

bool command_match(const struct command *c, const char *user, const char *const *words,
	size_t n, size_t *ret_file)
{
	struct matching m;

	*ret_file = 0;
	if (n < 1 || n > COMMAND_WORDS_MAX)
		return false;
	m.user = user;
	m.words = words;
	m.n = n;
	for (size_t i = 0; i < c->n_forms; i++)
		if (is_form(&m, c->forms[i], ret_file))
			return true;
	*ret_file = 0;
	return false;
}
