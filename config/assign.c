/* SPDX-License-Identifier: BSD-3-Clause */
/* What commands ask of a config and a policy beside the files. */
#include "config/internal.h"
#include "core/base/cleanup.h"
#include "core/base/parse.h"

#include <errno.h>
#include <string.h>

static int services_add(struct strlist *ret, const struct strlist *more, struct err *e)
{
	for (size_t i = 0; i < more->n; i++)
		if (!strlist_has(ret, more->v[i]) && strlist_add(ret, more->v[i]) < 0)
			return config_no_memory(e);
	return 0;
}

/* What the sections of one kind give, on top of what is in @p. */
static int services_of(const struct config *c, bool defaults, struct policy *p,
	struct strlist *ret, struct err *e)
{
	for (const struct config_section *s = c->sections; s; s = s->next) {
		if ((s->kind == CONFIG_DEFAULT) != defaults)
			continue;
		if (!defaults)
			strlist_clear(&p->services);
		if (config_policy_add(s, p, e) < 0 ||
			(!defaults && services_add(ret, &p->services, e) < 0))
			return -1;
	}
	return 0;
}

int config_services(const struct config *c, struct strlist *ret, struct err *e)
{
	_cleanup_(policy_clear) struct policy p = { 0 };

	if (config_policy_initial(&p, e) < 0 || services_of(c, true, &p, ret, e) < 0 ||
		services_add(ret, &p.services, e) < 0)
		return -1;
	return services_of(c, false, &p, ret, e);
}

static int names_of(
	const struct config *c, enum config_kind kind, struct strlist *ret, struct err *e)
{
	for (const struct config_section *s = c->sections; s; s = s->next)
		if (s->kind == kind && !strlist_has(ret, s->name) &&
			strlist_add(ret, s->name) < 0)
			return config_no_memory(e);
	return 0;
}

int config_users(const struct config *c, struct strlist *ret, struct err *e)
{
	return names_of(c, CONFIG_USER, ret, e);
}

int config_groups(const struct config *c, struct strlist *ret, struct err *e)
{
	return names_of(c, CONFIG_GROUP, ret, e);
}

bool config_isolates(const struct config *c)
{
	static const char key[] = "Isolate";
	const struct config_key *row = config_key_find(key, strlen(key));
	bool isolates = false;

	for (const struct config_section *s = c->sections; s && !isolates; s = s->next)
		for (const struct config_entry *at = s->entries; at && !isolates;
			at = at->next)
			if (at->key == row && at->ok)
				(void)parse_bool(at->value, &isolates);
	return isolates;
}

int config_network(const struct config *c, struct policy *ret, struct err *e)
{
	static const char key[] = "Network";
	const struct config_key *row = config_key_find(key, strlen(key));
	bool uses = false;

	if (config_policy_initial(ret, e) < 0)
		return -1;
	for (const struct config_section *s = c->sections; s; s = s->next) {
		for (const struct config_entry *at = s->entries; at; at = at->next)
			uses = uses || (at->key == row && at->ok &&
					       !strcmp(at->value, "private"));
		if (s->kind == CONFIG_NETWORK && config_policy_add(s, ret, e) < 0)
			return -1;
	}
	return uses;
}

int config_policy_set(struct policy *p, const char *assignment, struct err *e)
{
	size_t len = strcspn(assignment, "=");
	const struct config_key *key = config_key_find(assignment, len);
	const char *near = config_key_resembling(assignment, len);
	char why[512] = "";
	int r;

	if (!assignment[len] || len == 0)
		return err_set(e, 0, "\"%.100s\": expected KEY=VALUE", assignment);
	if (!key)
		return err_set(e, 0, "there is no key \"%.*s\"%s%s%s",
			len > 64 ? 64 : (int)len, assignment, near ? "; is it " : "",
			near ? near : "", near ? "=?" : "");
	r = config_key_apply(key, assignment + len + 1, p, why, sizeof(why));
	if (r == -ENOMEM)
		return config_no_memory(e);
	return r < 0 ? err_set(e, 0, "%.100s: %s", assignment, why) : 0;
}

int config_policy_check(const struct policy *p, struct err *e)
{
	const struct config_key *a, *b;
	char why[512];

	return config_rules_broken(p, &a, &b, why, sizeof(why)) ? err_set(e, 0, "%s", why)
								: 0;
}
