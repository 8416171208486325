/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to a plan about where things are, shared by the tests of mounts and of overlays. */
#pragma once

#include "tests/unit/plan_story.h"

static inline void made(void)
{
	fixture_plan(&f);
}

static inline void refused(const char *because)
{
	fixture_refused(&f, because);
}

/* BindPaths= of one entry. */
static inline void bind_entry(const char *entry)
{
	static char *v[1];

	v[0] = (char *)entry;
	f.policy.bind_paths = (struct strlist){ v, 1 };
}

/* The place of an op in the order, -1 when there is none. */
static inline int op_at(enum plan_op_kind kind, const char *target)
{
	for (size_t i = 0; i < f.plan->n_ops; i++)
		if (f.plan->ops[i].kind == kind && !strcmp(f.plan->ops[i].target, target))
			return (int)i;
	return -1;
}

static inline bool has(enum plan_op_kind kind, const char *target)
{
	return op_at(kind, target) >= 0;
}

static inline const struct plan_op *op(enum plan_op_kind kind, const char *target)
{
	int at = op_at(kind, target);

	if (at < 0)
		fail_msg("no such operation on %s", target);
	return &f.plan->ops[at];
}

static inline bool in_layer(enum plan_layer_kind kind, const char *path)
{
	for (size_t i = 0; i < f.plan->n_layers; i++)
		if (f.plan->layers[i].kind == kind &&
			!strcmp(f.plan->layers[i].path, path))
			return true;
	return false;
}

static inline bool whiteout(const char *path)
{
	return in_layer(PLAN_LAYER_WHITEOUT, path);
}
