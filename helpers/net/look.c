/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What keeps a private network from working: a kernel without what it takes, and other firewalls of the
 * host's that drop what is passed on unless a rule lets it through.
 */
#include "helpers/net/net.h"

#include "core/base/cleanup.h"

#include <nftables/libnftables.h>
#include <string.h>

/* Where a chain's rules are asked: of what the host passes on, and of what comes to itself. */
#define FORWARD 1U
#define INPUT   2U

struct chain {
	const char *name;
	unsigned int asked; /* where */
	unsigned int
		closed; /* where it begins, and drops what no rule of its lets pass */
	unsigned int passes; /* what a rule lets pass that names our links */
};

struct step {
	size_t from;
	const char *to;
};

/* A table, as far as it was read; what is beyond that room isn't judged. */
#define CHAINS_MAX 1024
#define STEPS_MAX  4096
struct table {
	const char *name;
	struct chain chains[CHAINS_MAX];
	struct step steps[STEPS_MAX];
	size_t n_chains, n_steps;
};

/* Of "table ip filter {" and "chain FORWARD {": what is between, cut off there. NULL: another line. */
static const char *take_name(char *line, const char *word)
{
	size_t len = strlen(word);
	char *end;

	if (strncmp(line, word, len) != 0)
		return NULL;
	line += len;
	end = line + strcspn(line, "{\n");
	while (end > line && end[-1] == ' ')
		end--;
	*end = '\0';
	return line;
}

static bool begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

/* firewalld's accepts by policy, and ends with a rule that rejects all. */
static bool closes(const char *line)
{
	return strstr(line, "policy drop") || strcmp(line, "drop") == 0 ||
	       begins(line, "reject");
}

/* One with a port opens that; only that of names is what comes to the host. */
static unsigned int passes(const char *line)
{
	if (!strstr(line, "accept"))
		return 0;
	if (strstr(line, "ct status dnat accept"))
		return INPUT;
	if (!strstr(line, "\"" NETPOOL_LINK "*\""))
		return 0;
	if (!strstr(line, "dport"))
		return FORWARD | INPUT;
	return strstr(line, "dport 53") || strstr(line, "domain") ? INPUT : 0;
}

static void take_line(struct table *t, char *line)
{
	struct chain *c = &t->chains[t->n_chains - 1];
	char *to;

	if (strstr(line, "hook forward"))
		c->asked = FORWARD;
	if (strstr(line, "hook input"))
		c->asked = INPUT;
	if (c->asked && closes(line))
		c->closed = c->asked;
	c->passes |= passes(line);
	to = strstr(line, "jump ");
	to = to ? to : strstr(line, "goto ");
	if (!to || t->n_steps == STEPS_MAX)
		return;
	to += strlen("jump ");
	to[strcspn(to, " \n")] = '\0';
	t->steps[t->n_steps++] = (struct step){ t->n_chains - 1, to };
}

/* Return: whether something became new by it. */
static bool go_on(struct table *t, const struct step *s)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		struct chain *c = &t->chains[i];
		unsigned int before = c->asked;

		if (strcmp(c->name, s->to) != 0)
			continue;
		c->asked |= t->chains[s->from].asked;
		return c->asked != before;
	}
	return false;
}

static const struct chain *closed_chain(struct table *t, unsigned int where)
{
	const struct chain *found = NULL;
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < t->n_steps; i++)
			more |= go_on(t, &t->steps[i]);
	}
	for (size_t i = 0; i < t->n_chains; i++) {
		if (t->chains[i].asked & t->chains[i].passes & where)
			return NULL;
		if (t->chains[i].closed & where)
			found = &t->chains[i];
	}
	return found;
}

/* @names: and names are asked of the host. */
static int judge(struct table *t, bool names, struct err *e)
{
	const struct chain *c = closed_chain(t, FORWARD);

	if (c)
		return err_set(e, 0,
			"the chain %s in nftables' table %s drops what the host passes on",
			c->name, t->name);
	c = names ? closed_chain(t, INPUT) : NULL;
	return c ? err_set(e, 0,
			   "the chain %s in nftables' table %s drops questions to the host's resolver",
			   c->name, t->name)
		 : 0;
}

static int look_through(char *text, bool names, struct err *e)
{
	static struct table t;
	const char *name;
	char *line;

	t.name = "";
	while ((line = strsep(&text, "\n"))) {
		line += strspn(line, " \t");
		name = take_name(line, "table ");
		if (name) {
			if (judge(&t, names, e) < 0)
				return -1;
			t.name = name;
			t.n_chains = t.n_steps = 0;
			continue;
		}
		name = take_name(line, "chain ");
		if (name && t.n_chains < CHAINS_MAX)
			t.chains[t.n_chains++] = (struct chain){ .name = name };
		else if (t.n_chains > 0)
			take_line(&t, line);
	}
	return judge(&t, names, e);
}

int net_look(bool names, struct err *e)
{
	_cleanup_(net_nft_end) struct nft_ctx *ctx = NULL;
	_cleanup_free_ char *text = NULL;

	if (net_link_try(e) < 0 || net_table_try(e) < 0 || net_connections_try(e) < 0 ||
		net_nft_begin(&ctx, e) < 0)
		return -1;
	nft_ctx_output_set_flags(ctx, NFT_CTX_OUTPUT_STATELESS);
	if (net_nft_run(ctx, "list ruleset", e) < 0)
		return -1;
	text = strdup(nft_ctx_get_output_buffer(ctx));
	if (!text)
		return err_set(e, ENOMEM, "look at nftables");
	return look_through(text, names, e) < 0 ? -1 : net_look_legacy(e);
}
