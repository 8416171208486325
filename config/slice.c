/* SPDX-License-Identifier: BSD-3-Clause */
/* [Slice NAME]: limits that accounts share. */
#include "config/internal.h"
#include "core/base/cleanup.h"

#include <ctype.h>
#include <string.h>

const char *config_slice_name_wrong(const char *name)
{
	size_t len = strlen(name);

	if (strcmp(name, "none") == 0)
		return "\"none\" is the word for no slice";
	if (strchr(name, '-'))
		return "a '-' would put it below another slice";
	if (len == 0 || len >= POLICY_SLICE_MAX)
		return "the name is empty or too long";
	for (const char *p = name; *p; p++)
		if (!isascii(*p) || (!isalnum(*p) && *p != '_'))
			return "the name has other letters than a-z, A-Z, 0-9 and '_'";
	return NULL;
}

static bool is_slice(const struct config_section *s, const char *name)
{
	return s->kind == CONFIG_SLICE && strcmp(s->name, name) == 0;
}

int config_slice_limits(const struct config *c, struct policy *p, struct err *e)
{
	_cleanup_(policy_clear) struct policy slice = { 0 };

	policy_limits_clear(&p->slice_limits);
	if (!p->slice)
		return 0;
	if (config_policy_initial(&slice, e) < 0)
		return -1;
	policy_limits_clear(&slice.limits);
	for (const struct config_section *s = c->sections; s; s = s->next)
		if (is_slice(s, p->slice) && config_policy_add(s, &slice, e) < 0)
			return -1;
	p->slice_limits = slice.limits;
	policy_limits_init(&slice.limits);
	return 0;
}

static bool has_slice(const struct config *c, const char *name)
{
	for (const struct config_section *s = c->sections; s; s = s->next)
		if (is_slice(s, name))
			return true;
	return false;
}

int config_slices_check(struct config *c, struct err *e)
{
	static const char key[] = "Slice";
	const struct config_key *row = config_key_find(key, strlen(key));

	for (const struct config_section *s = c->sections; s; s = s->next)
		for (const struct config_entry *at = s->entries; at; at = at->next)
			if (at->key == row && at->ok && strcmp(at->value, "none") != 0 &&
				!has_slice(c, at->value) &&
				config_problem_add(c, s->file, at->line, s->title, key, e,
					"Slice=%.80s: there is no section [Slice %.80s]: write it, with the limits that its accounts share",
					at->value, at->value) < 0)
				return -1;
	return 0;
}
