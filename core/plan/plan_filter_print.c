/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of a filter, in words. */
#include "core/plan/planner.h"

#include <errno.h>
#include <string.h>

static void print_rule(const struct plan_filter_rule *rule, FILE *out)
{
	const struct filter_call *c = &rule->call;

	fprintf(out, " %s", c->name);
	if (c->test == FILTER_EQUAL)
		fprintf(out, "[%u=0x%llx]", c->arg, (unsigned long long)c->value);
	if (c->test == FILTER_ANY_BIT)
		fprintf(out, "[%u&0x%llx]", c->arg, (unsigned long long)c->value);
	if (c->test == FILTER_OTHER_BIT)
		fprintf(out, "[%u&~0x%llx]", c->arg, (unsigned long long)c->value);
	if (c->error == ENOSYS)
		fputs("[ENOSYS]", out);
}

/* The rules of one group, under its name and reason. */
static void print_group(
	const struct plan_filter *f, const char *name, const char *why, FILE *out)
{
	bool first = true;

	for (size_t i = 0; i < f->n_rules; i++) {
		if (strcmp(f->rules[i].group, name) != 0)
			continue;
		if (first)
			fprintf(out, "  %-12s %s\n              ", *name ? name : "more",
				why);
		first = false;
		print_rule(&f->rules[i], out);
	}
	if (!first)
		fputc('\n', out);
}

void plan_filter_print(const struct plan_filter *f, FILE *out)
{
	if (f->n_rules == 0) {
		fputs("\nsystem calls refused: none\n", out);
		return;
	}
	fputs("\nsystem calls refused, where an argument is named only with that\n", out);
	for (size_t i = 0; i < filter_n_groups; i++)
		print_group(f, filter_groups[i].name, filter_groups[i].why, out);
	print_group(f, "", "SystemCallFilter= says so", out);
}
