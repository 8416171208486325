/* SPDX-License-Identifier: BSD-3-Clause */
/* Host commands: which of HostCommands= a box has, and what stands in their programs' places. */
#include "core/plan/planner.h"

#include "core/base/paths.h"

#include <inttypes.h>
#include <string.h>

static const char **copy_texts(struct planner *b, const char *const *v, size_t n)
{
	const char **copy = arena_alloc(&b->p->arena, (n + 1) * sizeof(*copy));

	if (!copy)
		b->oom = true;
	for (size_t i = 0; copy && i < n; i++)
		copy[i] = planner_copy(b, v[i]);
	return copy;
}

/*
 * What starts something later, by cron say, is no way out only where that is put into a box, too: the config
 * must list its PAM service, and the host's file of that have the module. A service's file may outlive who
 * asks it: systemd-cron runs crontabs without any.
 */
static const char *unguarded(struct planner *b, const struct command *c)
{
	const struct strlist *guarded = b->in->host->guarded;

	if (c->daemon && planner_kind(b, PLAN_USE_ANY, c->daemon) != PLAN_PATH_FILE)
		return planner_text(b,
			"%s isn't on this host, and what runs instead of it may open no box",
			c->daemon);
	if (*c->service == '\0' || (strlist_has(&b->in->policy->services, c->service) &&
					   guarded && strlist_has(guarded, c->service)))
		return NULL;
	return planner_text(b,
		"what it leaves to the PAM service %s would run outside of a box: list that in "
		"Services=, and run `nsctl enable %s`",
		c->service, c->service);
}

/* Why the box doesn't have it, or NULL. */
static const char *lacks(struct planner *b, struct command *c)
{
	const struct plan_path *program =
		c->program ? planner_find(b, PLAN_USE_ANY, c->program) : NULL;

	if (c->why)
		return c->why;
	if (plan_inside_has(c->name))
		return "its session does that for it, and nothing runs on the host";
	c->absent = !program || program->kind == PLAN_PATH_ABSENT;
	if (program && program->refused)
		return planner_text(b, "%s: %s", c->program, program->refused);
	if (c->absent || program->kind != PLAN_PATH_FILE)
		return planner_text(b, "%s isn't on this host", c->program);
	c->real = planner_copy(b, program->real ? program->real : program->path);
	if (planner_is_replaced(b, b->image ? c->program : c->real))
		return planner_text(b, "the box has something else at %s", c->real);
	if (planner_kind(b, PLAN_USE_ANY, PATH_COMMAND) != PLAN_PATH_FILE)
		return "there is no " PATH_COMMAND;
	if (command_leaves_nsshell(c->name, b->in->account->shell))
		return "the account's login shell is nsshell, and it could take another";
	return unguarded(b, c);
}

void plan_commands(struct planner *b)
{
	const struct command_list *l = &b->in->policy->commands;
	struct plan *p = b->p;

	p->commands = arena_alloc(&p->arena, (l->n + 1) * sizeof(*p->commands));
	if (!p->commands) {
		b->oom = true;
		return;
	}
	for (p->n_commands = 0; p->n_commands < l->n; p->n_commands++) {
		struct command *c = &p->commands[p->n_commands];

		*c = l->v[p->n_commands];
		c->name = planner_copy(b, c->name);
		c->program = c->program ? planner_copy(b, c->program) : NULL;
		c->service = planner_copy(b, c->service);
		c->daemon = c->daemon ? planner_copy(b, c->daemon) : NULL;
		c->forms = copy_texts(b, c->forms, c->n_forms);
		c->env = copy_texts(b, c->env, c->n_env);
		c->why = c->why ? planner_copy(b, c->why) : NULL;
		c->why = lacks(b, c);
		if (c->why && !command_is_default(c->name))
			planner_note(
				b, "HostCommands=%s is left out: %s", c->name, c->why);
	}
}

static bool is_covered_already(const struct plan *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!p->commands[i].why &&
			strcmp(p->commands[i].real, p->commands[n].real) == 0)
			return true;
	return false;
}

/* A program of several names, at, atq and atrm, has one cover, which goes by its own name. */
void plan_commands_ops(struct planner *b)
{
	struct plan *p = b->p;

	/* Over an image links of the init layer lead to it: what that has there may be a link of its own. */
	for (size_t i = 0; !b->image && i < p->n_commands; i++) {
		struct plan_op *op;

		if (p->commands[i].why || is_covered_already(p, i))
			continue;
		op = planner_op(b, PLAN_COVER, p->commands[i].real);
		op->source = PATH_COMMAND;
		op->attr = ATTR_RDONLY;
		op->optional = true;
		/* An overlay keeps its names, whatever the host renames. */
		op->renew = p->overlays[plan_overlay_of(p, op->target)].live;
	}
}

static void print_limits(const struct command *c, FILE *out)
{
	fprintf(out, "  %-11s %s%s", c->name, c->program,
		c->terminal == COMMAND_TERMINAL_NO ? " no-terminal" : "");
	if (c->home)
		fputs(" home", out);
	if (c->sends)
		fputs(" sends", out);
	if (c->time_usec != PARSE_INFINITY)
		fprintf(out, " time=%" PRIu64 "s", c->time_usec / 1000000);
	if (c->input_max != PARSE_INFINITY)
		fprintf(out, " input=%" PRIu64, c->input_max);
	if (c->output_max != PARSE_INFINITY)
		fprintf(out, " output=%" PRIu64, c->output_max);
	fputc('\n', out);
}

void plan_commands_print(const struct plan *p, FILE *out)
{
	if (p->n_commands > 0)
		fputs("\ncommands that run on the host, as the account\n", out);
	for (size_t i = 0; i < p->n_commands; i++) {
		const struct command *c = &p->commands[i];

		if (c->why) {
			fprintf(out, "  %-11s left out: %s\n", c->name, c->why);
			continue;
		}
		print_limits(c, out);
		for (size_t k = 0; k < c->n_forms; k++)
			fprintf(out, "                | %s%s%s\n", c->name,
				*c->forms[k] ? " " : "", c->forms[k]);
		for (size_t k = 0; k < c->n_env; k++)
			fprintf(out, "                : %s\n", c->env[k]);
	}
}
