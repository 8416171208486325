/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of routing that hold whatever becomes of the table. */
#include "helpers/net/net.h"

#include "core/base/cleanup.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>

#define PROTOCOL 110 /* who made it: none of those that rtnetlink(7) knows */

static void put_addr(struct nl_addr **a)
{
	nl_addr_put(*a);
}

static void put_rule(struct rtnl_rule **r)
{
	rtnl_rule_put(*r);
}

static void put_route(struct rtnl_route **r)
{
	rtnl_route_put(*r);
}

/* One of the five, in their order. */
struct step {
	bool to; /* else from */
	bool marked;
	bool of_host; /* what the host itself sends */
	uint8_t action;
	uint32_t table, jump;
};

static const struct step steps[] = {
	{ true, true, false, FR_ACT_TO_TBL, NETPOOL_ROUTES, 0 },
	{ true, false, true, FR_ACT_TO_TBL, NETPOOL_ROUTES_OUT, 0 },
	{ true, false, false, FR_ACT_UNREACHABLE, 0, 0 },
	{ false, true, false, FR_ACT_GOTO, 0, 5 },
	{ false, false, false, FR_ACT_UNREACHABLE, 0, 0 },
};

#define N_STEPS (sizeof(steps) / sizeof(*steps))

static int add_step(
	struct nl_sock *host, struct nl_addr *pool, size_t i, const struct step *s)
{
	_cleanup_(put_rule) struct rtnl_rule *rule = rtnl_rule_alloc();
	int r;

	if (!rule)
		return -NLE_NOMEM;
	rtnl_rule_set_family(rule, nl_addr_get_family(pool));
	/* Of others than the kernel's systemd-networkd takes away what it hasn't made. */
	(void)rtnl_rule_set_protocol(rule, RTPROT_KERNEL);
	rtnl_rule_set_prio(rule, NETPOOL_RULES + (uint32_t)i);
	rtnl_rule_set_action(rule, s->action);
	if (s->table)
		rtnl_rule_set_table(rule, s->table);
	if (s->jump)
		rtnl_rule_set_goto(rule, NETPOOL_RULES + s->jump);
	if (s->marked) {
		rtnl_rule_set_mark(rule, NETPOOL_MARK);
		rtnl_rule_set_mask(rule, NETPOOL_MASK);
	}
	if (s->of_host && (r = rtnl_rule_set_iif(rule, "lo")) < 0)
		return r;
	r = s->to ? rtnl_rule_set_dst(rule, pool) : rtnl_rule_set_src(rule, pool);
	if (r == 0)
		r = rtnl_rule_add(host, rule, NLM_F_CREATE | NLM_F_EXCL);
	return r == -NLE_EXIST ? 0 : r;
}

/* Where the fourth goes on. */
static int add_end(struct nl_sock *host, int family)
{
	_cleanup_(put_rule) struct rtnl_rule *rule = rtnl_rule_alloc();
	int r;

	if (!rule)
		return -NLE_NOMEM;
	rtnl_rule_set_family(rule, family);
	(void)rtnl_rule_set_protocol(rule, RTPROT_KERNEL);
	rtnl_rule_set_prio(rule, NETPOOL_RULES + N_STEPS);
	rtnl_rule_set_action(rule, FR_ACT_NOP);
	r = rtnl_rule_add(host, rule, NLM_F_CREATE | NLM_F_EXCL);
	return r == -NLE_EXIST ? 0 : r;
}

/* The host's own way there, until the table has marked it. */
static int add_way_out(struct nl_sock *host, struct nl_addr *pool)
{
	_cleanup_(put_route) struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	int r;

	if (!route || !hop) {
		rtnl_route_nh_free(hop);
		return -NLE_NOMEM;
	}
	rtnl_route_set_family(route, (uint8_t)nl_addr_get_family(pool));
	rtnl_route_set_table(route, NETPOOL_ROUTES_OUT);
	rtnl_route_set_protocol(route, PROTOCOL);
	if (nl_addr_get_family(pool) == AF_INET)
		rtnl_route_set_scope(route, RT_SCOPE_LINK);
	rtnl_route_nh_set_ifindex(hop, (int)if_nametoindex("lo"));
	rtnl_route_add_nexthop(route, hop);
	r = rtnl_route_set_dst(route, pool);
	if (r == 0)
		r = rtnl_route_add(host, route, NLM_F_CREATE | NLM_F_REPLACE);
	return r;
}

static int add_family(struct nl_sock *host, const char *prefix, int family, struct err *e)
{
	_cleanup_(put_addr) struct nl_addr *pool = NULL;
	int r = nl_addr_parse(prefix, family, &pool);

	if (r == 0)
		r = add_way_out(host, pool);
	if (r == 0)
		r = add_end(host, family);
	for (size_t i = 0; r == 0 && i < N_STEPS; i++)
		r = add_step(host, pool, i, &steps[i]);
	return r < 0 ? net_failed(r, e, "make rules of routing for %s", prefix) : 0;
}

int net_route_rules(struct nl_sock *host, const struct netpool *pool, struct err *e)
{
	char text[NETPOOL_TEXT_MAX];

	netpool_v4_prefix(pool, text);
	if (add_family(host, text, AF_INET, e) < 0)
		return -1;
	netpool_v6_prefix(pool, text);
	return *text ? add_family(host, text, AF_INET6, e) : 0;
}

/* ---- inside ------------------------------------------------------------------------- */

static int add_source(struct nl_sock *inside, uint32_t prio, const char *from, bool own)
{
	_cleanup_(put_rule) struct rtnl_rule *rule = rtnl_rule_alloc();
	_cleanup_(put_addr) struct nl_addr *source = NULL;
	int r = rule ? nl_addr_parse(from, AF_INET6, &source) : -NLE_NOMEM;

	if (r < 0)
		return r;
	rtnl_rule_set_prio(rule, prio);
	rtnl_rule_set_action(rule, own ? FR_ACT_TO_TBL : FR_ACT_UNREACHABLE);
	if (own)
		rtnl_rule_set_table(rule, RT_TABLE_MAIN);
	r = rtnl_rule_set_src(rule, source);
	if (r == 0)
		r = rtnl_rule_add(inside, rule, NLM_F_CREATE | NLM_F_EXCL);
	return r == -NLE_EXIST ? 0 : r;
}

/* Two halves, as a rule from all is for those, too, who have named no source yet. */
int net_route_inside(struct nl_sock *inside, const char *own)
{
	int r = add_source(inside, NETPOOL_RULES, own, true);

	if (r == 0)
		r = add_source(inside, NETPOOL_RULES + 1, "::/1", false);
	return r < 0 ? r : add_source(inside, NETPOOL_RULES + 2, "8000::/1", false);
}
