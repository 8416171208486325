/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/net/net.h"

#include "core/base/cleanup.h"

#include <errno.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <string.h>
#include <sys/socket.h>

/* Without it libnftables ends the whole program, in the midst of it. */
static int kernel_has_it(struct err *e)
{
	_cleanup_close_ int sock =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (sock < 0 && errno == EPROTONOSUPPORT)
		return net_lacks(e, "nf_tables", strerror(errno));
	return sock < 0 ? err_set(e, errno, "ask the kernel for nftables") : 0;
}

int net_nft_begin(struct nft_ctx **ret, struct err *e)
{
	if (kernel_has_it(e) < 0)
		return -1;
	*ret = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!*ret || nft_ctx_buffer_output(*ret) != 0 || nft_ctx_buffer_error(*ret) != 0)
		return err_set(e, ENOMEM, "begin with nftables");
	return 0;
}

int net_nft_run(struct nft_ctx *ctx, const char *commands, struct err *e)
{
	const char *said, *line;
	size_t first;

	if (nft_run_cmd_from_buffer(ctx, commands) == 0)
		return 0;
	said = nft_ctx_get_error_buffer(ctx);
	first = strcspn(said, "\n");
	line = said + first + strspn(said + first, "\n\t ");
	return err_set(e, 0, "nftables: %.*s%s%.*s", (int)first, said, *line ? ": " : "",
		(int)strcspn(line, "\n"), line);
}

void net_nft_end(struct nft_ctx **ctx)
{
	if (*ctx)
		nft_ctx_free(*ctx);
}
