/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/cgroup/scope.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/plan/property.h"
#include "core/run/host/program.h"

#include <string.h>

#define _cleanup_list_ _cleanup_(strlist_clear)

/* It ends by itself, whatever systemd does (SCOPE_PATIENCE_S). */
static int run(const struct strlist *words, struct err *e)
{
	return program_run(words, NULL, 0, "systemd didn't answer nsshell-scope", e);
}

/* ---- what is asked ---------------------------------------------------------------------- */

/* Two files of one property: the first says it. One of several devices is one more word. */
static bool is_told(const struct strlist *words, size_t from, const char *word)
{
	size_t len = strcspn(word, "=") + 1;

	for (size_t i = from; i < words->n; i++)
		if (strncmp(words->v[i], word, len) == 0 && !strchr(word, '/'))
			return true;
	return false;
}

static int add_limits(
	struct strlist *words, const struct plan_cgroup_setting *v, size_t n)
{
	char word[PROPERTY_MAX];
	size_t from = words->n;

	for (size_t i = 0; i < n; i++)
		if (property_of(v[i].name, v[i].value, word, sizeof(word)) && *word &&
			!is_told(words, from, word) && strlist_add(words, word) < 0)
			return -1;
	return 0;
}

static const char *slice_of(const struct plan_cgroup *plan)
{
	const char *last = strrchr(plan->slice, '/');

	return last ? last + 1 : "nsshell.slice";
}

static int add_start(struct strlist *words, const struct plan_cgroup *plan, pid_t pid)
{
	char number[16];
	int r;

	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	r = strlist_add(words, PATH_SCOPE) | strlist_add(words, "start") |
	    strlist_add(words, plan->scope) | strlist_add(words, number) |
	    strlist_add(words, slice_of(plan)) | strlist_add(words, plan->scope_title);
	if (r == 0)
		r = add_limits(words, plan->settings, plan->n_settings);
	/* The slice may be there with limits that the config doesn't have any more. */
	if (r == 0 && *plan->slice)
		r = strlist_add(words, "--");
	if (r == 0 && *plan->slice)
		r = add_limits(words, plan->slice_settings, plan->n_slice_settings);
	return r;
}

int scope_start(const struct plan_cgroup *plan, pid_t supervisor, struct err *e)
{
	_cleanup_list_ struct strlist words = { 0 };

	if (add_start(&words, plan, supervisor) < 0)
		return err_set(e, ENOMEM, "ask systemd for %s", plan->scope);
	return run(&words, e);
}

int scope_set(const char *unit, const struct plan_cgroup_setting *settings, size_t n,
	struct err *e)
{
	_cleanup_list_ struct strlist words = { 0 };

	if (strlist_add(&words, PATH_SCOPE) < 0 || strlist_add(&words, "set") < 0 ||
		strlist_add(&words, unit) < 0 || add_limits(&words, settings, n) < 0)
		return err_set(e, ENOMEM, "set limits of %s", unit);
	return words.n > 3 ? run(&words, e) : 0;
}
