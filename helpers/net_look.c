/* SPDX-License-Identifier: BSD-3-Clause */
/* Other firewalls of the host's that drop what is passed on unless a rule lets it through. */
#include "helpers/net.h"

#include "core/base/cleanup.h"

#include <nftables/libnftables.h>
#include <string.h>

static void free_ctx(struct nft_ctx **ctx)
{
	nft_ctx_free(*ctx);
}

/* Of "table ip filter {" and "chain FORWARD {": what is between. */
static bool take_name(const char *line, const char *word, char *ret, size_t size)
{
	const char *at = line + strspn(line, " \t");
	size_t len = strlen(word);

	if (strncmp(at, word, len) != 0)
		return false;
	at += len;
	(void)snprintf(ret, size, "%.*s", (int)strcspn(at, "{\n"), at);
	len = strlen(ret);
	while (len > 0 && ret[len - 1] == ' ')
		ret[--len] = '\0';
	return true;
}

static int look_through(char *text, struct err *e)
{
	char table[128] = "", chain[128] = "", *line;

	while ((line = strsep(&text, "\n"))) {
		if (take_name(line, "table ", table, sizeof(table)) ||
			take_name(line, "chain ", chain, sizeof(chain)))
			continue;
		if (strstr(line, "hook forward") && strstr(line, "policy drop"))
			return err_set(e, 0,
				"the policy of chain %s in nftables' table %s is to drop what the host "
				"passes on",
				chain, table);
	}
	return 0;
}

int net_look(struct err *e)
{
	_cleanup_(free_ctx) struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	_cleanup_free_ char *text = NULL;

	if (!ctx || nft_ctx_buffer_output(ctx) != 0 || nft_ctx_buffer_error(ctx) != 0)
		return err_set(e, ENOMEM, "look at nftables");
	if (nft_run_cmd_from_buffer(ctx, "list chains") != 0)
		return err_set(e, 0, "nftables: %.*s",
			(int)strcspn(nft_ctx_get_error_buffer(ctx), "\n"),
			nft_ctx_get_error_buffer(ctx));
	text = strdup(nft_ctx_get_output_buffer(ctx));
	return text ? look_through(text, e) : err_set(e, ENOMEM, "look at nftables");
}
