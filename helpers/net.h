/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of nsshell-net share. */
#pragma once

#include "core/base/err.h"
#include "core/plan/netpool.h"
#include "core/plan/netrules.h"

#include <netlink/netlink.h>
#include <stdint.h>

/* What it is started with. */
#define NET_NAMESPACE_FD 3 /* the account's network namespace */
#define NET_INSIDE_FD    4 /* a socket of NETLINK_ROUTE that was made in it */

struct net_request {
	struct netpool pool;
	uint32_t number;
	uint32_t resolver; /* of the host's loopback; 0: none */
	struct netrules rules;
};

/* net_link.c: the account's link, its addresses and ways, in place of one that is there.
 * Return: 0 or -1 with @e. */
int net_link_make(const struct net_request *q, struct err *e);

/* net_route.c: the rules behind the table, netpool.h; those that are there stay. */
int net_route_rules(struct nl_sock *host, const struct netpool *pool, struct err *e);

/* net_table.c: the table, made anew where it isn't what it was, with the account's rules in it.
 * *ret_mended: somebody had changed it or taken it away. */
int net_table_keep(const struct net_request *q, bool *ret_mended, struct err *e);

/* net_look.c: whether others let pass what is passed on. Return: 0, or -1 with the sentence in @e. */
int net_look(struct err *e);
/* net_legacy.c: of iptables-legacy(8) alone. */
int net_look_legacy(struct err *e);

/* What libnl says of its -@r. Return: -1 with @e. */
int net_failed(int r, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
