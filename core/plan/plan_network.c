/* SPDX-License-Identifier: BSD-3-Clause */
/* Which network a session has, and with Network=private the whole of it. */
#include "core/plan/planner.h"

#include "core/plan/netpool.h"
#include "core/plan/netrules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define BLANK " \t\r"

/* ---- names: resolv.conf(5) ---------------------------------------------------------- */

/* The address of a line "nameserver ADDRESS", or false. */
static bool takes_nameserver(const char *line, size_t len, char ret[NETPOOL_TEXT_MAX])
{
	static const char word[] = "nameserver";
	const size_t word_len = sizeof(word) - 1;
	size_t blanks, size;

	if (len <= word_len || strncmp(line, word, word_len) != 0 ||
		!strchr(BLANK, line[word_len]))
		return false;
	blanks = strspn(line + word_len, BLANK);
	line += word_len + blanks;
	size = strcspn(line, BLANK "\n#;");
	(void)snprintf(ret, NETPOOL_TEXT_MAX, "%.*s", (int)size, line);
	return true;
}

/* The host's own resolver at a loopback, in IPv4; 0: the address is another. */
static uint32_t loopback_of(const char *address)
{
	uint32_t v4;

	if (!strcmp(address, "::1"))
		return 0x7f000001;
	return netpool_address4(address, &v4) == 0 && v4 >> 24 == 127 ? v4 : 0;
}

/*
 * Those of a cloud may be at a link-local address, as its metadata is: they are asked for the box as well, and nothing
 * else is reached there.
 */
static uint32_t asked_for_it(const char *address)
{
	uint32_t v4;

	if (netpool_address4(address, &v4) == 0 && v4 >> 16 == 0xa9fe)
		return v4;
	return loopback_of(address);
}

static bool is_address(const char *s)
{
	unsigned char ignored[16];

	return inet_pton(AF_INET, s, ignored) == 1 ||
	       inet_pton(AF_INET6, s, ignored) == 1;
}

/* Whether each of the text's resolvers is at a loopback of the host's, and there is one. */
static bool is_all_local(const char *text)
{
	char address[NETPOOL_TEXT_MAX];
	bool some = false;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		if (!takes_nameserver(text, strcspn(text, "\n"), address))
			continue;
		if (loopback_of(address) == 0)
			return false;
		some = true;
	}
	return some;
}

struct names {
	struct planner *b;
	const char *text; /* what there is by now */
	uint32_t resolver;
	bool own; /* DNS= names them: the host's are left out */
};

static void take_resolver(struct names *n, const char *address)
{
	uint32_t local = asked_for_it(address);
	bool first = n->resolver == 0;

	/* "fe80::1%eth0" is a neighbour of the host's alone. */
	if (n->own || !is_address(address))
		return;
	if (local == 0) {
		n->text = planner_text(n->b, "%snameserver %s\n", n->text, address);
		return;
	}
	if (!first)
		return;
	n->resolver = local;
	n->text = planner_text(n->b, "%snameserver " NETPOOL_GATEWAY4 "\n", n->text);
}

/* What else it says, search and options, holds inside as well. */
static void take_lines(struct names *n, const char *text)
{
	char address[NETPOOL_TEXT_MAX];

	while (*text) {
		size_t len = strcspn(text, "\n");

		if (takes_nameserver(text, len, address))
			take_resolver(n, address);
		else if (len > 0 && *text != '#' && *text != ';')
			n->text = planner_text(n->b, "%s%.*s\n", n->text, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static uint32_t plan_names(struct planner *b, struct plan_network *net)
{
	const struct strlist *dns = &b->in->policy->dns;
	const struct plan_host *host = b->in->host;
	const char *text = host->resolv ? host->resolv : "";
	struct names n = { .b = b, .text = "", .own = dns->n > 0 };

	for (size_t i = 0; i < dns->n; i++) {
		n.text = planner_text(b, "%snameserver %s\n", n.text, dns->v[i]);
		/* What root makes reachable is what the host's own file names, and nothing else. */
		if (asked_for_it(dns->v[i]) != 0 || !strncmp(dns->v[i], "fe80:", 5))
			planner_note(b,
				"DNS=%s isn't reached from Network=private: it is at a loopback, or "
				"link-local; have the host's /etc/resolv.conf name it, and leave DNS= out",
				dns->v[i]);
	}
	/* systemd-resolved's stub is at a loopback; those that it asks aren't. */
	if (is_all_local(text) && host->resolv_uplink &&
		strstr(host->resolv_uplink, "nameserver "))
		text = host->resolv_uplink;
	take_lines(&n, text);
	net->resolv = n.text;
	return n.resolver;
}

/* ---- the whole ---------------------------------------------------------------------- */

/* The text of open_memstream(3), as the plan's. */
static const char *keep_text(struct planner *b, FILE *out, char **text)
{
	const char *ret;

	if (fclose(out) != 0)
		b->oom = true;
	ret = planner_copy(b, *text ? *text : "");
	free(*text);
	return ret;
}

static const char *table_text(
	struct planner *b, const struct netpool *pool, uint32_t resolver)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		b->oom = true;
		return "";
	}
	netpool_table(pool, resolver, out);
	return keep_text(b, out, &text);
}

static const char *rules_text(struct planner *b, const struct plan_network *net)
{
	const struct policy *p = b->in->policy;
	struct netrules r = { .n_allow = 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		b->oom = true;
		return "";
	}
	netrules_take(&r, p);
	(void)snprintf(r.at4, sizeof(r.at4), "%s", net->address4);
	(void)snprintf(r.at6, sizeof(r.at6), "%s", net->address6);
	netrules_print(&r, out);
	return keep_text(b, out, &text);
}

static void note_forwarding(struct planner *b, bool v6)
{
	if (!b->in->host->forwards4)
		planner_note(b,
			"Network=private has no way out: the host passes no packets on "
			"(net.ipv4.ip_forward is 0; say 1 in a file of /etc/sysctl.d)");
	else if (v6 && !b->in->host->forwards6)
		planner_note(b,
			"Network=private has no way out by IPv6: net.ipv6.conf.all.forwarding is "
			"0");
}

static void plan_addresses(
	struct planner *b, struct plan_network *n, const struct netpool *pool)
{
	char text[NETPOOL_TEXT_MAX];

	n->link = planner_text(b, NETPOOL_LINK "%u", n->number);
	netpool_v4_prefix(pool, text);
	n->pool4 = planner_copy(b, text);
	netpool_v6_prefix(pool, text);
	n->pool6 = planner_copy(b, text);
	netpool_v4(pool, n->number, text);
	n->address4 = planner_copy(b, text);
	netpool_v6(pool, n->number, text);
	n->address6 = planner_copy(b, text);
}

static int plan_private(struct planner *b, struct plan_network *n, struct err *e)
{
	struct netpool pool;
	uint32_t resolver;
	const char *why;

	if (netpool_parse(b->in->policy->pool ? b->in->policy->pool : NETPOOL_DEFAULT,
		    &pool, &why) < 0)
		return err_set(e, 0, "Pool=%s: %s", b->in->policy->pool, why);
	if (!b->in->host->ipv6)
		pool.v6_len = 0;
	n->connections = (uint32_t)b->in->policy->connections_max;
	pool.connections = n->connections;
	n->number = b->in->number ? b->in->number : netpool_max(&pool);
	plan_addresses(b, n, &pool);
	n->text = planner_text(
		b, n->share ? "private %s" : "private:login %s", n->address4);
	resolver = plan_names(b, n);
	if (resolver != 0)
		n->resolver = planner_text(b, "%u.%u.%u.%u", resolver >> 24,
			resolver >> 16 & 255, resolver >> 8 & 255, resolver & 255);
	n->table = table_text(b, &pool, resolver);
	n->rules = rules_text(b, n);
	note_forwarding(b, pool.v6_len > 0);
	return 0;
}

/* What others' sessions say that share this one, as theirs are planned. */
static const char *guest_text(
	struct planner *b, const char *owner, const struct plan_network *n)
{
	return *n->address4 ? planner_text(b, "user:%s %s", owner, n->address4)
			    : planner_text(b, "user:%s", owner);
}

static int plan_user(struct planner *b, struct plan_network *n, struct err *e)
{
	const struct policy_network *of = &b->in->policy->network;

	if (of->of == NETWORK_PRIVATE && plan_private(b, n, e) < 0)
		return -1;
	n->name = planner_copy(b, of->name);
	n->owner = of->uid;
	n->owner_text = n->text;
	n->text = guest_text(b, n->name, n);
	n->rules = "";
	return 0;
}

static void plan_guests(struct planner *b, struct plan_network *n)
{
	const struct policy *policy = b->in->policy;
	uid_t *uids;

	if (policy->n_guests == 0 || !n->share)
		return;
	uids = arena_alloc(&b->p->arena, policy->n_guests * sizeof(*uids));
	if (!uids) {
		b->oom = true;
		return;
	}
	memcpy(uids, policy->guests, policy->n_guests * sizeof(*uids));
	n->guests = uids;
	n->n_guests = policy->n_guests;
	n->guest_text = guest_text(b, b->in->account->name, n);
}

static int plan_kind(struct planner *b, struct plan_network *n, struct err *e)
{
	const struct policy *policy = b->in->policy;

	n->share = policy->network_share == NETWORK_OF_ACCOUNT;
	n->text = n->share ? "none" : "none:login";
	switch (n->kind) {
	case NETWORK_PRIVATE:
		return plan_private(b, n, e);
	case NETWORK_USER:
		n->share = true;
		n->text = "none";
		return plan_user(b, n, e);
	case NETWORK_NETNS:
		n->name = planner_copy(b, policy->network.name);
		n->text = planner_text(b, "netns:%s", n->name);
		n->share = false;
		return 0;
	case NETWORK_HOST:
	case NETWORK_NONE:
		break;
	}
	return 0;
}

int plan_network(struct planner *b, struct err *e)
{
	struct plan_network *n = &b->p->network;

	*n = (struct plan_network){ .kind = b->in->policy->network.kind,
		.name = "",
		.text = "",
		.owner_text = "",
		.guest_text = "",
		.pool4 = "",
		.pool6 = "",
		.link = "",
		.address4 = "",
		.address6 = "",
		.resolver = "",
		.resolv = "",
		.rules = "",
		.table = "" };
	if (n->kind == NETWORK_HOST)
		return 0;
	b->p->namespaces |= CLONE_NEWNET;
	if (plan_kind(b, n, e) < 0)
		return -1;
	plan_guests(b, n);
	return 0;
}

/* ---- in words ----------------------------------------------------------------------- */

static void print_lines(const char *s, FILE *out)
{
	while (*s) {
		size_t len = strcspn(s, "\n");

		fprintf(out, "                | %.*s\n", (int)len, s);
		s += len + (s[len] == '\n');
	}
}

void plan_network_print(const struct plan_network *n, FILE *out)
{
	if (n->kind != NETWORK_PRIVATE)
		return;
	fprintf(out, "\nnetwork: " NETPOOL_INSIDE " inside, %s on the host\n", n->link);
	fprintf(out, "  address     %s%s%s\n", n->address4, *n->address6 ? " " : "",
		n->address6);
	fprintf(out, "  pool        %s%s%s\n", n->pool4, *n->pool6 ? " " : "", n->pool6);
	fprintf(out, "  way out     by %s%s\n", NETPOOL_GATEWAY4,
		*n->address6 ? " and " NETPOOL_GATEWAY6 : "");
	if (*n->resolver)
		fprintf(out, "  names       at %s, which leads to the host's %s\n",
			NETPOOL_GATEWAY4, n->resolver);
	if (*n->rules) {
		fputs("  rules       of the account\n", out);
		print_lines(n->rules, out);
	}
	fputs("  rules       of the host's, for all such networks\n", out);
	print_lines(n->table, out);
}
