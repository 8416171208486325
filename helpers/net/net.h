/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of nsshell-net share. */
#pragma once

#include "core/base/err.h"
#include "core/plan/netpool.h"
#include "core/plan/netrules.h"

#include <netlink/netlink.h>
#include <stdint.h>
#include <stdio.h>

struct nft_ctx;

/* What it is started with. */
#define NET_NAMESPACE_FD 3 /* the account's network namespace */
#define NET_INSIDE_FD    4 /* a socket of NETLINK_ROUTE that was made in it */

#define NET_PATIENCE_S   30 /* for one link's work */

struct net_request {
	struct netpool pool;
	uint32_t number;
	uint32_t resolver; /* at the host's loopback, or link-local; 0: none */
	struct netrules rules;
	bool go_on; /* without what is to be published and is taken */
};

/* link.c: the account's link, its addresses and ways, in place of one that is there.
 * Return: 0 or -1 with @e. */
int net_link_make(const struct net_request *q, struct err *e);
/* Whether the kernel would make one; none is made. Return: 0 or -1 with @e. */
int net_link_try(struct err *e);
/* Take away the link of that number, where it is there. Return: 0 or -1 with @e. */
int net_link_remove(uint32_t number, struct err *e);
/* Whether it is there. Return: 0; -NLE_NODEV: it isn't; or what else libnl says. */
int net_link_look(uint32_t number);
/* Wait until it is gone, two seconds at most. */
void net_link_await_end(uint32_t number);

/*
 * mend.c: make the link of @q->number anew where it, its addresses or its ways aren't as they were, and log that. Takes
 * NET_NAMESPACE_FD and NET_INSIDE_FD. Return: 0 or -1 with @e.
 */
int net_link_mend(struct net_request *q, struct err *e);

/* route.c: the rules behind the table, netpool.h; those that are there stay. */
int net_route_rules(struct nl_sock *host, const struct netpool *pool, struct err *e);

/*
 * And in a network that nothing leaves from another source than @own, of IPv6: whoever likes sends from any there
 * (IPV6_FREEBIND), and the kernel, which looks at what comes in of IPv4 (rp_filter), would pass it on while the table is
 * gone. Return: 0, or what libnl says.
 */
int net_route_inside(struct nl_sock *inside, const char *own);

/* table.c: who holds it changes table and links, and nobody else. Return: 0 or -1 with @e. */
int net_lock(int *ret, struct err *e);

/*
 * table.c: the table, made anew where it isn't what it was, with the account's rules in it, of which
 * those that @q goes on without go. *ret_mended: somebody had changed it or taken it away.
 */
int net_table_keep(struct net_request *q, bool *ret_mended, struct err *e);
/* The pool that it was made of last; all 0: none that is known. Return: 0 or -1 with @e. */
int net_pool_read(struct netpool *ret, struct err *e);
/* The same as it was made last, with all accounts' rules as they are. */
int net_table_mend(bool *ret_mended, struct err *e);
/* Whether the kernel would make one; none is there at any moment that anybody could see. */
int net_table_try(struct err *e);
/* Other rules for @q->number alone, whose link is there. */
int net_table_set(struct net_request *q, struct err *e);
/* All that is of that number goes; and of every link that is gone. */
int net_table_close(uint32_t number, struct err *e);
int net_table_sweep(struct err *e);

/* Numbers whose links are gone. */
struct net_gone {
	uint32_t v[NETPOOL_NUMBERS];
	size_t n;
	bool has[NETPOOL_NUMBERS];
};

/* connections.c: what the kernel remembers of those of these numbers goes. Return: 0 or -1 with @e. */
int net_connections_end(const struct net_gone *gone, struct err *e);
/*
 * And of one whose link is there those that somebody else began, who may begin them anew where the table lets them.
 * Return: 0 or -1 with @e.
 */
int net_connections_restart(uint32_t number, struct err *e);
/* Whether the kernel says what it remembers. Return: 0 or -1 with @e. */
int net_connections_try(struct err *e);

/*
 * taken.c: whether something else has a port that is to be published: a program that listens on the
 * host, or @theirs of account @number. Return: 0; 1 with who has it in @e; -1 with @e.
 */
int net_taken(const struct netpublish *p, struct err *e);
int net_taken_by(const struct netpublish *p, const struct netrules *theirs,
	uint32_t number, struct err *e);
/* taken.c: the account of that number, or words for one that isn't known. */
void net_name_of(uint32_t number, char *ret, size_t size);

/* count.c: a line for each link, "NUMBER IN-BYTES IN-PACKETS OUT-BYTES OUT-PACKETS REFUSED", as seen
 * from inside. Return: 0 or -1 with @e. */
int net_count(FILE *out, struct err *e);

/* look.c: whether the kernel has all that is needed, and others let pass what is passed on;
 * @names: and what the host's resolver is asked. Return: 0, or -1 with the sentence in @e. */
int net_look(bool names, struct err *e);
/* legacy.c: of iptables-legacy(8) alone. */
int net_look_legacy(struct err *e);

/* nft.c: a handle of libnftables whose answers are kept, and what it says of commands, with the line
 * that it can't do; freed with net_nft_end(). Return: 0 or -1 with @e. */
int net_nft_begin(struct nft_ctx **ret, struct err *e);
int net_nft_run(struct nft_ctx *ctx, const char *commands, struct err *e);
void net_nft_end(struct nft_ctx **ctx);

/* A kernel without the module @what. Return: -1 with @e. */
int net_lacks(struct err *e, const char *what, const char *said);
/* What libnl says of its -@r. Return: -1 with @e. */
int net_failed(int r, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
