/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/plan/pamstack.h"
#include "core/run/pamfile.h"

#include <fcntl.h>
#include <string.h>

/* More than any jump. */
#define LINES_ANY SIZE_MAX

static void stack_drop(struct pamstack_dir *d)
{
	pamstack_clear(d);
}

/* Whether a line of the file ends the stack before line @to is run, or jumps over it; what is included isn't read. */
static bool is_passed_by(const struct pamstack_file *f, size_t to)
{
	size_t between = 0;

	for (size_t i = to; i-- > 0;) {
		const struct pamstack_line *l = &f->lines[i];

		if (l->done)
			return true;
		for (size_t k = 0; k < l->n_jumps; k++)
			if (l->jumps[k] > between)
				return true;
		/* An include may have any number of lines. */
		if (l->kind == PAMSTACK_INCLUDE)
			between = LINES_ANY;
		else if (l->kind != PAMSTACK_NOTHING && between < LINES_ANY)
			between++;
	}
	return false;
}

/* In the service's own file, where nsctl enable writes it. Return: 1, 0, or -1 for want of memory. */
static int is_guarded(const char *service)
{
	_cleanup_(stack_drop) struct pamstack_dir d = { 0 };
	_cleanup_free_ char *text = malloc(PAMFILE_SIZE_MAX);
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%.60s", PATH_PAM_D, service);
	if (!text)
		return -1;
	if (io_read_text(AT_FDCWD, path, text, PAMFILE_SIZE_MAX) < 0)
		return 0;
	if (pamstack_add(&d, service, path, text, NULL) < 0)
		return -1;
	for (size_t i = 0; i < d.files[0].n; i++)
		if (d.files[0].lines[i].role == PAMSTACK_ENTERS)
			return !is_passed_by(&d.files[0], i);
	return 0;
}

int host_guarded(const struct policy *policy, struct host *h, struct err *e)
{
	for (size_t i = 0; i < policy->commands.n; i++) {
		const char *service = policy->commands.v[i].service;
		int r = *service && !strlist_has(&h->guarded, service)
				? is_guarded(service)
				: 0;

		if (r < 0 || (r > 0 && strlist_add(&h->guarded, service) < 0))
			return err_set(
				e, ENOMEM, "look at the PAM service %.60s", service);
	}
	h->facts.guarded = &h->guarded;
	return 0;
}
