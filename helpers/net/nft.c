/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/net/net.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <string.h>

int net_nft_begin(struct nft_ctx **ret, struct err *e)
{
	*ret = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!*ret || nft_ctx_buffer_output(*ret) != 0 || nft_ctx_buffer_error(*ret) != 0)
		return err_set(e, ENOMEM, "begin with nftables");
	return 0;
}

int net_nft_run(struct nft_ctx *ctx, const char *commands, struct err *e)
{
	if (nft_run_cmd_from_buffer(ctx, commands) == 0)
		return 0;
	return err_set(e, 0, "nftables: %.*s",
		(int)strcspn(nft_ctx_get_error_buffer(ctx), "\n"),
		nft_ctx_get_error_buffer(ctx));
}

void net_nft_end(struct nft_ctx **ctx)
{
	if (*ctx)
		nft_ctx_free(*ctx);
}
