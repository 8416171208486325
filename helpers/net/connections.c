/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel remembers of the connections of a network that is gone. Those of TCP whose end nobody could send
 * any more would stay for minutes or days, be in no count of ConnectionsMax=, and let in what comes for
 * whoever has the address next.
 */
#include "helpers/net/net.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/base/paths.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <string.h>

/* In a word of CTA_FILTER, since Linux 5.8: the tuple's source is looked at, and nothing else of it. */
#define ITS_SOURCE 1U

/* Connections that are told one by one in the time of three ways through the kernel's table of 262,144 places. */
#define TOLD_MOST 10000U

static void put_sock(struct nl_sock **s)
{
	nl_socket_free(*s);
}

static void put_msg(struct nl_msg **m)
{
	nlmsg_free(*m);
}

static struct nl_msg *begin(int what, int flags, int family)
{
	const struct nfgenmsg of = { .nfgen_family = (uint8_t)family };
	struct nl_msg *m = nlmsg_alloc_simple(NFNL_SUBSYS_CTNETLINK << 8 | what, flags);

	if (m && nlmsg_append(m, (void *)(uintptr_t)&of, sizeof(of), NLMSG_ALIGNTO) == 0)
		return m;
	nlmsg_free(m);
	return NULL;
}

/* What a dump is for. */
struct search {
	struct nl_sock *tell;        /* gets no answers */
	const struct net_gone *gone; /* NULL: all that was found goes, else theirs */
	const struct netpool *pool;  /* with @gone */
};

/* Whether that side's address is of a link that is gone. */
static bool is_theirs(const struct search *s, struct nlattr *side)
{
	struct nlattr *tuple[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *v4, *v6;

	if (!side || nla_parse_nested(tuple, CTA_TUPLE_MAX, side, NULL) < 0 ||
		!tuple[CTA_TUPLE_IP] ||
		nla_parse_nested(ip, CTA_IP_MAX, tuple[CTA_TUPLE_IP], NULL) < 0)
		return false;
	v4 = ip[CTA_IP_V4_SRC];
	v6 = ip[CTA_IP_V6_SRC];
	if (v4 && nla_len(v4) == 4)
		return s->gone->has[netpool_number4(s->pool, nla_data(v4))];
	return v6 && nla_len(v6) == 16 &&
	       s->gone->has[netpool_number6(s->pool, nla_data(v6))];
}

/* One that was found goes, if it is still the one that it was. */
static int forget(struct nl_msg *found, void *to)
{
	static const int which[] = { CTA_TUPLE_ORIG, CTA_ZONE, CTA_ID };
	_cleanup_(put_msg) struct nl_msg *m = NULL;
	const struct search *s = to;
	const struct nfgenmsg *of = nlmsg_data(nlmsg_hdr(found));
	struct nlattr *all[CTA_MAX + 1];
	int r = nlmsg_parse(nlmsg_hdr(found), sizeof(*of), all, CTA_MAX, NULL);

	if (r < 0)
		return r;
	if (s->gone && !is_theirs(s, all[CTA_TUPLE_ORIG]) &&
		!is_theirs(s, all[CTA_TUPLE_REPLY]))
		return NL_OK;
	m = begin(IPCTNL_MSG_CT_DELETE, 0, of->nfgen_family);
	r = m ? 0 : -NLE_NOMEM;
	for (size_t i = 0; r == 0 && i < sizeof(which) / sizeof(*which); i++) {
		struct nlattr *a = all[which[i]];

		if (a)
			r = nla_put(m, a->nla_type, nla_len(a), nla_data(a));
	}
	if (r == 0)
		r = nl_send_auto(s->tell, m);
	return r < 0 ? r : NL_OK;
}

static int put_filter(struct nl_msg *m, int tuple, int flags, const char *address)
{
	unsigned char a[16];
	bool v6 = inet_pton(AF_INET6, address, a) == 1;
	struct nlattr *filter, *of, *ip;

	if (!v6 && inet_pton(AF_INET, address, a) != 1)
		return -NLE_PARSE_ERR;
	filter = nla_nest_start(m, CTA_FILTER);
	if (!filter || nla_put_u32(m, flags, ITS_SOURCE) < 0)
		return -NLE_NOMEM;
	nla_nest_end(m, filter);
	of = nla_nest_start(m, tuple);
	ip = of ? nla_nest_start(m, CTA_TUPLE_IP) : NULL;
	if (!ip || nla_put(m, v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, v6 ? 16 : 4, a) < 0)
		return -NLE_NOMEM;
	nla_nest_end(m, ip);
	nla_nest_end(m, of);
	return 0;
}

/* @address NULL: of all, for @s to choose from; else those that it has begun, or that were begun to it. */
static int search(struct search *s, const char *address, int tuple, int flags)
{
	_cleanup_(put_sock) struct nl_sock *ask = nl_socket_alloc();
	_cleanup_(put_sock) struct nl_sock *tell = nl_socket_alloc();
	_cleanup_(put_msg) struct nl_msg *m = begin(IPCTNL_MSG_CT_GET, NLM_F_DUMP,
		!address               ? AF_UNSPEC
		: strchr(address, ':') ? AF_INET6
				       : AF_INET);
	int r = ask && tell && m ? nl_connect(ask, NETLINK_NETFILTER) : -NLE_NOMEM;

	if (r == 0)
		r = nl_connect(tell, NETLINK_NETFILTER);
	if (r < 0)
		return r;
	s->tell = tell;
	nl_socket_disable_auto_ack(tell);
	r = nl_socket_modify_cb(ask, NL_CB_VALID, NL_CB_CUSTOM, forget, s);
	if (r == 0 && address)
		r = put_filter(m, tuple, flags, address);
	if (r == 0)
		r = nl_send_auto(ask, m);
	return r < 0 ? r : nl_recvmsgs_default(ask);
}

/* Return: 0; 1 where the kernel can't be asked, with @e; -1 with @e. */
static int judge(int r, const char *whose, struct err *e)
{
	if (r == 0)
		return 0;
	if (r != -NLE_INVAL && r != -NLE_OPNOTSUPP && r != -NLE_PROTO_MISMATCH)
		return net_failed(r, e, "end the connections of %s", whose);
	(void)net_lacks(e, "nf_conntrack_netlink", nl_geterror(r));
	return 1;
}

/* @all: else those alone that were begun to it. Return: as judge(). */
static int forget_address(const char *address, bool all, struct err *e)
{
	struct search s = { .gone = NULL };
	int r = all ? search(&s, address, CTA_TUPLE_ORIG, CTA_FILTER_ORIG_FLAGS) : 0;

	if (r == 0)
		r = search(&s, address, CTA_TUPLE_REPLY, CTA_FILTER_REPLY_FLAGS);
	return judge(r, address, e);
}

/* Of one number. */
static int forget_number(
	const struct netpool *pool, uint32_t number, bool all, struct err *e)
{
	char v4[NETPOOL_TEXT_MAX], v6[NETPOOL_TEXT_MAX];

	if (pool->v4_len == 0 || number > netpool_max(pool))
		return 0;
	netpool_v4(pool, number, v4);
	netpool_v6(pool, number, v6);
	if (forget_address(v4, all, e) < 0)
		return -1;
	return *v6 && forget_address(v6, all, e) < 0 ? -1 : 0;
}

/* Connections of all there are; as many as may be where that isn't to be known. */
static uint32_t connections(void)
{
	char text[32];
	uint32_t n;

	if (io_read_text(AT_FDCWD, "/proc/sys/net/netfilter/nf_conntrack_count", text,
		    sizeof(text)) < 0)
		return UINT32_MAX;
	text[strcspn(text, "\n")] = '\0';
	return parse_u32(text, &n) < 0 ? UINT32_MAX : n;
}

int net_connections_end(const struct net_gone *gone, struct err *e)
{
	const uint32_t all = connections();
	struct netpool pool;
	struct search s = { .gone = gone, .pool = &pool };

	if (net_pool_read(&pool, e) < 0)
		return -1;
	/* To find those of one the kernel goes through its whole table four times; to tell all that it has, once. */
	if (gone->n == 1 && all > TOLD_MOST)
		return forget_number(&pool, gone->v[0], true, e);
	return all > 0 && pool.v4_len > 0 &&
			       judge(search(&s, NULL, 0, 0), "links that are gone", e) < 0
		       ? -1
		       : 0;
}

int net_connections_restart(uint32_t number, struct err *e)
{
	struct netpool pool;

	return net_pool_read(&pool, e) < 0 ? -1 : forget_number(&pool, number, false, e);
}

int net_connections_try(struct err *e)
{
	return forget_address("0.0.0.0", true, e) == 0 ? 0 : -1;
}
