/* SPDX-License-Identifier: BSD-3-Clause */
/* The variables of a session's programs: the image's, and Environment= over them. */
#include "core/plan/planner.h"

#include "core/base/paths.h"
#include "core/plan/sessionenv.h"

#include <string.h>

static void list_add(struct planner *b, const char ***list, size_t *n, const char *s)
{
	const char **more = planner_more(b, *list, n, sizeof(*more));

	if (more) {
		*list = more;
		more[*n - 1] = s;
	}
}

/* A later one takes the place of an earlier. */
static void set(struct planner *b, const char *setting)
{
	struct plan *p = b->p;

	for (size_t i = 0; i < p->n_environment; i++)
		if (sessionenv_is_same(setting, p->environment[i])) {
			p->environment[i] = planner_copy(b, setting);
			return;
		}
	list_add(b, &p->environment, &p->n_environment, planner_copy(b, setting));
}

int plan_environment(struct planner *b, struct err *e)
{
	const struct strlist *own = &b->in->policy->environment;
	const struct plan_image *image = b->image;
	struct plan *p = b->p;
	size_t size = 0;

	if ((image ? image->n_environment : 0) + own->n > SESSIONENV_MOST)
		return err_set(e, 0,
			"Environment= and the image's variables are more than %d together",
			SESSIONENV_MOST);
	for (size_t i = 0; image && i < image->n_environment; i++) {
		const char *setting = image->environment[i];

		if (!sessionenv_wrong(setting))
			set(b, setting);
		else
			list_add(b, &p->environment_left, &p->n_environment_left,
				planner_text(
					b, "%.*s", (int)strcspn(setting, "="), setting));
	}
	for (size_t i = 0; i < own->n; i++)
		set(b, own->v[i]);
	for (size_t i = 0; i < p->n_environment; i++)
		size += strlen(p->environment[i]) + 1;
	return size < SESSIONENV_MAX
		       ? 0
		       : err_set(e, 0,
				 "Environment= and the image's variables are more than %zu bytes together",
				 SESSIONENV_MAX);
}

/* What is put there is what a login reads, inside. */
void plan_environment_file(struct planner *b)
{
	struct plan *p = b->p;
	struct plan_op *op;
	const char *lines = "";

	if (p->n_environment == 0)
		return;
	for (size_t i = 0; i < p->n_environment; i++)
		lines = planner_text(b, "%s%s\n", lines, p->environment[i]);
	op = planner_op(b, PLAN_FILE, PATH_RUN_ENVIRONMENT);
	op->content = lines;
	op->mode = 0444;
}

void plan_environment_print(const struct plan *p, FILE *out)
{
	if (p->n_environment + p->n_environment_left > 0)
		fputs("\nenvironment\n", out);
	for (size_t i = 0; i < p->n_environment; i++)
		fprintf(out, "  %s\n", p->environment[i]);
	for (size_t i = 0; i < p->n_environment_left; i++)
		fprintf(out, "  left out    %s of the image\n", p->environment_left[i]);
}
