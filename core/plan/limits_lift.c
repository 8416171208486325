/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits that the account's running sessions were given, and that nothing names any more. */
#include "core/plan/limits.h"
#include "core/plan/planner.h"

#include <string.h>

/* How much of a line says what is limited: "TasksMax=", "IOReadIOPSMax=/home ". */
static size_t subject(const char *line)
{
	size_t len = strcspn(line, "=");
	const struct limit *l = limit_find(line, len);

	len += line[len] == '=';
	if (l && l->kind == LIMIT_SPEED)
		len += strcspn(line + len, " ");
	return len;
}

/* Whether a text of such lines has one about the same, below the same head. */
static bool says(const char *text, const char *head, const char *line)
{
	size_t len = subject(line);
	bool below = *head == '\0';

	for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		if (*at == '[')
			below = strncmp(at, head, strlen(head)) == 0 && *head;
		else if (below && strncmp(at, line, len) == 0)
			return true;
	}
	return false;
}

/* What the files of a key say where it limits nothing. */
static void lift(
	struct planner *b, const char *line, struct plan_cgroup_setting **list, size_t *n)
{
	const struct limit *l = limit_find(line, strcspn(line, "="));

	for (size_t i = 0; l && i < LIMIT_PLACES; i++) {
		const struct limit_place *p = &l->on[b->in->host->cgroup].places[i];
		const struct plan_cgroup_setting one = {
			l->on[b->in->host->cgroup].controller, p->file, p->none, l->key
		};

		if (p->none)
			planner_setting(b, list, n, &one);
	}
}

void plan_lift(struct planner *b)
{
	const struct strlist *before = b->in->limits_before;
	struct plan_cgroup *c = &b->p->cgroup;
	const char *head = "", *own = planner_text(b, "[Slice %s]", c->slice_name);

	for (size_t i = 0; before && i < before->n; i++) {
		const char *line = before->v[i];

		if (*line == '[')
			head = line;
		else if (says(c->limits_text, head, line))
			continue;
		else if (!*head)
			lift(b, line, &c->lifted, &c->n_lifted);
		else if (strcmp(head, own) == 0)
			lift(b, line, &c->slice_lifted, &c->n_slice_lifted);
	}
}
