/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs that are setuid or setgid on the host, and for which a box asks its own sessions: nothing runs outside. */
#include "core/plan/planner.h"

#include "core/base/paths.h"

#include <string.h>

/* A program of several names, newgrp and sg, has one cover, which goes by its own name. */
static bool is_covered_already(const struct plan *p, const char *real)
{
	for (size_t i = 0; i < p->n_inside; i++)
		if (strcmp(p->inside[i], real) == 0)
			return true;
	for (size_t i = 0; i < p->n_commands; i++)
		if (!p->commands[i].why && strcmp(p->commands[i].real, real) == 0)
			return true;
	return false;
}

static void add(struct planner *b, const char *program)
{
	const struct plan_path *found = planner_find(b, PLAN_USE_ANY, program);
	const char *real;

	if (b->image) {
		b->p->inside[b->p->n_inside++] = program;
		return;
	}
	if (!found || found->refused || found->kind != PLAN_PATH_FILE)
		return;
	real = planner_copy(b, found->real ? found->real : found->path);
	if (real && !planner_is_replaced(b, real) && !is_covered_already(b->p, real))
		b->p->inside[b->p->n_inside++] = real;
}

void plan_inside(struct planner *b)
{
	struct plan *p = b->p;

	p->inside = arena_alloc(&p->arena, sizeof(plan_inside_programs));
	if (!p->inside)
		b->oom = true;
	if (!p->inside || planner_kind(b, PLAN_USE_ANY, PATH_COMMAND) != PLAN_PATH_FILE)
		return;
	for (size_t i = 0; plan_inside_programs[i]; i++)
		add(b, plan_inside_programs[i]);
}

void plan_inside_ops(struct planner *b)
{
	for (size_t i = 0; !b->image && i < b->p->n_inside; i++) {
		struct plan_op *op = planner_op(b, PLAN_COVER, b->p->inside[i]);

		op->source = PATH_COMMAND;
		op->attr = ATTR_RDONLY;
		op->optional = true;
	}
}

void plan_inside_print(const struct plan *p, FILE *out)
{
	if (p->n_inside > 0)
		fputs("\nprograms whose work the session does itself\n", out);
	for (size_t i = 0; i < p->n_inside; i++)
		fprintf(out, "  %s\n", p->inside[i]);
}
