/* SPDX-License-Identifier: BSD-3-Clause */
/* The policy of one account: [Default], then its [Group]s, then its [User]; its slice's. */
#include "config/command.h"
#include "config/internal.h"
#include "core/base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define UID_NOBODY 65534 /* systemd's and Debian's; outside of people everywhere */

int config_policy_initial(struct policy *ret, struct err *e)
{
	char why[512];
	int r;

	*ret = (struct policy){ 0 };
	policy_limits_init(&ret->slice_limits);
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct config_key *key = &config_keys[i];

		if (!key->initial)
			continue;
		r = config_key_apply(key, key->initial, ret, why, sizeof(why));
		if (r < 0) {
			policy_clear(ret);
			return err_set(e, -r, "built-in %s=%s", key->name, key->initial);
		}
	}
	ret->limits.tasks_max.preset = true;
	return 0;
}

static bool sets(const struct config_section *s, const char *key)
{
	return s->seen[config_key_index(config_key_find(key, strlen(key)))] != 0;
}

int config_policy_add(const struct config_section *s, struct policy *p, struct err *e)
{
	char why[512];

	for (const struct config_entry *entry = s->entries; entry; entry = entry->next)
		if (entry->ok && config_key_apply(entry->key, entry->value, p, why,
					 sizeof(why)) < 0)
			return config_no_memory(e);
	/* A size before that was for another kind of upper. */
	if (sets(s, "Upper") || sets(s, "UpperSize"))
		p->upper_sized = sets(s, "UpperSize");
	return 0;
}

/* Whether sections of that kind and name hold for an account with this Slice=, or NULL. */
static bool concerns(enum config_kind kind, const char *name,
	const struct account *account, const char *slice)
{
	switch (kind) {
	case CONFIG_USER:
		return !strcmp(name, account->name);
	case CONFIG_GROUP:
		for (size_t i = 0; i < account->n_groups; i++)
			if (account->group_names && account->group_names[i] &&
				!strcmp(name, account->group_names[i]))
				return true;
		return false;
	case CONFIG_SLICE:
		return slice && !strcmp(name, slice);
	case CONFIG_DEFAULT:
	case CONFIG_NETWORK:
	case CONFIG_UNKNOWN:
		break;
	}
	return true;
}

/* Whom [Default] passes over, and nothing else isolates, isn't refused for a mistake there. */
static bool is_left_alone(
	const struct config *c, const struct account *account, const struct policy *p)
{
	return !p->isolate && !people_has(&c->people, account->uid);
}

/* Fail with the first problem of what holds for the account. */
static int refuse_problems(const struct config *c, const struct account *account,
	const struct policy *policy, struct err *e)
{
	const struct config_problem *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < c->n_problems; i++) {
		const struct config_problem *p = &c->problems[i];
		const char *name = "";
		enum config_kind kind = CONFIG_UNKNOWN;

		if (p->section)
			kind = config_title_parse(p->section, &name);
		if (!concerns(kind, name, account, policy->slice) ||
			(kind == CONFIG_DEFAULT && is_left_alone(c, account, policy)) ||
			(kind == CONFIG_NETWORK &&
				policy->network.kind != NETWORK_PRIVATE &&
				policy->network.kind != NETWORK_USER))
			continue;
		if (!n++)
			first = p;
	}
	if (!first)
		return 0;
	if (first->section)
		(void)err_set(e, 0, "[%.60s] %.300s", first->section, first->text);
	else
		(void)err_set(e, 0, "%.300s", first->text);
	if (first->line)
		(void)err_wrap(e, "%.100s:%" PRIu64, first->file, first->line);
	else
		(void)err_wrap(e, "%.100s", first->file);
	return -1;
}

/* Fail with the last line that had a part in the contradiction. */
static int refuse_contradiction(const struct config *c, const struct account *account,
	const struct policy *p, struct err *e)
{
	const struct config_section *at = NULL;
	const struct config_key *a, *b;
	uint64_t line = 0;
	char why[512];

	if (!config_rules_broken(p, &a, &b, why, sizeof(why)))
		return 0;
	for (int kind = CONFIG_DEFAULT; kind <= CONFIG_USER; kind++) {
		for (const struct config_section *s = c->sections; s; s = s->next) {
			uint64_t line_a = s->seen[config_key_index(a)];
			uint64_t line_b = s->seen[config_key_index(b)];

			if ((int)s->kind != kind || !(line_a || line_b) ||
				!concerns(s->kind, s->name, account, NULL))
				continue;
			at = s;
			line = line_a > line_b ? line_a : line_b;
		}
	}
	if (at && at->kind == CONFIG_DEFAULT && is_left_alone(c, account, p))
		return 0;
	if (at) {
		(void)err_set(e, 0, "[%.60s] %.300s", at->title, why);
		(void)err_wrap(e, "%.100s:%" PRIu64, at->file, line);
	} else {
		(void)err_set(e, 0, "%.300s", why);
	}
	return err_wrap(e, "the config contradicts itself for %.32s", account->name);
}

/* [Default] isolates people; of others it says how, where another section isolates them. */
static void pass_over(
	const struct config *c, const struct account *account, struct policy *p)
{
	if (!p->isolate || people_has(&c->people, account->uid))
		return;
	p->isolate = false;
	p->passed = account->uid > c->people.max && account->uid != UID_NOBODY
			    ? PASSED_ABOVE
			    : PASSED_SYSTEM;
}

/* What the account's sections give together, whatever is wrong in them. */
static int policy_merge(const struct config *c, const struct account *account,
	struct policy *p, struct err *e)
{
	for (int kind = CONFIG_DEFAULT; kind <= CONFIG_USER; kind++) {
		for (const struct config_section *s = c->sections; s; s = s->next)
			if ((int)s->kind == kind &&
				concerns(s->kind, s->name, account, NULL) &&
				config_policy_add(s, p, e) < 0)
				return -1;
		if (kind == CONFIG_DEFAULT)
			pass_over(c, account, p);
	}
	for (const struct config_section *s = c->sections; s; s = s->next)
		if (s->kind == CONFIG_NETWORK && config_policy_add(s, p, e) < 0)
			return -1;
	if (p->isolate)
		p->passed = PASSED_NOT;
	return config_slice_limits(c, p, e);
}

const struct people *config_people(const struct config *c)
{
	return &c->people;
}

int config_policy_merged(const struct config *c, const struct account *account,
	struct policy *ret, struct err *e)
{
	_cleanup_(policy_clear) struct policy p = { 0 };

	if (config_policy_initial(&p, e) < 0)
		return -1;
	/* Not even a broken config may lock these out. */
	if (!policy_is_exempt(account) &&
		(policy_merge(c, account, &p, e) < 0 ||
			refuse_problems(c, account, &p, e) < 0 ||
			refuse_contradiction(c, account, &p, e) < 0))
		return -1;
	*ret = p;
	p = (struct policy){ 0 };
	return 0;
}

int config_policy(const struct config *c, const struct account *account,
	struct policy *ret, struct err *e)
{
	_cleanup_(policy_clear) struct policy p = { 0 };

	if (config_policy_merged(c, account, &p, e) < 0 ||
		config_network_peers(c, account, &p, e) < 0)
		return -1;
	/* What is wrong with an entry takes that command away, and nobody's login. */
	if (p.isolate && command_entries(c->path, &p.host_commands, &p.commands, e) < 0)
		return -1;
	*ret = p;
	p = (struct policy){ 0 };
	return 0;
}
