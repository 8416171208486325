/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One account's link: a pair of veth(4), each end with a single address and a way to the other that
 * needs no ARP and no neighbour discovery. There is no network between accounts' links, and what
 * one sends is for the host to route, or nobody.
 */
#include "helpers/net/net.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet.h>
#include <netlink/route/link/inet6.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/route.h>
#include <netlink/socket.h>
#include <string.h>
#include <time.h>

#define PROTOCOL 110

#define CLEANUP(type, free_)                                                             \
	static void put_##type(struct type **p)                                          \
	{                                                                                \
		free_(*p);                                                               \
	}
CLEANUP(nl_sock, nl_socket_free)
CLEANUP(nl_addr, nl_addr_put)
CLEANUP(rtnl_link, rtnl_link_put)
CLEANUP(rtnl_addr, rtnl_addr_put)
CLEANUP(rtnl_neigh, rtnl_neigh_put)
CLEANUP(rtnl_route, rtnl_route_put)

struct net {
	const struct net_request *q;
	struct nl_sock *host, *inside;
	char name[IFNAMSIZ];
	int host_index, inside_index;
	struct nl_addr *host_mac, *inside_mac;
};

/* Locally administered, and of the number: the one ends in what the other does. */
static struct nl_addr *mac(uint8_t first, uint32_t number)
{
	const uint8_t m[6] = { first, 'n', 's', (uint8_t)(number >> 16),
		(uint8_t)(number >> 8), (uint8_t)number };

	return nl_addr_build(AF_LLC, m, sizeof(m));
}

/* ---- the pair ----------------------------------------------------------------------- */

/* One whose other end is in a namespace that is just ending, say. */
static int remove_old(struct nl_sock *host, const char *name)
{
	_cleanup_(put_rtnl_link) struct rtnl_link *old = rtnl_link_alloc();
	int r;

	if (!old)
		return -NLE_NOMEM;
	rtnl_link_set_name(old, name);
	r = rtnl_link_delete(host, old);
	return r == -NLE_OBJ_NOTFOUND || r == -NLE_NODEV ? 0 : r;
}

static int add_pair(struct net *n)
{
	_cleanup_(put_rtnl_link) struct rtnl_link *link = rtnl_link_veth_alloc();
	struct rtnl_link *peer;

	if (!link || !n->host_mac || !n->inside_mac)
		return -NLE_NOMEM;
	/* The link's own, and let go of with it. */
	peer = rtnl_link_veth_get_peer(link);
	rtnl_link_set_name(link, n->name);
	rtnl_link_set_addr(link, n->host_mac);
	rtnl_link_set_name(peer, NETPOOL_INSIDE);
	rtnl_link_set_addr(peer, n->inside_mac);
	rtnl_link_set_ns_fd(peer, NET_NAMESPACE_FD);
	rtnl_link_put(peer);
	return rtnl_link_add(n->host, link, NLM_F_CREATE | NLM_F_EXCL);
}

static int index_of(struct nl_sock *sock, const char *name, int *ret)
{
	_cleanup_(put_rtnl_link) struct rtnl_link *link = NULL;
	int r = rtnl_link_get_kernel(sock, 0, name, &link);

	if (r == 0)
		*ret = rtnl_link_get_ifindex(link);
	return r;
}

static int change(struct nl_sock *sock, int index, struct rtnl_link *to)
{
	_cleanup_(put_rtnl_link) struct rtnl_link *which = rtnl_link_alloc();

	if (!which)
		return -NLE_NOMEM;
	rtnl_link_set_ifindex(which, index);
	return rtnl_link_change(sock, which, to, 0);
}

/* No neighbour is asked for: who sends past the routes (MSG_DONTROUTE) would fill a table that is all networks'. */
static int bring_up(struct nl_sock *sock, int index)
{
	_cleanup_(put_rtnl_link) struct rtnl_link *up = rtnl_link_alloc();

	if (!up)
		return -NLE_NOMEM;
	rtnl_link_set_flags(up, IFF_UP | IFF_NOARP);
	return change(sock, index, up);
}

/*
 * The host's end has no address. What comes in without the table's mark has no way back, and goes no
 * further by that: the kernel looks at the source with the mark (rp_filter, src_valid_mark).
 */
static int set_ways(struct net *n)
{
	static const struct {
		unsigned int what;
		uint32_t value;
	} ways[] = {
		{ IPV4_DEVCONF_RP_FILTER, 1 },
		{ IPV4_DEVCONF_SRC_VMARK, 1 },
		{ IPV4_DEVCONF_ROUTE_LOCALNET, 1 },
		{ IPV4_DEVCONF_ACCEPT_REDIRECTS, 0 },
		{ IPV4_DEVCONF_SEND_REDIRECTS, 0 },
		{ IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE, 0 },
	};
	_cleanup_(put_rtnl_link) struct rtnl_link *to = rtnl_link_alloc();
	int r = to ? 0 : -NLE_NOMEM;

	for (size_t i = 0; r == 0 && i < sizeof(ways) / sizeof(*ways); i++)
		r = rtnl_link_inet_set_conf(to, ways[i].what, ways[i].value);
	return r < 0 ? r : change(n->host, n->host_index, to);
}

/* Of a pool without IPv6, too: they would lead past the rules of routing. A kernel without it has none. */
static int no_link_local(struct nl_sock *sock, int index)
{
	_cleanup_(put_rtnl_link) struct rtnl_link *to = rtnl_link_alloc();
	int r = to ? rtnl_link_inet6_set_addr_gen_mode(to, IN6_ADDR_GEN_MODE_NONE)
		   : -NLE_NOMEM;

	if (r == 0)
		r = change(sock, index, to);
	return r == -NLE_AF_NOSUPPORT ? 0 : r;
}

/* ---- addresses and ways -------------------------------------------------------------- */

static int parse(const char *text, struct nl_addr **ret)
{
	return nl_addr_parse(text, strchr(text, ':') ? AF_INET6 : AF_INET, ret);
}

static int add_address(struct nl_sock *sock, int index, const char *text)
{
	_cleanup_(put_rtnl_addr) struct rtnl_addr *a = rtnl_addr_alloc();
	_cleanup_(put_nl_addr) struct nl_addr *local = NULL;
	int r = a ? parse(text, &local) : -NLE_NOMEM;

	if (r < 0)
		return r;
	rtnl_addr_set_ifindex(a, index);
	r = rtnl_addr_set_local(a, local);
	if (nl_addr_get_family(local) == AF_INET6)
		rtnl_addr_set_flags(a, IFA_F_NODAD);
	return r < 0 ? r : rtnl_addr_add(sock, a, NLM_F_CREATE | NLM_F_REPLACE);
}

static int add_neighbour(
	struct nl_sock *sock, int index, const char *text, struct nl_addr *mac_)
{
	_cleanup_(put_rtnl_neigh) struct rtnl_neigh *n = rtnl_neigh_alloc();
	_cleanup_(put_nl_addr) struct nl_addr *dst = NULL;
	int r = n ? parse(text, &dst) : -NLE_NOMEM;

	if (r < 0)
		return r;
	rtnl_neigh_set_ifindex(n, index);
	rtnl_neigh_set_lladdr(n, mac_);
	rtnl_neigh_set_state(n, NUD_PERMANENT);
	r = rtnl_neigh_set_dst(n, dst);
	return r < 0 ? r : rtnl_neigh_add(sock, n, NLM_F_CREATE | NLM_F_REPLACE);
}

/* @to "": all that nothing else leads to. @by "": it is on the link. */
static int add_route(
	struct nl_sock *sock, int index, uint32_t table, const char *to, const char *by)
{
	_cleanup_(put_rtnl_route) struct rtnl_route *route = rtnl_route_alloc();
	_cleanup_(put_nl_addr) struct nl_addr *dst = NULL, *gateway = NULL;
	bool v6 = strchr(*to ? to : by, ':') != NULL;
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	int r = route && hop ? nl_addr_parse(*to  ? to
					     : v6 ? "::/0"
						  : "0.0.0.0/0",
				       v6 ? AF_INET6 : AF_INET, &dst)
			     : -NLE_NOMEM;

	if (r == 0 && *by)
		r = parse(by, &gateway);
	if (r < 0) {
		rtnl_route_nh_free(hop);
		return r;
	}
	rtnl_route_nh_set_ifindex(hop, index);
	if (gateway)
		rtnl_route_nh_set_gateway(hop, gateway);
	rtnl_route_add_nexthop(route, hop);
	rtnl_route_set_table(route, table);
	rtnl_route_set_protocol(route, PROTOCOL);
	if (!v6)
		rtnl_route_set_scope(route, *by ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK);
	r = rtnl_route_set_dst(route, dst);
	return r < 0 ? r : rtnl_route_add(sock, route, NLM_F_CREATE | NLM_F_REPLACE);
}

static int furnish_host(struct net *n, const char *v4, const char *v6)
{
	int r = set_ways(n);

	if (r == 0)
		r = no_link_local(n->host, n->host_index);
	if (r == 0)
		r = bring_up(n->host, n->host_index);
	if (r == 0)
		r = add_neighbour(n->host, n->host_index, v4, n->inside_mac);
	if (r == 0)
		r = add_route(n->host, n->host_index, NETPOOL_ROUTES, v4, "");
	if (r == 0 && *v6)
		r = add_neighbour(n->host, n->host_index, v6, n->inside_mac);
	if (r == 0 && *v6)
		r = add_route(n->host, n->host_index, NETPOOL_ROUTES, v6, "");
	return r;
}

static int furnish_inside(struct net *n, const char *v4, const char *v6)
{
	struct nl_sock *s = n->inside;
	int i = n->inside_index, r = no_link_local(s, i);

	if (r == 0)
		r = bring_up(s, i);
	if (r == 0)
		r = add_address(s, i, v4);
	if (r == 0)
		r = add_neighbour(s, i, NETPOOL_GATEWAY4, n->host_mac);
	if (r == 0)
		r = add_route(s, i, RT_TABLE_MAIN, NETPOOL_GATEWAY4, "");
	if (r == 0)
		r = add_route(s, i, RT_TABLE_MAIN, "", NETPOOL_GATEWAY4);
	if (r < 0 || !*v6)
		return r;
	r = net_route_inside(s, v6);
	if (r == 0)
		r = add_address(s, i, v6);
	if (r == 0)
		r = add_neighbour(s, i, NETPOOL_GATEWAY6, n->host_mac);
	if (r == 0)
		r = add_route(s, i, RT_TABLE_MAIN, "", NETPOOL_GATEWAY6);
	return r;
}

/* ---- the whole ---------------------------------------------------------------------- */

static int make(struct net *n, struct err *e)
{
	char v4[NETPOOL_TEXT_MAX], v6[NETPOOL_TEXT_MAX];
	int r;

	netpool_v4(&n->q->pool, n->q->number, v4);
	netpool_v6(&n->q->pool, n->q->number, v6);
	r = remove_old(n->host, n->name);
	if (r < 0)
		return net_failed(r, e, "remove the old link %s", n->name);
	r = add_pair(n);
	/* Somebody gave the old one another name on the host. */
	if (r == -NLE_EXIST) {
		r = remove_old(n->inside, NETPOOL_INSIDE);
		if (r == 0)
			r = add_pair(n);
	}
	if (r == -NLE_OPNOTSUPP)
		return net_lacks(e, "veth", nl_geterror(r));
	if (r < 0)
		return net_failed(r, e, "make the link %s", n->name);
	r = index_of(n->host, n->name, &n->host_index);
	if (r == 0)
		r = index_of(n->inside, NETPOOL_INSIDE, &n->inside_index);
	if (r == 0)
		r = furnish_host(n, v4, v6);
	if (r < 0)
		return net_failed(r, e, "furnish the link %s", n->name);
	r = furnish_inside(n, v4, v6);
	return r < 0 ? net_failed(r, e, "furnish the link of %s inside", v4) : 0;
}

int net_link_make(const struct net_request *q, struct err *e)
{
	_cleanup_(put_nl_sock) struct nl_sock *host = nl_socket_alloc();
	_cleanup_(put_nl_sock) struct nl_sock *inside = nl_socket_alloc();
	_cleanup_(put_nl_addr) struct nl_addr *outer = mac(0x02, q->number);
	_cleanup_(put_nl_addr) struct nl_addr *inner = mac(0x06, q->number);
	struct net n = {
		.q = q,
		.host = host,
		.inside = inside,
		.host_mac = outer,
		.inside_mac = inner,
	};
	int r = host && inside ? nl_connect(host, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r == 0)
		r = nl_socket_set_fd(inside, NETLINK_ROUTE, NET_INSIDE_FD);
	if (r < 0)
		return net_failed(r, e, "ask the kernel for a link");
	(void)snprintf(n.name, sizeof(n.name), NETPOOL_LINK "%u", q->number);
	return make(&n, e);
}

/* Its other end has a name that there is: who knows how to make it refuses that alone. */
int net_link_try(struct err *e)
{
	_cleanup_(put_nl_sock) struct nl_sock *host = nl_socket_alloc();
	_cleanup_(put_rtnl_link) struct rtnl_link *link = rtnl_link_veth_alloc();
	int r = host && link ? nl_connect(host, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r == 0) {
		struct rtnl_link *peer = rtnl_link_veth_get_peer(link);

		rtnl_link_set_name(link, NETPOOL_LINK "-try");
		rtnl_link_set_name(peer, "lo");
		rtnl_link_put(peer);
		r = rtnl_link_add(host, link, NLM_F_CREATE | NLM_F_EXCL);
	}
	if (r == -NLE_OPNOTSUPP)
		return net_lacks(e, "veth", nl_geterror(r));
	return r == -NLE_EXIST ? 0 : net_failed(r, e, "try to make a link");
}

int net_link_remove(uint32_t number, struct err *e)
{
	_cleanup_(put_nl_sock) struct nl_sock *host = nl_socket_alloc();
	char name[IFNAMSIZ];
	int r = host ? nl_connect(host, NETLINK_ROUTE) : -NLE_NOMEM;

	(void)snprintf(name, sizeof(name), NETPOOL_LINK "%u", number);
	if (r == 0)
		r = remove_old(host, name);
	return r < 0 ? net_failed(r, e, "remove the link %s", name) : 0;
}

/*
 * By if_nametoindex(3) the kernel would run modprobe(8) for each that it hasn't. Each time by a socket of its own: an
 * answer that couldn't be read would be the next one's, and a link that is there be taken for gone.
 */
int net_link_look(uint32_t number)
{
	_cleanup_(put_nl_sock) struct nl_sock *host = nl_socket_alloc();
	_cleanup_(put_rtnl_link) struct rtnl_link *link = NULL;
	char name[IFNAMSIZ];
	int r = host ? nl_connect(host, NETLINK_ROUTE) : -NLE_NOMEM;

	(void)snprintf(name, sizeof(name), NETPOOL_LINK "%u", number);
	if (r == 0)
		r = rtnl_link_get_kernel(host, 0, name, &link);
	return r == -NLE_OBJ_NOTFOUND ? -NLE_NODEV : r;
}

void net_link_await_end(uint32_t number)
{
	for (int i = 0; i < 100 && net_link_look(number) == 0; i++)
		clock_pause(20000);
}
