/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session sees no group but its own. What programs size themselves by is written there, too; it's
 * the account's group that limits.
 */
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/plan/limits.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/cgroup_internal.h"
#include "core/run/session/record.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define TEXT_MAX 64

/* In each session's group; one that has just ended needs it no more. */
static void write_below(
	const char *account, const struct plan_cgroup_setting *s, const char *value)
{
	const struct plan_cgroup_setting one = { s->controller, s->name, value, s->key };
	int dir = cgroup_directory(s->controller, account);
	_cleanup_dir_ DIR *directory = dir < 0 ? NULL : fdopendir(dir);
	char group[PATH_MAX];
	const struct dirent *d;
	struct err ignored;

	while (directory && (d = readdir(directory))) {
		if (!record_id_is_valid(d->d_name))
			continue;
		(void)snprintf(group, sizeof(group), "%s/%s", account, d->d_name);
		(void)cgroup_values_update(group, &one, 1, &ignored);
	}
}

/* What the account's file says now, whether that is what was to be written or not. */
static int now(
	const char *account, const struct plan_cgroup_setting *s, char text[TEXT_MAX])
{
	if (cgroup_read(s->controller, account, s->name, text, TEXT_MAX) < 0)
		return -1;
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

void cgroup_show(const struct plan_cgroup *plan, const struct plan_cgroup_setting *s)
{
	char text[TEXT_MAX];
	struct plan_cgroup_setting one = *s;
	struct err ignored;

	/* Where that can't be read: what was written. */
	if (now(plan->account, s, text) == 0)
		one.value = text;
	(void)cgroup_values_update(plan->session, &one, 1, &ignored);
}

int cgroup_limits_write(
	const char *group, const struct plan_cgroup_setting *v, size_t n, struct err *e)
{
	char text[TEXT_MAX];
	struct err ignored;
	int r;

	if (cgroup_values_check(group, v, n, &ignored) == 0)
		return 0;
	/* v1 refuses a quota while a group below has a larger one. */
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, "cpu.cfs_quota_us") == 0)
			write_below(group, &v[i], "-1");
	r = cgroup_is_unit(group) ? cgroup_scope_set(group, v, n, e)
				  : cgroup_values_update(group, v, n, e);
	for (size_t i = 0; i < n; i++)
		if (limit_is_shown(v[i].key) && now(group, &v[i], text) == 0)
			write_below(group, &v[i], text);
	return r;
}
