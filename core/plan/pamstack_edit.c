/* SPDX-License-Identifier: BSD-3-Clause */
/* Adding and removing nsshell's lines in PAM service files. Pure. */
#include "core/plan/pamstack.h"

#include "core/base/cleanup.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void flat_cleanup(struct pamstack_flat *f)
{
	pamstack_flat_clear(f);
}

static void dir_cleanup(struct pamstack_dir *d)
{
	pamstack_clear(d);
}

#define _cleanup_flat_         _cleanup_(flat_cleanup)
#define _cleanup_dir_of_files_ _cleanup_(dir_cleanup)

/* Replace bytes [start, end) of a file with @insert. */
static int splice(struct pamstack_file *f, size_t start, size_t end, const char *insert,
	struct err *e)
{
	size_t len = strlen(f->text), add = strlen(insert);
	char *text;

	if (f->locked)
		return err_set(e, 0, "%s %s", f->path, f->locked);
	text = malloc(len - (end - start) + add + 1);
	if (!text)
		return err_set(e, ENOMEM, "edit %s", f->path);
	memcpy(text, f->text, start);
	memcpy(text + start, insert, add);
	memcpy(text + start + add, f->text + end, len - end + 1);
	return pamstack_set_text(f, text) < 0 ? err_set(e, ENOMEM, "edit %s", f->path)
					      : 0;
}

static int line_append(struct pamstack_file *f, struct err *e)
{
	size_t len = strlen(f->text);

	if (len > 0 && f->text[len - 1] != '\n')
		return splice(f, len, len,
			"\n" PAMSTACK_ENTER " " PAMSTACK_MARK_NEWLINE "\n", e);
	return splice(f, len, len, PAMSTACK_ENTER " " PAMSTACK_MARK "\n", e);
}

static int line_remove(
	struct pamstack_file *f, const struct pamstack_line *l, struct err *e)
{
	size_t start = l->start;

	/* The newline before was ours as well, unless lines were added behind since. */
	if (l->marked_newline && !f->text[l->end] && start > 0)
		start--;
	return splice(f, start, l->end, "", e);
}

/* The file's own line that enters the box; NULL where it has none. */
static const struct pamstack_line *own_line(const struct pamstack_file *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->lines[i].kind == PAMSTACK_CALL &&
			f->lines[i].role == PAMSTACK_ENTERS)
			return &f->lines[i];
	return NULL;
}

/* ---- what an edit must leave as it was ---------------------------------------------- */

/* The lines that nsctl adds and removes, and that no jump of somebody else's counts. */
static bool is_ours(const struct pamstack_entry *v)
{
	return v->line->marked &&
	       (v->line->role == PAMSTACK_ENTERS || v->line->role == PAMSTACK_GATES);
}

/*
 * Number the entries so that both texts agree: somebody else's line by its order, one of
 * ours as the line after it, the end as the end.
 */
static size_t place_of(const struct pamstack_flat *f, size_t at)
{
	size_t place = 0;

	if (at > f->n)
		return SIZE_MAX;
	for (size_t i = 0; i < at; i++)
		place += !is_ours(&f->v[i]);
	return place;
}

/* Whether any jump of a service's stack goes somewhere else than before. */
static int jumps_compare(const struct pamstack_flat *before,
	const struct pamstack_flat *after, struct err *e)
{
	size_t j = 0;

	for (size_t i = 0; i < before->n; i++) {
		const struct pamstack_line *l = before->v[i].line;

		if (is_ours(&before->v[i]))
			continue;
		while (j < after->n && is_ours(&after->v[j]))
			j++;
		if (j == after->n)
			return err_set(e, 0, "%s:%zu would be lost",
				before->v[i].file->path, l->number);
		for (size_t k = 0; k < l->n_jumps; k++)
			if (place_of(before, pamstack_jump(before, i, l->jumps[k])) !=
				place_of(after, pamstack_jump(after, j, l->jumps[k])))
				return err_set(e, 0,
					"%s:%zu skips %u line%s and would end up elsewhere with nsshell's "
					"lines below it: rewrite it without the jump, or add the lines "
					"by hand (pam_nsshell(8))",
					before->v[i].file->path, l->number, l->jumps[k],
					l->jumps[k] == 1 ? "" : "s");
		j++;
	}
	return 0;
}

/* In a service that an edit reached, the line that enters must be the last one. */
static int last_check(const struct pamstack_flat *f, const char *service, struct err *e)
{
	size_t enter = pamstack_next(f, 0, PAMSTACK_ENTERS), other = enter, bypass;

	if (enter == f->n)
		return 0;
	while (other < f->n && (f->v[other].line->role == PAMSTACK_ENTERS ||
				       f->v[other].line->kind == PAMSTACK_SUBSTACK))
		other++;
	if (other < f->n)
		return err_set(e, 0,
			"%s: %s:%zu (%s) would run after the line that enters the box (%s:%zu), and "
			"so inside it: the line that enters must be the last one of the session stack",
			service, f->v[other].file->path, f->v[other].line->number,
			f->v[other].line->target, f->v[enter].file->path,
			f->v[enter].line->number);
	bypass = pamstack_bypass(f, enter);
	if (bypass != enter)
		return err_set(e, 0,
			"%s: %s:%zu (%s) can end the stack before the line that enters the box, and "
			"the login would be outside: make it required or optional",
			service, f->v[bypass].file->path, f->v[bypass].line->number,
			f->v[bypass].line->target);
	return 0;
}

static size_t enters_count(const struct pamstack_flat *f)
{
	size_t n = 0;

	for (size_t i = pamstack_next(f, 0, PAMSTACK_ENTERS); i < f->n;
		i = pamstack_next(f, i + 1, PAMSTACK_ENTERS))
		n++;
	return n;
}

/*
 * Check every service that the edit reaches. One that couldn't be understood before is
 * none of ours, unless it is the one asked for.
 */
static int edit_check(const struct pamstack_dir *before, const struct pamstack_dir *after,
	struct err *e)
{
	for (size_t i = 0; i < before->n; i++) {
		const char *service = before->files[i].name;
		_cleanup_flat_ struct pamstack_flat old = { 0 };
		_cleanup_flat_ struct pamstack_flat new = { 0 };
		struct err ignored;

		if (pamstack_flatten(before, service, &old, &ignored) < 0)
			continue;
		if (pamstack_flatten(after, service, &new, e) < 0)
			return -1;
		if (jumps_compare(&old, &new, e) < 0)
			return -1;
		if (enters_count(&new) > enters_count(&old) &&
			last_check(&new, service, e) < 0)
			return -1;
	}
	return 0;
}

/* Keep the edited copy, or let it go. */
static void dir_take(struct pamstack_dir *d, struct pamstack_dir *edited)
{
	pamstack_clear(d);
	*d = *edited;
	*edited = (struct pamstack_dir){ 0 };
}

/* ---- enable ------------------------------------------------------------------------- */

/* Put a gate above the first pam_systemd or pam_elogind that has none. Return: 1 done, 0 none left, -1.
 */
static int gate_one(struct pamstack_dir *d, const char *service, struct err *e)
{
	_cleanup_flat_ struct pamstack_flat f = { 0 };

	if (pamstack_flatten(d, service, &f, e) < 0)
		return -1;
	for (size_t i = pamstack_next(&f, 0, PAMSTACK_REGISTERS); i < f.n;
		i = pamstack_next(&f, i + 1, PAMSTACK_REGISTERS)) {
		size_t at = f.v[i].line->start;

		if (pamstack_gated(&f, i))
			continue;
		if (splice(pamstack_find(d, f.v[i].file->name), at, at,
			    PAMSTACK_GATE " " PAMSTACK_MARK "\n", e) < 0)
			return -1;
		return 1;
	}
	return 0;
}

/* The file that already brings the line into a service's stack; NULL where none does. */
static int covered_by(const struct pamstack_dir *d, const char *service, const char **ret,
	struct err *e)
{
	_cleanup_flat_ struct pamstack_flat f = { 0 };
	size_t enter;

	if (pamstack_flatten(d, service, &f, e) < 0)
		return -1;
	if (f.n == 0)
		return err_set(e, 0,
			"%s has no session line, so PAM uses those of the service \"other\", which a "
			"line of ours would replace: add the session lines that it needs first",
			pamstack_find(d, service)->path);
	enter = pamstack_next(&f, 0, PAMSTACK_ENTERS);
	*ret = enter < f.n ? f.v[enter].file->name : NULL;
	if (own_line(pamstack_find(d, service)))
		*ret = service;
	return enter < f.n ? last_check(&f, service, e) : 0;
}

static size_t dir_size(const struct pamstack_dir *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += strlen(d->files[i].text);
	return n;
}

int pamstack_enable(struct pamstack_dir *d, const char *service,
	enum pamstack_result *ret, const char **by, struct err *e)
{
	_cleanup_dir_of_files_ struct pamstack_dir edited = { 0 };
	const char *has = NULL;
	bool covered;
	int r;

	if (covered_by(d, service, &has, e) < 0)
		return -1;
	if (pamstack_copy(d, &edited) < 0)
		return err_set(e, ENOMEM, "edit the PAM services");
	covered = has && strcmp(has, service) != 0;
	if (!has && line_append(pamstack_find(&edited, service), e) < 0)
		return -1;
	while ((r = gate_one(&edited, service, e)) > 0)
		;
	if (r < 0 || edit_check(d, &edited, e) < 0)
		return -1;
	if (dir_size(&edited) != dir_size(d))
		*ret = PAMSTACK_CHANGED;
	else
		*ret = covered ? PAMSTACK_COVERED : PAMSTACK_UNCHANGED;
	*by = covered ? pamstack_find(&edited, has)->name : NULL;
	dir_take(d, &edited);
	return 0;
}

/* ---- disable ------------------------------------------------------------------------ */

static bool flat_has_file(const struct pamstack_flat *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].file->name, name) == 0)
			return true;
	return false;
}

/*
 * Whether a service that enters a box runs through this file. One that can't be
 * understood and has a line of its own may need every gate.
 */
static bool gates_needed(const struct pamstack_dir *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++) {
		_cleanup_flat_ struct pamstack_flat f = { 0 };
		struct err ignored;

		if (pamstack_flatten(d, d->files[i].name, &f, &ignored) < 0) {
			if (own_line(&d->files[i]))
				return true;
			continue;
		}
		if (pamstack_next(&f, 0, PAMSTACK_ENTERS) < f.n &&
			flat_has_file(&f, name))
			return true;
	}
	return false;
}

/* Remove nsctl's lines of a role from a file. */
static int lines_remove(struct pamstack_file *f, enum pamstack_role role, struct err *e)
{
	for (size_t i = f->n; i > 0; i--) {
		const struct pamstack_line *l = &f->lines[i - 1];

		if (l->kind == PAMSTACK_CALL && l->role == role && l->marked &&
			line_remove(f, l, e) < 0)
			return -1;
	}
	return 0;
}

/* Remove the service's line, then every gate that nothing needs any more. */
static int lines_remove_all(struct pamstack_dir *d, const char *service, struct err *e)
{
	if (lines_remove(pamstack_find(d, service), PAMSTACK_ENTERS, e) < 0)
		return -1;
	for (size_t i = 0; i < d->n; i++)
		if (!gates_needed(d, d->files[i].name) &&
			lines_remove(&d->files[i], PAMSTACK_GATES, e) < 0)
			return -1;
	return 0;
}

/* The other file that brings the line into a service's stack; NULL where none does. */
static const char *other_enters(const struct pamstack_dir *d, const char *service)
{
	_cleanup_flat_ struct pamstack_flat f = { 0 };
	struct err ignored;

	if (pamstack_flatten(d, service, &f, &ignored) < 0)
		return NULL;
	for (size_t i = pamstack_next(&f, 0, PAMSTACK_ENTERS); i < f.n;
		i = pamstack_next(&f, i + 1, PAMSTACK_ENTERS))
		if (strcmp(f.v[i].file->name, service) != 0)
			return f.v[i].file->name;
	return NULL;
}

int pamstack_disable(struct pamstack_dir *d, const char *service,
	enum pamstack_result *ret, const char **by, struct err *e)
{
	_cleanup_dir_of_files_ struct pamstack_dir edited = { 0 };
	const struct pamstack_file *f = pamstack_find(d, service);

	if (!f)
		return err_set(e, 0, "there is no PAM service %s", service);
	for (size_t i = 0; i < f->n; i++)
		if (f->lines[i].kind == PAMSTACK_CALL && !f->lines[i].marked &&
			f->lines[i].role == PAMSTACK_ENTERS)
			return err_set(e, 0,
				"%s:%zu enters the box but wasn't added by nsctl (its comment isn't "
				"\"" PAMSTACK_MARK "\"): remove it by hand",
				f->path, f->lines[i].number);
	if (pamstack_copy(d, &edited) < 0)
		return err_set(e, ENOMEM, "edit the PAM services");
	if (lines_remove_all(&edited, service, e) < 0 || edit_check(d, &edited, e) < 0)
		return -1;
	*by = other_enters(&edited, service);
	if (dir_size(&edited) != dir_size(d))
		*ret = PAMSTACK_CHANGED;
	else
		*ret = *by ? PAMSTACK_COVERED : PAMSTACK_UNCHANGED;
	dir_take(d, &edited);
	return 0;
}
