/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits that a group has and isn't to have any more. */
#include "core/base/io.h"
#include "core/plan/limits.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Each key has some files, or one for that many disks. */
#define LIFT_MAX (LIMIT_PLACES * LIMITS + POLICY_IO_KINDS * POLICY_IO_MAX)
#define TEXT_MAX 4096

struct lift {
	struct plan_cgroup_setting v[LIFT_MAX];
	char values[LIFT_MAX][64];
	size_t n;
};

static void add(struct lift *l, const struct plan_cgroup_setting *s, const char *value)
{
	if (l->n == LIFT_MAX || strlen(value) >= sizeof(l->values[0]))
		return;
	(void)snprintf(l->values[l->n], sizeof(l->values[0]), "%s", value);
	l->v[l->n] = *s;
	l->v[l->n].value = l->values[l->n];
	l->n++;
}

/* "8:0 rbps=1000" and "8:0 rbps=max", "8:0 1000" and "8:0 0": the same disk and kind. */
static bool is_kept(const struct plan_cgroup_setting *kept, size_t n, const char *file,
	const char *value)
{
	size_t len = strcspn(value, "=");

	len = value[len] ? len : strcspn(value, " ");
	for (size_t i = 0; i < n; i++)
		if (strcmp(kept[i].name, file) == 0 &&
			strncmp(kept[i].value, value, len + 1) == 0)
			return true;
	return false;
}

/* One value for each disk that the file's text names. */
static void add_disks(struct lift *l, const struct plan_cgroup_setting *s, char *text,
	const struct plan_cgroup_setting *kept, size_t n_kept)
{
	const char *word = s->value + strlen(PLAN_ANY_DISK);
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char value[64];

		(void)snprintf(value, sizeof(value), "%.*s %s", (int)strcspn(line, " "),
			line, word);
		if (strchr(line, ' ') && !is_kept(kept, n_kept, s->name, value))
			add(l, s, value);
	}
}

/* cgroup v1 has no word for the CPUs of the group above. */
static void add_cpus(
	struct lift *l, const struct plan_cgroup_setting *s, const char *group)
{
	char above[PATH_MAX], text[TEXT_MAX];

	cgroup_above(group, above);
	if (cgroup_read(s->controller, above, s->name, text, sizeof(text)) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	add(l, s, text);
}

static void add_one(struct lift *l, const char *group,
	const struct plan_cgroup_setting *s, const struct plan_cgroup_setting *kept,
	size_t n_kept)
{
	char text[TEXT_MAX];

	/* A file that this kernel doesn't have limits nothing. */
	if (cgroup_read(s->controller, group, s->name, text, sizeof(text)) < 0)
		return;
	if (strncmp(s->value, PLAN_ANY_DISK, strlen(PLAN_ANY_DISK)) == 0)
		add_disks(l, s, text, kept, n_kept);
	else if (cgroup_cpuset_is_v1(s))
		add_cpus(l, s, group);
	else
		add(l, s, s->value);
}

static void lift(const char *group, const struct plan_cgroup_setting *v, size_t n,
	const struct plan_cgroup_setting *kept, size_t n_kept)
{
	struct lift l = { .n = 0 };
	struct err ignored;

	for (size_t i = 0; i < n; i++)
		add_one(&l, group, &v[i], kept, n_kept);
	(void)cgroup_limits_write(group, l.v, l.n, &ignored);
}

void cgroup_lift(const struct plan_cgroup *plan)
{
	if (plan->n_slice_lifted > 0)
		lift(plan->slice, plan->slice_lifted, plan->n_slice_lifted,
			plan->slice_settings, plan->n_slice_settings);
	if (plan->n_lifted > 0)
		lift(plan->account, plan->lifted, plan->n_lifted, plan->settings,
			plan->n_settings);
}
