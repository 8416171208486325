/* SPDX-License-Identifier: BSD-3-Clause */
/* What went through each link, and what was refused of it. */
#include "helpers/net/net.h"

#include "core/base/cleanup.h"
#include "core/base/parse.h"
#include "core/run/network/nftable.h"

#include <errno.h>
#include <inttypes.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

static void put_sock(struct nl_sock **s)
{
	nl_socket_free(*s);
}

static void put_cache(struct nl_cache **c)
{
	if (*c)
		nl_cache_free(*c);
}

/* Of `"nssh5" counter packets 3 bytes 180`; 0 where nothing was. */
static uint64_t refused_of(const char *listing, const char *link)
{
	static const char word[] = "counter packets ";
	char quoted[64];
	const char *at;

	(void)snprintf(quoted, sizeof(quoted), "\"%s\"", link);
	at = strstr(listing, quoted);
	at = at ? strstr(at, word) : NULL;
	return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

static void put_link(struct rtnl_link *link, const char *listing, FILE *out)
{
	const char *name = rtnl_link_get_name(link);
	size_t len = strlen(NETPOOL_LINK);
	uint32_t number;

	if (!name || strncmp(name, NETPOOL_LINK, len) != 0 ||
		parse_u32(name + len, &number) < 0)
		return;
	/* What the host's end sends comes in there. */
	fprintf(out, "%u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		number, rtnl_link_get_stat(link, RTNL_LINK_TX_BYTES),
		rtnl_link_get_stat(link, RTNL_LINK_TX_PACKETS),
		rtnl_link_get_stat(link, RTNL_LINK_RX_BYTES),
		rtnl_link_get_stat(link, RTNL_LINK_RX_PACKETS),
		refused_of(listing, name));
}

/* libnl waits for the answer even to what it couldn't send. */
static int be_patient(struct nl_sock *host)
{
	const struct timeval patience = { .tv_sec = 10 };

	return setsockopt(nl_socket_get_fd(host), SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) < 0
		       ? -nl_syserr2nlerr(errno)
		       : 0;
}

int net_count(FILE *out, struct err *e)
{
	_cleanup_(put_sock) struct nl_sock *host = nl_socket_alloc();
	_cleanup_(put_cache) struct nl_cache *links = NULL;
	_cleanup_(net_nft_end) struct nft_ctx *ctx = NULL;
	const char *listing;
	int r = host ? nl_connect(host, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r == 0)
		r = be_patient(host);
	if (r == 0)
		r = rtnl_link_alloc_cache(host, AF_UNSPEC, &links);
	if (r < 0)
		return net_failed(r, e, "count what went through links");
	if (net_nft_begin(&ctx, e) < 0)
		return -1;
	/* A table that is gone has refused nothing. */
	if (net_nft_run(ctx, "list set inet " NETPOOL_TABLE " refused", e) < 0 &&
		!nftable_is_gone())
		return -1;
	listing = nft_ctx_get_output_buffer(ctx);
	for (struct nl_object *o = nl_cache_get_first(links); o; o = nl_cache_get_next(o))
		put_link((struct rtnl_link *)o, listing, out);
	return fflush(out) == 0 ? 0 : err_set(e, errno, "say what was counted");
}
