/* SPDX-License-Identifier: BSD-3-Clause */
/* A link that somebody has taken away, or changed, while there are sessions in its network. */
#include "helpers/net/net.h"

#include "core/base/cleanup.h"
#include "core/base/event.h"
#include "core/base/paths.h"
#include "core/run/host/netfacts.h"
#include "core/run/network/ways.h"

#include <netlink/errno.h>
#include <netlink/socket.h>
#include <syslog.h>
#include <unistd.h>

/*
 * Who swept up in between took the rules of a link that was gone for nobody's: made without them it would lead to what
 * they close.
 */
static bool has_rules(uint32_t number)
{
	char path[sizeof(PATH_NET_RULES) + 16];

	(void)snprintf(path, sizeof(path), PATH_NET_RULES "/%u", number);
	return net_link_look(number) != -NLE_NODEV || access(path, F_OK) == 0;
}

static int make(struct net_request *q, struct err *e)
{
	struct nl_sock *host = nl_socket_alloc();
	int r = host ? nl_connect(host, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r < 0)
		(void)net_failed(r, e, "ask the kernel for routes");
	else
		r = net_route_rules(host, &q->pool, e);
	nl_socket_free(host);
	return r < 0 ? -1 : net_link_make(q, e);
}

int net_link_mend(struct net_request *q, struct err *e)
{
	static const char what[] =
		"the link " NETPOOL_LINK "%u of %s, or its addresses and "
		"routes, had been changed or removed, and %s";
	const char *became = "is as it was";
	char whose[128];

	if (net_pool_read(&q->pool, e) < 0)
		return -1;
	if (!netfacts_ipv6())
		q->pool.v6_len = 0;
	if (q->pool.v4_len == 0 || q->number == 0 || q->number > netpool_max(&q->pool) ||
		ways_are_there(NET_INSIDE_FD, &q->pool, q->number))
		return 0;
	if (!has_rules(q->number))
		became =
			"its rules are gone, too: the account's next login makes both anew";
	else if (make(q, e) < 0)
		return -1;
	net_name_of(q->number, whose, sizeof(whose));
	event_log(
		LOG_WARNING, &(const struct event){ 0 }, what, q->number, whose, became);
	return 0;
}
