/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the text of PAM service files as libpam does. Pure. */
#include "core/plan/pamstack.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What separates words for libpam. */
#define BLANKS " \t\n"

/* The text of one logical line, comment cut and backslashes joined, while it is taken
 * apart. */
struct logical {
	char *buf;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/*
 * Cut the next word off *at; NULL at the end. A word that begins with '[' goes on to its
 * ']', which '\' can quote; *unclosed tells of one that has none.
 */
static char *word_next(char **at, bool *unclosed)
{
	char *s = *at + strspn(*at, BLANKS);
	char *word = s;

	*unclosed = false;
	if (!*s)
		return NULL;
	if (*s == '[') {
		while (*s && *s != ']')
			s += s[0] == '\\' && s[1] ? 2 : 1;
		*unclosed = *s != ']';
		if (*s)
			s++;
	}
	while (*s && !is_blank(*s))
		s++;
	*at = *s ? s + 1 : s;
	*s = '\0';
	return word;
}

static bool name_known(const char *s, size_t len)
{
	/* The return codes that pam.conf(5) names. */
	static const char *const names[] = { "success", "open_err", "symbol_err",
		"service_err", "system_err", "buf_err", "perm_denied", "auth_err",
		"cred_insufficient", "authinfo_unavail", "user_unknown", "maxtries",
		"new_authtok_reqd", "acct_expired", "session_err", "cred_unavail",
		"cred_expired", "cred_err", "no_module_data", "conv_err", "authtok_err",
		"authtok_recover_err", "authtok_lock_busy", "authtok_disable_aging",
		"try_again", "ignore", "abort", "authtok_expired", "module_unknown",
		"bad_item", "conv_again", "incomplete", "default" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && strncmp(names[i], s, len) == 0)
			return true;
	return false;
}

static bool jump_add(struct pamstack_line *l, unsigned int count)
{
	for (size_t i = 0; i < l->n_jumps; i++)
		if (l->jumps[i] == count)
			return true;
	if (l->n_jumps == PAMSTACK_JUMPS_MAX)
		return false;
	l->jumps[l->n_jumps++] = count;
	return true;
}

/* One action of a bracketed control: a word, or how many lines to skip. */
static bool action_parse(const char *s, size_t len, struct pamstack_line *l)
{
	static const char *const words[] = { "ignore", "bad", "die", "ok", "reset" };
	unsigned int count = 0;

	if (len == 4 && strncmp(s, "done", 4) == 0) {
		l->done = true;
		return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == len && strncmp(words[i], s, len) == 0)
			return true;
	if (len == 0 || len > 4)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		count = count * 10 + (unsigned int)(s[i] - '0');
	}
	return count > 0 && jump_add(l, count);
}

/* Where nothing is said of an outcome it's bad. */
static void note_denied(const char *name, size_t len, const char *action, bool *named,
	struct pamstack_line *l)
{
	bool bad = strncmp(action, "bad", 3) == 0 || strncmp(action, "die", 3) == 0;

	if (len == strlen("perm_denied") && strncmp(name, "perm_denied", len) == 0) {
		*named = true;
		l->fails = bad;
	} else if (!*named && len == strlen("default") &&
		   strncmp(name, "default", len) == 0) {
		l->fails = bad;
	}
}

/* "[success=1 default=ignore]" */
static bool brackets_parse(const char *s, struct pamstack_line *l)
{
	bool named = false;

	l->fails = true;
	s++;
	for (;;) {
		const char *name;
		size_t len, name_len;

		s += strspn(s, BLANKS);
		if (*s == ']')
			return s[1] == '\0';
		len = strcspn(s, "=] \t\n");
		if (!name_known(s, len))
			return false;
		name = s;
		name_len = len;
		s += len;
		s += strspn(s, BLANKS);
		if (*s++ != '=')
			return false;
		s += strspn(s, BLANKS);
		len = strcspn(s, "] \t\n");
		if (!action_parse(s, len, l))
			return false;
		note_denied(name, name_len, s, &named, l);
		s += len;
	}
}

static bool control_parse(const char *s, struct pamstack_line *l)
{
	if (*s == '[')
		return brackets_parse(s, l);
	if (strcasecmp(s, "sufficient") == 0) {
		l->done = true;
		return true;
	}
	l->fails = strcasecmp(s, "required") == 0 || strcasecmp(s, "requisite") == 0;
	return l->fails || strcasecmp(s, "optional") == 0;
}

static void line_bad(struct pamstack_line *l, const char *why)
{
	l->kind = PAMSTACK_BAD;
	l->why = why;
}

static const char *base_of(const char *module)
{
	const char *slash = strrchr(module, '/');

	return slash ? slash + 1 : module;
}

static bool is_ours(const char *module)
{
	return strcmp(base_of(module), PAMSTACK_MODULE) == 0;
}

/* What the module is to us; @args is the rest of the line. */
static enum pamstack_role role_of(const char *module, char *args)
{
	const char *base = base_of(module);
	bool unclosed;
	char *word;

	if (strcmp(base, "pam_systemd.so") == 0 || strcmp(base, "pam_elogind.so") == 0)
		return PAMSTACK_REGISTERS;
	if (!is_ours(module))
		return PAMSTACK_OTHERS;
	while ((word = word_next(&args, &unclosed)))
		if (strcmp(word, "gate") == 0)
			return PAMSTACK_GATES;
	return PAMSTACK_ENTERS;
}

static int target_set(
	struct pamstack_line *l, enum pamstack_kind kind, const char *target)
{
	if (!target) {
		line_bad(l, kind == PAMSTACK_CALL ? "names no module" : "names no file");
		return 0;
	}
	l->kind = kind;
	l->target = strdup(target);
	return l->target ? 0 : -1;
}

/* Fill in a session line from its control on. */
static int session_parse(char *at, struct pamstack_line *l)
{
	bool unclosed;
	char *control = word_next(&at, &unclosed);
	char *module;

	if (!control || unclosed) {
		line_bad(l, control ? "has a '[' without its ']'" : "has no control");
		return 0;
	}
	module = word_next(&at, &unclosed);
	if (strcasecmp(control, "include") == 0)
		return target_set(l, PAMSTACK_INCLUDE, module);
	if (strcasecmp(control, "substack") == 0)
		return target_set(l, PAMSTACK_SUBSTACK, module);
	if (!control_parse(control, l)) {
		line_bad(l, "has a control that isn't in pam.conf(5)");
		return 0;
	}
	if (module && is_ours(module)) {
		l->args = strdup(at);
		if (!l->args)
			return -1;
	}
	if (module)
		l->role = role_of(module, at);
	return target_set(l, PAMSTACK_CALL, module);
}

/* Fill in a line from its words. Return: 0 or -1 (no memory). */
static int line_parse(char *at, struct pamstack_line *l)
{
	static const char *const others[] = { "auth", "account", "password" };
	bool unclosed;
	char *type = word_next(&at, &unclosed);

	if (!type)
		return 0;
	if (strcasecmp(type, "@include") == 0)
		return target_set(l, PAMSTACK_INCLUDE, word_next(&at, &unclosed));
	l->skipped = *type == '-';
	if (l->skipped)
		type++;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcasecmp(type, others[i]) == 0)
			return 0;
	if (strcasecmp(type, "session") == 0)
		return session_parse(at, l);
	line_bad(l, "begins with a word that isn't in pam.conf(5)");
	return 0;
}

/* Look at the comment of a physical line, without its newline. */
static void mark_parse(const char *comment, size_t len, struct pamstack_line *l)
{
	const size_t mark = strlen(PAMSTACK_MARK);
	const size_t mark_newline = strlen(PAMSTACK_MARK_NEWLINE);

	l->marked = len >= mark && strncmp(comment, PAMSTACK_MARK, mark) == 0;
	l->marked_newline = len >= mark_newline &&
			    strncmp(comment, PAMSTACK_MARK_NEWLINE, mark_newline) == 0;
}

/*
 * Take in one physical line of @len bytes, newline excluded. Return: whether the next one
 * continues it.
 */
static bool physical_take(
	struct logical *w, const char *s, size_t len, struct pamstack_line *l)
{
	const char *hash = memchr(s, '#', len);
	size_t keep = hash ? (size_t)(hash - s) : len;
	size_t last = keep;

	if (hash)
		mark_parse(hash, len - keep, l);
	for (size_t i = 0; i < keep; i++)
		if ((unsigned char)s[i] < ' ' && s[i] != '\t')
			line_bad(l, "holds a control character");
	memcpy(w->buf + w->len, s, keep);
	w->len += keep;
	w->buf[w->len] = '\0';
	while (last > 0 && is_blank(s[last - 1]))
		last--;
	if (hash || last == 0 || s[last - 1] != '\\')
		return false;
	w->buf[w->len - (keep - last) - 1] = ' ';
	return true;
}

/* Read the logical line that starts at *at. Return: 0 or -1 (no memory). */
static int logical_read(
	const char *text, size_t *at, struct logical *w, struct pamstack_line *l)
{
	bool more = true;

	w->len = 0;
	w->buf[0] = '\0';
	l->start = *at;
	while (more && text[*at]) {
		size_t len = strcspn(text + *at, "\n");
		size_t before = w->len;

		more = physical_take(w, text + *at, len, l);
		if (before > 0 && strspn(w->buf + before, BLANKS) == w->len - before)
			line_bad(l, "is continued over a blank line or a comment");
		*at += len + (text[*at + len] == '\n');
	}
	l->end = *at;
	if (more)
		line_bad(l, "ends in a backslash with nothing after it");
	return l->kind == PAMSTACK_BAD ? 0 : line_parse(w->buf, l);
}

static void lines_free(struct pamstack_line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(lines[i].target);
		free(lines[i].args);
	}
	free(lines);
}

int pamstack_set_text(struct pamstack_file *f, char *text)
{
	struct logical w = { .buf = malloc(strlen(text) + 1) };
	struct pamstack_line *lines = NULL;
	size_t n = 0, at = 0, number = 1;
	int r = w.buf ? 0 : -1;

	while (r == 0 && text[at]) {
		struct pamstack_line *grown = realloc(lines, (n + 1) * sizeof(*lines));

		if (!grown) {
			r = -1;
			break;
		}
		lines = grown;
		lines[n] = (struct pamstack_line){ .number = number };
		r = logical_read(text, &at, &w, &lines[n]);
		for (size_t i = lines[n].start; i < lines[n].end; i++)
			number += text[i] == '\n';
		n++;
	}
	free(w.buf);
	if (r < 0) {
		lines_free(lines, n);
		free(text);
		return -1;
	}
	lines_free(f->lines, f->n);
	free(f->text);
	f->text = text;
	f->lines = lines;
	f->n = n;
	return 0;
}

/* ---- the directory --------------------------------------------------------------------- */

static void file_free(struct pamstack_file *f)
{
	lines_free(f->lines, f->n);
	free(f->name);
	free(f->path);
	free(f->text);
	free(f->locked);
}

int pamstack_add(struct pamstack_dir *d, const char *name, const char *path,
	const char *text, const char *locked)
{
	struct pamstack_file f = { .name = strdup(name), .path = strdup(path) };
	struct pamstack_file *grown;
	char *copy = strdup(text);

	if (locked)
		f.locked = strdup(locked);
	if (!f.name || !f.path || !copy || (locked && !f.locked)) {
		free(copy);
		file_free(&f);
		return -1;
	}
	if (pamstack_set_text(&f, copy) < 0) {
		file_free(&f);
		return -1;
	}
	grown = realloc(d->files, (d->n + 1) * sizeof(*d->files));
	if (!grown) {
		file_free(&f);
		return -1;
	}
	d->files = grown;
	d->files[d->n++] = f;
	return 0;
}

int pamstack_copy(const struct pamstack_dir *d, struct pamstack_dir *ret)
{
	struct pamstack_dir copy = { 0 };

	for (size_t i = 0; i < d->n; i++) {
		const struct pamstack_file *f = &d->files[i];

		if (pamstack_add(&copy, f->name, f->path, f->text, f->locked) < 0) {
			pamstack_clear(&copy);
			return -1;
		}
	}
	*ret = copy;
	return 0;
}

void pamstack_clear(struct pamstack_dir *d)
{
	for (size_t i = 0; i < d->n; i++)
		file_free(&d->files[i]);
	free(d->files);
	*d = (struct pamstack_dir){ 0 };
}

struct pamstack_file *pamstack_find(const struct pamstack_dir *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->files[i].name, name) == 0)
			return &d->files[i];
	return NULL;
}
