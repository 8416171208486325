/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys that contradict each other. */
#include "config/internal.h"
#include "core/base/cleanup.h"
#include "core/plan/netrules.h"
#include "core/plan/volumename.h"

#include <string.h>

/* Whether the rule is broken, with what would be right in @why. */
typedef bool rule_check(const struct policy *p, char *why, size_t why_size);

struct rule {
	const char *a, *b; /* the same where one key is enough */
	rule_check *broken;
};

#define SAY(...) ((void)snprintf(why, why_size, __VA_ARGS__), true)

static bool root_over_host(const struct policy *p, char *why, size_t why_size)
{
	if (!p->root || p->image)
		return false;
	return SAY(
		"Root=yes with RootFS=host: the box's root could read what only the host's root "
		"may: write RootFS=image:NAME, or Root=no");
}

/* What is mounted in the shared places is found by their paths, in a box where nobody but root can move them. */
static bool root_and_shared_tmp(const struct policy *p, char *why, size_t why_size)
{
	if (!p->root || p->tmp != TMP_ACCOUNT)
		return false;
	return SAY(
		"Root=yes with PrivateTmp=account: root of one box could choose what the next one "
		"gets for /run/user; write PrivateTmp=login, or Share=account");
}

static bool high_above_max(const struct policy *p, char *why, size_t why_size)
{
	const struct policy_amount *high = &p->limits.memory_high,
				   *max = &p->limits.memory_max;

	/* How much a part is, only the machine knows. */
	if ((high->permyriad != 0) != (max->permyriad != 0))
		return false;
	if (high->permyriad != 0) {
		if (high->permyriad <= max->permyriad)
			return false;
		return SAY(
			"MemoryHigh= is above MemoryMax= and would never act: write a smaller part of the memory or a larger MemoryMax=");
	}
	if (high->n == PARSE_INFINITY || high->n <= max->n)
		return false;
	return SAY(
		"MemoryHigh= is above MemoryMax= and would never act: write a MemoryHigh= of at "
		"most %llu bytes or a larger MemoryMax=",
		(unsigned long long)max->n);
}

static bool isolated_nowhere(const struct policy *p, char *why, size_t why_size)
{
	if (!p->isolate || p->services.n)
		return false;
	return SAY(
		"Isolate=yes with an empty Services= isolates no login: name the services or "
		"write Isolate=no");
}

/* Whether two lists put something at the same place inside. */
static bool same_target(const struct strlist *a, const struct strlist *b,
	const char *key_a, const char *key_b, char *why, size_t why_size)
{
	for (size_t i = 0; i < a->n; i++) {
		const char *target = config_bind_target(a->v[i]);

		for (size_t j = a == b ? i + 1 : 0; j < b->n; j++) {
			if (strcmp(target, config_bind_target(b->v[j])) != 0)
				continue;
			return SAY(
				"%.100s is in %s= and %s%s=: keep one of them, or clear an "
				"earlier list with an empty value",
				target, key_a, a == b ? "again in " : "", key_b);
		}
	}
	return false;
}

#define SAME_TARGET(fn, a, key_a, b, key_b)                                              \
	static bool fn(const struct policy *p, char *why, size_t why_size)               \
	{                                                                                \
		return same_target(&p->a, &p->b, key_a, key_b, why, why_size);           \
	}

SAME_TARGET(twice_bound, bind_paths, "BindPaths", bind_paths, "BindPaths")
SAME_TARGET(twice_bound_ro, bind_ro_paths, "BindReadOnlyPaths", bind_ro_paths,
	"BindReadOnlyPaths")
SAME_TARGET(bound_both_ways, bind_paths, "BindPaths", bind_ro_paths, "BindReadOnlyPaths")
SAME_TARGET(bound_and_hidden, bind_paths, "BindPaths", inaccessible_paths,
	"InaccessiblePaths")
SAME_TARGET(bound_ro_and_hidden, bind_ro_paths, "BindReadOnlyPaths", inaccessible_paths,
	"InaccessiblePaths")

SAME_TARGET(twice_a_volume, volumes, "Volumes", volumes, "Volumes")
SAME_TARGET(volume_and_bound, bind_paths, "BindPaths", volumes, "Volumes")
SAME_TARGET(volume_and_bound_ro, bind_ro_paths, "BindReadOnlyPaths", volumes, "Volumes")
SAME_TARGET(
	volume_and_hidden, volumes, "Volumes", inaccessible_paths, "InaccessiblePaths")

/* Counted when all sections have been added, as a later one may replace what an earlier one has. */
static bool too_many_volumes(const struct policy *p, char *why, size_t why_size)
{
	return p->volumes.n > VOLUMES_MAX &&
	       SAY("more than %d volumes in Volumes= together: leave some out, or clear an "
		   "earlier list with an empty value",
		       VOLUMES_MAX);
}

static bool rules_without_network(const struct policy *p, const struct strlist *list,
	const char *key, char *why, size_t why_size)
{
	if (list->n > 0 && p->network.kind == NETWORK_USER)
		return SAY(
			"%s=: with Network=user:NAME it is the other account's that holds: write it there",
			key);
	if (list->n == 0 || p->network.kind == NETWORK_PRIVATE ||
		p->network.kind == NETWORK_NONE)
		return false;
	return SAY(
		"%s= holds for Network=private, and this is another network, in which nothing is refused: "
		"write Network=private, or leave it out",
		key);
}

#define WITHOUT_NETWORK(fn, list, key)                                                   \
	static bool fn(const struct policy *p, char *why, size_t why_size)               \
	{                                                                                \
		return rules_without_network(p, &p->list, key, why, why_size);           \
	}

WITHOUT_NETWORK(allow_without, ip_allow, "IPAddressAllow")
WITHOUT_NETWORK(deny_without, ip_deny, "IPAddressDeny")
WITHOUT_NETWORK(ports_without, restrict_ports, "RestrictPorts")
WITHOUT_NETWORK(publish_without, publish, "Publish")

static bool published_twice(const struct policy *p, char *why, size_t why_size)
{
	struct netpublish list[NETRULES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < p->publish.n; i++) {
		int r = netrules_publish(p->publish.v[i], list, &n);

		if (r > 0)
			return SAY(
				"%s is published twice: keep one of the two words, or clear an "
				"earlier list with an empty value",
				p->publish.v[i]);
		if (r < 0)
			return SAY("Publish= with more than %d ports together",
				NETRULES_PUBLISH);
	}
	return false;
}

static bool nothing_to_share(const struct policy *p, char *why, size_t why_size)
{
	if (p->network_users.n == 0 || p->network_share == NETWORK_OF_ACCOUNT)
		return false;
	return SAY(
		"NetworkAllowUsers= shares the account's network, and with NetworkShare=login each login has "
		"another: write NetworkShare=account, or leave it out");
}

static const struct rule rules[] = {
	{ "Root", "RootFS", root_over_host },
	{ "Root", "PrivateTmp", root_and_shared_tmp },
	{ "MemoryHigh", "MemoryMax", high_above_max },
	{ "Isolate", "Services", isolated_nowhere },
	{ "NetworkAllowUsers", "NetworkShare", nothing_to_share },
	{ "IPAddressAllow", "Network", allow_without },
	{ "IPAddressDeny", "Network", deny_without },
	{ "RestrictPorts", "Network", ports_without },
	{ "Publish", "Network", publish_without },
	{ "Publish", "Publish", published_twice },
	{ "BindPaths", "BindPaths", twice_bound },
	{ "BindReadOnlyPaths", "BindReadOnlyPaths", twice_bound_ro },
	{ "BindPaths", "BindReadOnlyPaths", bound_both_ways },
	{ "BindPaths", "InaccessiblePaths", bound_and_hidden },
	{ "BindReadOnlyPaths", "InaccessiblePaths", bound_ro_and_hidden },
	{ "Volumes", "Volumes", too_many_volumes },
	{ "Volumes", "Volumes", twice_a_volume },
	{ "BindPaths", "Volumes", volume_and_bound },
	{ "BindReadOnlyPaths", "Volumes", volume_and_bound_ro },
	{ "Volumes", "InaccessiblePaths", volume_and_hidden },
};

#define N_RULES (sizeof(rules) / sizeof(*rules))

static const struct config_key *row(const char *name)
{
	return config_key_find(name, strlen(name));
}

int config_rules_broken(const struct policy *p, const struct config_key **ret_a,
	const struct config_key **ret_b, char *why, size_t why_size)
{
	for (size_t i = 0; i < N_RULES; i++) {
		if (!rules[i].broken(p, why, why_size))
			continue;
		*ret_a = row(rules[i].a);
		*ret_b = row(rules[i].b);
		return 1;
	}
	return 0;
}

static bool sets(const struct config_section *s, const char *key)
{
	return s->seen[config_key_index(row(key))] != 0;
}

/* Whether a [Group] beside @first may give its accounts what would make it right. */
static bool others_may_mend(const struct config *c, const struct config_section *first,
	const struct rule *rule)
{
	if (first->kind == CONFIG_DEFAULT || first->kind == CONFIG_SLICE)
		return false;
	for (const struct config_section *o = c->sections; o; o = o->next)
		if (o->kind == CONFIG_GROUP && strcmp(o->title, first->title) != 0 &&
			(sets(o, rule->a) || sets(o, rule->b)))
			return true;
	return false;
}

/* One rule on what [Default] and then all sections of one title give. */
static int rule_check_title(struct config *c, const struct config_section *first,
	const struct rule *rule, const struct policy *p, struct err *e)
{
	const struct config_section *last = NULL;
	bool a = false, b = false;
	uint64_t line_a, line_b;
	char why[512];

	for (const struct config_section *s = first; s; s = s->same) {
		a = a || sets(s, rule->a);
		b = b || sets(s, rule->b);
		if (sets(s, rule->a) || sets(s, rule->b))
			last = s;
	}
	if (!last || !rule->broken(p, why, sizeof(why)))
		return 0;
	if (!(a && b && !row(rule->a)->list) && others_may_mend(c, first, rule))
		return 0;
	line_a = last->seen[config_key_index(row(rule->a))];
	line_b = last->seen[config_key_index(row(rule->b))];
	/* The line that made it wrong is the later one of the two. */
	if (line_a > line_b)
		return config_problem_add(
			c, last->file, line_a, last->title, rule->a, e, "%s", why);
	return config_problem_add(
		c, last->file, line_b, last->title, rule->b, e, "%s", why);
}

/* Whether a rule could be broken by what the sections of that title set. */
static bool has_rules(const struct config_section *first)
{
	for (const struct config_section *s = first; s; s = s->same)
		for (size_t i = 0; i < N_RULES; i++)
			if (sets(s, rules[i].a) || sets(s, rules[i].b))
				return true;
	return false;
}

static int title_check(
	struct config *c, const struct config_section *first, struct err *e)
{
	_cleanup_(policy_clear) struct policy p = { 0 };

	if (config_policy_initial(&p, e) < 0)
		return -1;
	for (const struct config_section *s = c->sections; s; s = s->next)
		if (s->kind == CONFIG_DEFAULT && first->kind != CONFIG_SLICE &&
			config_policy_add(s, &p, e) < 0)
			return -1;
	if (first->kind != CONFIG_DEFAULT)
		for (const struct config_section *s = first; s; s = s->same)
			if (config_policy_add(s, &p, e) < 0)
				return -1;
	for (size_t i = 0; i < N_RULES; i++)
		if (rule_check_title(c, first, &rules[i], &p, e) < 0)
			return -1;
	return 0;
}

int config_rules_check(struct config *c, struct err *e)
{
	for (const struct config_section *s = c->sections; s; s = s->next)
		if (s->first && s->kind != CONFIG_UNKNOWN && has_rules(s) &&
			title_check(c, s, e) < 0)
			return -1;
	return 0;
}
