/* SPDX-License-Identifier: BSD-3-Clause */
/* A service's session stack, includes followed, and where its jumps lead. Pure. */
#include "core/plan/pamstack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An included file by its name, or by a path that libpam would look at as well. */
static const struct pamstack_file *included_find(
	const struct pamstack_dir *d, const char *target)
{
	static const char *const directories[] = { "/etc/pam.d/", "/usr/lib/pam.d/" };

	if (target[0] != '/')
		return pamstack_find(d, target);
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->files[i].path, target) == 0)
			return &d->files[i];
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (strncmp(target, directories[i], strlen(directories[i])) == 0)
			return pamstack_find(d, target + strlen(directories[i]));
	return NULL;
}

static int entry_add(
	struct pamstack_flat *f, const struct pamstack_entry *entry, struct err *e)
{
	struct pamstack_entry *grown = realloc(f->v, (f->n + 1) * sizeof(*f->v));

	if (!grown)
		return err_set(e, ENOMEM, "read the stack of %s", entry->file->path);
	f->v = grown;
	f->v[f->n++] = *entry;
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by PAMSTACK_DEPTH_MAX */
static int flatten_file(const struct pamstack_dir *d, const struct pamstack_file *file,
	unsigned int level, unsigned int depth, struct pamstack_flat *f, struct err *e)
{
	for (size_t i = 0; i < file->n; i++) {
		const struct pamstack_line *l = &file->lines[i];
		const struct pamstack_file *inner;
		bool substack = l->kind == PAMSTACK_SUBSTACK;

		if (l->kind == PAMSTACK_NOTHING)
			continue;
		if (l->kind == PAMSTACK_BAD)
			return err_set(e, 0, "%s:%zu %s", file->path, l->number, l->why);
		if (l->kind != PAMSTACK_INCLUDE &&
			entry_add(f, &(struct pamstack_entry){ file, l, level }, e) < 0)
			return -1;
		if (l->kind == PAMSTACK_CALL)
			continue;
		inner = included_find(d, l->target);
		if (!inner)
			return err_set(e, 0, "%s:%zu includes %s, which isn't there",
				file->path, l->number, l->target);
		if (depth == PAMSTACK_DEPTH_MAX)
			return err_set(e, 0,
				"%s:%zu includes %s, deeper than %d files: a loop?",
				file->path, l->number, l->target, PAMSTACK_DEPTH_MAX);
		if (flatten_file(d, inner, level + substack, depth + 1, f, e) < 0)
			return -1;
	}
	return 0;
}

int pamstack_flatten(const struct pamstack_dir *d, const char *service,
	struct pamstack_flat *ret, struct err *e)
{
	const struct pamstack_file *file = pamstack_find(d, service);
	struct pamstack_flat f = { 0 };

	if (!file)
		return err_set(e, 0, "there is no PAM service %s", service);
	if (flatten_file(d, file, 0, 0, &f, e) < 0) {
		pamstack_flat_clear(&f);
		return -1;
	}
	*ret = f;
	return 0;
}

void pamstack_flat_clear(struct pamstack_flat *f)
{
	free(f->v);
	*f = (struct pamstack_flat){ 0 };
}

size_t pamstack_jump(const struct pamstack_flat *f, size_t from, unsigned int count)
{
	unsigned int level = f->v[from].level;
	size_t i = from;

	while (count > 0) {
		if (i + 1 >= f->n || f->v[i + 1].level < level)
			return f->n + 1;
		/* A substack counts as one, whatever is in it. */
		do
			i++;
		while (i + 1 < f->n && f->v[i + 1].level > level);
		count--;
	}
	return i + 1;
}

size_t pamstack_next(const struct pamstack_flat *f, size_t from, enum pamstack_role role)
{
	while (from < f->n && f->v[from].line->role != role)
		from++;
	return from;
}

bool pamstack_gated(const struct pamstack_flat *f, size_t i)
{
	return i > 0 && f->v[i - 1].line->role == PAMSTACK_GATES &&
	       f->v[i - 1].file == f->v[i].file && f->v[i - 1].level == f->v[i].level;
}

/* Whether ending the stack that entry @from is in passes @to. */
static bool done_passes(const struct pamstack_flat *f, size_t from, size_t to)
{
	for (size_t i = from + 1; i <= to; i++)
		if (f->v[i].level < f->v[from].level)
			return false;
	return true;
}

size_t pamstack_bypass(const struct pamstack_flat *f, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		const struct pamstack_line *l = f->v[j].line;

		if (l->done && done_passes(f, j, i))
			return j;
		for (size_t k = 0; k < l->n_jumps; k++) {
			size_t to = pamstack_jump(f, j, l->jumps[k]);

			if (to > i && to <= f->n)
				return j;
		}
	}
	return i;
}
