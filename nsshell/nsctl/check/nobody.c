/* SPDX-License-Identifier: BSD-3-Clause */
/* A host on which nobody is isolated: not yet, or not any more. */
#include "nsshell/nsctl/check/check_internal.h"

/* A service file with the line that enters a box, or NULL. */
static const struct pamstack_file *enabled(const struct pamstack_dir *d)
{
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < d->files[i].n; k++)
			if (d->files[i].lines[k].kind == PAMSTACK_CALL &&
				d->files[i].lines[k].role == PAMSTACK_ENTERS)
				return &d->files[i];
	return NULL;
}

void check_nobody(
	const struct config *c, const struct pamstack_dir *d, struct findings *f)
{
	static const char whom[] = "every login: it goes on as without nsshell";
	static const char todo[] =
		"Isolate=yes in a [User], a [Group] or [Default] of nsshell.conf(5)";
	const struct pamstack_file *file = enabled(d);

	/* A directory service may have accounts that it doesn't list. */
	if (file && !config_isolates(c))
		findings_add(f, FINDING_WARNING, whom, todo,
			"%s leads into a box, but the config isolates nobody: no section of it says "
			"Isolate=yes",
			file->path);
	else
		findings_add(f, FINDING_NOTE, whom, todo,
			"no account that is listed on this host is isolated");
}
