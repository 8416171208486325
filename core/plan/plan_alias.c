/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the host mounts at two places is the same at both: what is hidden at one of them must be
 * at the other, and nsshell's own state is reached by neither.
 */
#include "core/plan/planner.h"

#include "core/base/paths.h"

#include <string.h>

/* The mount that can be seen at a path: the deepest, and of several at one place the last. */
static const struct plan_host_mount *mount_at(const struct planner *b, const char *path)
{
	const struct plan_host *host = b->in->host;
	const struct plan_host_mount *best = NULL;

	for (size_t i = 0; i < host->n_mounts; i++)
		if (path_within(path, host->mounts[i].target) &&
			(!best || strlen(host->mounts[i].target) >= strlen(best->target)))
			best = &host->mounts[i];
	return best;
}

/* The part of @path below @top, "" or with a slash at its beginning. */
static const char *below(const char *path, const char *top)
{
	return strcmp(top, "/") == 0 ? (path[1] ? path : "") : path + strlen(top);
}

static const char *joined(struct planner *b, const char *top, const char *rest)
{
	if (strcmp(top, "/") == 0)
		return *rest ? rest : "/";
	return *rest ? planner_text(b, "%s%s", top, rest) : top;
}

bool planner_within(struct planner *b, const char *path, struct within *ret)
{
	const struct plan_host_mount *m = mount_at(b, path);

	if (!m || m->dev == 0)
		return false;
	*ret = (struct within){ m, joined(b, m->root, below(path, m->target)) };
	return true;
}

const char *planner_alias(
	struct planner *b, const struct within *w, const struct plan_host_mount *by)
{
	const char *path;

	if (by == w->mount || by->dev != w->mount->dev || !path_within(w->path, by->root))
		return NULL;
	path = joined(b, by->target, below(w->path, by->root));
	return mount_at(b, path) == by ? planner_copy(b, path) : NULL;
}

static const char *const state[] = { PATH_RUN, PATH_STATE, NULL };

bool planner_shows_state(struct planner *b, const char *path)
{
	struct within w, s;

	if (path_shows_state(path))
		return true;
	if (!planner_within(b, path, &w))
		return false;
	for (size_t i = 0; state[i]; i++)
		if (planner_within(b, state[i], &s) && s.mount->dev == w.mount->dev &&
			(path_within(s.path, w.path) || path_within(w.path, s.path)))
			return true;
	return false;
}

bool planner_is_closed(struct planner *b, const struct plan_host_mount *m)
{
	static const char *const kernels[] = { "proc", "sysfs", "cgroup", "cgroup2",
		"debugfs", "tracefs", "securityfs", "bpf", "efivarfs", "nsfs", "pstore",
		"configfs", NULL };

	return path_in(m->fstype, kernels) || planner_shows_state(b, m->target);
}
