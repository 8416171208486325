/* SPDX-License-Identifier: BSD-3-Clause */
/* Which directories of the host an open session is told of when root changes them. */
#include "core/plan/planner.h"

#include <string.h>

/*
 * Where root puts things that people look for by name. A package manager renames its database when it
 * is done, whatever it has installed where; ldconfig(8) does so in /etc.
 */
static const struct {
	const char *path;
	bool deep;
} places[] = {
	{ "/etc", true },
	{ "/", false },
	{ "/usr/bin", false },
	{ "/usr/sbin", false },
	{ "/usr/lib", false },
	{ "/usr/local/bin", false },
	{ "/usr/local/sbin", false },
	{ "/usr/local/lib", false },
	{ "/opt", false },
	{ "/srv", false },
	{ "/var/lib/dpkg", false },
	{ "/var/lib/rpm", false },
	{ "/usr/lib/sysimage/rpm", false },
	{ "/var/lib/pacman/local", false },
	{ "/lib/apk/db", false },
};

/* @path is within the overlay's target. */
static struct plan_watch watch(
	const struct plan *p, size_t overlay, const char *path, bool deep)
{
	const char *below = path + strlen(p->overlays[overlay].target);

	if (strcmp(p->overlays[overlay].target, "/") == 0)
		below = path;
	while (*below == '/')
		below++;
	return (struct plan_watch){ .overlay = overlay, .path = below, .deep = deep };
}

size_t plan_watches(const struct plan *p, struct plan_watch *ret, size_t max)
{
	size_t n = 0;

	/* An image doesn't change. */
	if (p->image && *p->image)
		return 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		size_t on = plan_overlay_of(p, places[i].path);

		if (p->n_overlays > 0 && !p->overlays[on].live && n < max)
			ret[n++] = watch(p, on, places[i].path, places[i].deep);
		for (size_t j = on + 1; places[i].deep && j < p->n_overlays; j++)
			if (path_below(p->overlays[j].target, places[i].path) &&
				!p->overlays[j].live && n < max)
				ret[n++] = watch(p, j, p->overlays[j].target, true);
	}
	return n;
}
