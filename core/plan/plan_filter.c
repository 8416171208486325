/* SPDX-License-Identifier: BSD-3-Clause */
/* What SystemCallFilter= makes of the deny list, word by word: a later one wins. */
#include "core/plan/planner.h"

#include "core/plan/families.h"

#include <errno.h>
#include <linux/in.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#ifndef IPPROTO_SMC
#define IPPROTO_SMC 256 /* Linux 6.11 */
#endif

static bool is_group(const char *word)
{
	return word[0] == '@';
}

static struct plan_filter_rule *add(
	struct planner *b, const struct filter_call *call, const char *group, bool on)
{
	static struct plan_filter_rule scratch;
	struct plan_filter *f = &b->p->filter;
	struct plan_filter_rule *rule = &scratch;

	f->rules = planner_more(b, f->rules, &f->n_rules, sizeof(*f->rules));
	if (f->rules)
		rule = &f->rules[f->n_rules - 1];
	else
		f->n_rules = 0;
	*rule = (struct plan_filter_rule){ .call = *call, .group = group, .on = on };
	return rule;
}

/* Every rule of the built-in list, those that don't hold here too: a word may need them. */
static void begin(struct planner *b)
{
	const struct policy *p = b->in->policy;

	for (size_t i = 0; i < filter_n_groups; i++) {
		const struct filter_group *g = &filter_groups[i];

		for (size_t j = 0; j < g->n_calls; j++)
			(void)add(b, &g->calls[j], g->name,
				!(g->unless_nested && p->allow_user_namespaces) &&
					!(g->unless_root && p->root));
	}
}

static void turn_all(struct plan_filter *f, bool on)
{
	for (size_t i = 0; i < f->n_rules; i++)
		f->rules[i].on = on;
}

static void turn_group(struct plan_filter *f, const char *group, bool on)
{
	for (size_t i = 0; i < f->n_rules; i++)
		if (strcmp(f->rules[i].group, group) == 0)
			f->rules[i].on = on;
}

static void allow(struct plan_filter *f, const char *call)
{
	for (size_t i = 0; i < f->n_rules; i++)
		if (strcmp(f->rules[i].call.name, call) == 0)
			f->rules[i].on = false;
}

/* Whatever its arguments are: a rule that looks at them has nothing left to say. */
static void deny(struct planner *b, const char *call)
{
	struct filter_call whole = { planner_copy(b, call), EPERM, FILTER_ALWAYS, 0, 0 };
	struct plan_filter *f = &b->p->filter;

	for (size_t i = 0; i < f->n_rules; i++) {
		struct plan_filter_rule *rule = &f->rules[i];

		if (strcmp(rule->call.name, call) != 0)
			continue;
		rule->on = rule->call.test == FILTER_ALWAYS;
		if (rule->on)
			return;
	}
	(void)add(b, &whole, "", true);
}

static void hear(struct planner *b, const char *word)
{
	struct plan_filter *f = &b->p->filter;
	bool refuse = word[0] == '~';

	if (refuse)
		word++;
	if (strcmp(word, "no") == 0)
		turn_all(f, false);
	else if (is_group(word))
		turn_group(f, word, refuse);
	else if (refuse)
		deny(b, word);
	else if (strcmp(word, "default") != 0) /* which is only ever the first */
		allow(f, word);
}

/* Only what holds is kept. */
static void finish(struct plan_filter *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->n_rules; i++)
		if (f->rules[i].on)
			f->rules[kept++] = f->rules[i];
	f->n_rules = kept;
}

/* ---- families of sockets ------------------------------------------------------------ */

static void refuse_family(struct planner *b, enum filter_test test, uint64_t value)
{
	static const char *const calls[] = { "socket", "socketpair" };

	for (size_t i = 0; i < 2; i++) {
		const struct filter_call c = { calls[i], EAFNOSUPPORT, test, 0, value };

		(void)add(b, &c, PLAN_FILTER_FAMILIES, true);
	}
}

/*
 * The connector's events cross pid namespaces: from Linux 6.6 on whoever opens it hears of each process of the host's and
 * of other boxes, as long as a program of root's listens, too. The others are modules that the kernel loads for whoever
 * asks, with a history of bugs, and hardly a login's: of AF_NETLINK what iscsid(8) and crconf talk by; of AF_INET and AF_INET6
 * transports, of which SMC is a family that is refused by its own name. No number is of more than one such protocol and of
 * nothing else that anybody may open.
 */
static void refuse_protocols(struct planner *b)
{
	static const int protocols[] = { NETLINK_CONNECTOR, NETLINK_ISCSI,
		NETLINK_SCSITRANSPORT, NETLINK_CRYPTO, IPPROTO_DCCP, IPPROTO_L2TP,
		IPPROTO_SCTP, IPPROTO_UDPLITE, IPPROTO_SMC };

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		const struct filter_call c = { "socket", EPROTONOSUPPORT, FILTER_EQUAL, 2,
			(uint64_t)protocols[i] };

		(void)add(b, &c, PLAN_FILTER_FAMILIES, true);
	}
}

/* "AF_UNIX AF_INET": those that have a name. */
static const char *families_text(struct planner *b, const struct families *f)
{
	char text[1024] = "";
	size_t len = 0;

	for (int i = 0; i < FAMILIES_MAX; i++)
		if ((f->allowed >> i & 1) && family_name(i))
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
				len > 0 ? " " : "", family_name(i));
	return planner_copy(b, len > 0 ? text : "none");
}

/*
 * SystemCallFilter=no says that nothing is refused, as long as this isn't asked for by itself. With
 * AF_UNSPEC, 0, no socket can be opened: it is the kernel's to refuse.
 */
static void restrict_families(struct planner *b)
{
	const struct policy *policy = b->in->policy;
	struct families f = families_of(&policy->families);
	int last = FAMILIES_MAX - 1;

	if (!families_refuse(&policy->families, &policy->filter))
		return;
	while (!f.others && last > 0 && !(f.allowed >> last & 1))
		last--;
	for (int i = 1; i <= last; i++)
		if (!(f.allowed >> i & 1))
			refuse_family(b, FILTER_EQUAL, (uint64_t)i);
	if (!f.others)
		refuse_family(b, FILTER_ABOVE, (uint64_t)last);
	refuse_protocols(b);
	b->p->families = families_text(b, &f);
}

static bool refuses(const struct plan_filter *f, const char *call)
{
	for (size_t i = 0; i < f->n_rules; i++)
		if (strcmp(f->rules[i].call.name, call) == 0)
			return true;
	return false;
}

/* The check of a plan makes it once more. */
void plan_filter(struct planner *b)
{
	const struct strlist *words = &b->in->policy->filter;
	struct plan_filter *f = &b->p->filter;

	begin(b);
	for (size_t i = 0; i < words->n; i++)
		hear(b, words->v[i]);
	finish(f);
	restrict_families(b);
	b->p->keys_usable = !refuses(f, "add_key") || !refuses(f, "keyctl") ||
			    !refuses(f, "request_key");
}
