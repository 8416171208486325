/* SPDX-License-Identifier: BSD-3-Clause */
/* What who has a plan asks it, however it was made. */
#include "core/plan/planner.h"

#include <stdlib.h>
#include <string.h>

void plan_free(struct plan *p)
{
	if (!p)
		return;
	arena_clear(&p->arena);
	free(p);
}

const struct command *plan_command(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->n_commands; i++)
		if (!p->commands[i].why && strcmp(p->commands[i].name, name) == 0)
			return &p->commands[i];
	return NULL;
}

bool plan_has_commands(const struct plan *p)
{
	for (size_t i = 0; i < p->n_commands; i++)
		if (!p->commands[i].why)
			return true;
	return false;
}

/*
 * The login program executes the shell that the host's passwd(5) has, by its path. Another one may stand in for
 * it only where it is one that does as it is told: what holds its user to something must be there, or there is
 * no login.
 */
bool plan_is_shell(const char *path)
{
	static const char *const names[] = { "sh", "ash", "bash", "csh", "dash", "elvish",
		"fish", "ksh", "ksh93", "lksh", "mksh", "nu", "oksh", "pdksh", "tcsh",
		"xonsh", "yash", "zsh", NULL };
	const char *slash = strrchr(path, '/');

	return slash && path_in(slash + 1, names);
}

size_t plan_overlay_of(const struct plan *p, const char *path)
{
	size_t best = 0;

	/* parents come before children: the last match is the deepest */
	for (size_t i = 0; i < p->n_overlays; i++)
		if (path_within(path, p->overlays[i].target))
			best = i;
	return best;
}
