/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host/host_facts.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/plan/pamstack.h"
#include "core/run/host/pamfile.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* More would be deeper than libpam goes, or as good as. */
#define FILES_MAX 64

/* As libpam finds a file: by its name, here or where the distribution keeps its own, or by a path. */
static const char *const directories[] = { PATH_PAM_D, "/usr/lib/pam.d" };
#define N_DIRECTORIES (sizeof(directories) / sizeof(*directories))

static void stack_drop(struct pamstack_dir *d)
{
	pamstack_clear(d);
}

static void flat_drop(struct pamstack_flat *f)
{
	pamstack_flat_clear(f);
}

/* What is there, but can't be a file of PAM's, or isn't ours to read: no line of ours is in it. */
static bool is_none(int num)
{
	return num == ENOENT || num == ENOTDIR || num == ELOOP || num == EISDIR ||
	       num == EFBIG || num == ENAMETOOLONG || num == EACCES;
}

/* Return: 1; 0 where there is none; -1 with errno. */
static int add_file(struct pamstack_dir *d, const char *name)
{
	_cleanup_free_ char *text = malloc(PAMFILE_SIZE_MAX);
	char path[PATH_MAX];
	ssize_t len = -1;

	if (!text)
		return -1;
	errno = ENOENT;
	for (size_t i = 0; len < 0 && errno == ENOENT && i < N_DIRECTORIES; i++) {
		bool whole = *name == '/';

		if (snprintf(path, sizeof(path), "%s%s%s", whole ? "" : directories[i],
			    whole ? "" : "/", name) >= (int)sizeof(path))
			return 0;
		len = io_read_text(AT_FDCWD, path, text, PAMFILE_SIZE_MAX);
	}
	if (len < 0)
		return is_none(errno) ? 0 : -1;
	if (strlen(text) != (size_t)len)
		return 0;
	return pamstack_add(d, name, path, text, NULL) < 0 ? -1 : 1;
}

/* A service's file and all that it includes, as far as they are there. Return: 0, or -1 with errno. */
static int read_stack(const char *service, struct pamstack_dir *ret)
{
	if (add_file(ret, service) < 0)
		return -1;
	for (size_t i = 0; i < ret->n && ret->n <= FILES_MAX; i++)
		for (size_t k = 0; k < ret->files[i].n; k++) {
			const struct pamstack_line *l = &ret->files[i].lines[k];

			if ((l->kind == PAMSTACK_INCLUDE ||
				    l->kind == PAMSTACK_SUBSTACK) &&
				!pamstack_find(ret, l->target) &&
				add_file(ret, l->target) < 0)
				return -1;
		}
	return 0;
}

int host_is_guarded(const char *service)
{
	_cleanup_(stack_drop) struct pamstack_dir d = { 0 };
	_cleanup_(flat_drop) struct pamstack_flat f = { 0 };
	struct err e;
	size_t i;

	if (read_stack(service, &d) < 0)
		return -1;
	if (pamstack_flatten(&d, service, &f, &e) < 0) {
		errno = e.num;
		return e.num ? -1 : 0;
	}
	i = pamstack_next(&f, 0, PAMSTACK_ENTERS);
	return i < f.n && pamstack_bypass(&f, i) == i && f.v[i].line->fails;
}

int host_guarded(const struct policy *policy, struct host *h, struct err *e)
{
	for (size_t i = 0; i < policy->commands.n; i++) {
		const char *service = policy->commands.v[i].service;
		int r = *service && !strlist_has(&h->guarded, service)
				? host_is_guarded(service)
				: 0;

		if (r < 0 || (r > 0 && strlist_add(&h->guarded, service) < 0))
			return err_set(
				e, errno, "look at the PAM service %.60s", service);
	}
	h->facts.guarded = &h->guarded;
	return 0;
}
