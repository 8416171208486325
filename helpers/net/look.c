/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What keeps a private network from working: a kernel without what it takes, and other firewalls of the
 * host's that drop what is passed on unless a rule lets it through.
 */
#include "helpers/net/net.h"

#include "core/base/cleanup.h"

#include <nftables/libnftables.h>
#include <string.h>

/* Of "table ip filter {" and "chain FORWARD {": what is between. */
static bool take_name(const char *line, const char *word, char *ret, size_t size)
{
	size_t len = strlen(word);

	if (strncmp(line, word, len) != 0)
		return false;
	line += len;
	(void)snprintf(ret, size, "%.*s", (int)strcspn(line, "{\n"), line);
	len = strlen(ret);
	while (len > 0 && ret[len - 1] == ' ')
		ret[--len] = '\0';
	return true;
}

/* What the ruleset says, as far as it was read. */
struct reading {
	char table[128], chain[128];
	bool forward; /* the chain sees what is passed on */
	bool closed; /* one of the table's does, and drops what no rule of its lets pass */
	bool open;   /* a rule of the table names our links */
	char closing[128];
};

static void take_line(struct reading *r, const char *line)
{
	line += strspn(line, " \t");
	if (take_name(line, "chain ", r->chain, sizeof(r->chain)))
		r->forward = false;
	if (strstr(line, "hook forward"))
		r->forward = true;
	/* firewalld's accepts by policy, and ends with a rule that rejects all. */
	if (r->forward && (strstr(line, "policy drop") || strcmp(line, "drop") == 0 ||
				  strncmp(line, "reject", 6) == 0)) {
		r->closed = true;
		(void)snprintf(r->closing, sizeof(r->closing), "%s", r->chain);
	}
	if (strstr(line, "\"" NETPOOL_LINK "*\"") && strstr(line, "accept"))
		r->open = true;
}

static int judge(const struct reading *r, struct err *e)
{
	if (!r->closed || r->open)
		return 0;
	return err_set(e, 0,
		"the chain %s in nftables' table %s drops what the host passes on",
		r->closing, r->table);
}

static int look_through(char *text, struct err *e)
{
	struct reading r = { .table = "" };
	char *line, table[128];

	while ((line = strsep(&text, "\n"))) {
		if (!take_name(line, "table ", table, sizeof(table))) {
			take_line(&r, line);
			continue;
		}
		if (judge(&r, e) < 0)
			return -1;
		r = (struct reading){ .table = "" };
		(void)snprintf(r.table, sizeof(r.table), "%s", table);
	}
	return judge(&r, e);
}

int net_look(struct err *e)
{
	_cleanup_(net_nft_end) struct nft_ctx *ctx = NULL;
	_cleanup_free_ char *text = NULL;

	if (net_link_try(e) < 0 || net_table_try(e) < 0 || net_nft_begin(&ctx, e) < 0)
		return -1;
	nft_ctx_output_set_flags(ctx, NFT_CTX_OUTPUT_STATELESS);
	if (net_nft_run(ctx, "list ruleset", e) < 0)
		return -1;
	text = strdup(nft_ctx_get_output_buffer(ctx));
	if (!text)
		return err_set(e, ENOMEM, "look at nftables");
	return look_through(text, e) < 0 ? -1 : net_look_legacy(e);
}
