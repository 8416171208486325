/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/netpool.h"

#include "core/base/parse.h"

#include <arpa/inet.h>
#include <string.h>

#define LEN4_MIN 12 /* NETPOOL_NUMBERS */
#define LEN4_MAX 28
#define LEN6_MIN 16
#define LEN6_MAX 96 /* 32 bits of a number */

int netpool_address4(const char *text, uint32_t *ret)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		return -1;
	*ret = ntohl(a.s_addr);
	return 0;
}

/* "ADDRESS/LEN", cut in two. */
static int take_length(char *word, unsigned int *ret)
{
	char *slash = strchr(word, '/');
	uint32_t len;

	if (!slash || parse_u32(slash + 1, &len) < 0 || len > 128)
		return -1;
	*slash = '\0';
	*ret = len;
	return 0;
}

static const char *take_v4(const char *address, unsigned int len, struct netpool *ret)
{
	if (ret->v4_len > 0)
		return "two prefixes of IPv4";
	if (len < LEN4_MIN || len > LEN4_MAX)
		return "an IPv4 prefix is from /12 to /28 long";
	if (netpool_address4(address, &ret->v4) < 0)
		return "no IPv4 address before the '/'";
	if (ret->v4 & (UINT32_MAX >> len))
		return "an IPv4 prefix with bits behind its length";
	if (ret->v4 >> 28 >= 0xe || ret->v4 >> 24 == 127 || ret->v4 >> 24 == 0 ||
		ret->v4 >> 16 == 0xa9fe)
		return "no place for addresses: multicast, loopback, link-local or reserved";
	ret->v4_len = len;
	return NULL;
}

static const char *take_v6(const char *address, unsigned int len, struct netpool *ret)
{
	uint8_t rest = 0;

	if (ret->v6_len > 0)
		return "two prefixes of IPv6";
	if (len < LEN6_MIN || len > LEN6_MAX || len % 8 != 0)
		return "an IPv6 prefix is from /16 to /96 long, in steps of 8";
	if (inet_pton(AF_INET6, address, ret->v6) != 1)
		return "no IPv6 address before the '/'";
	for (size_t i = len / 8; i < sizeof(ret->v6); i++)
		rest |= ret->v6[i];
	if (rest != 0)
		return "an IPv6 prefix with bits behind its length";
	if (ret->v6[0] == 0xff || ret->v6[0] == 0 || ret->v6[0] == 0xfe)
		return "no place for addresses: multicast, link-local or reserved";
	ret->v6_len = len;
	return NULL;
}

int netpool_parse(const char *words, struct netpool *ret, const char **why)
{
	struct netpool p = { 0 };
	char copy[2 * NETPOOL_TEXT_MAX], *rest = copy, *word;

	*why = "too long";
	if (snprintf(copy, sizeof(copy), "%s", words) >= (int)sizeof(copy))
		return -1;
	while ((word = strsep(&rest, " \t"))) {
		unsigned int len;

		if (!*word)
			continue;
		*why = "no ADDRESS/LENGTH";
		if (take_length(word, &len) < 0)
			return -1;
		*why = strchr(word, ':') ? take_v6(word, len, &p)
					 : take_v4(word, len, &p);
		if (*why)
			return -1;
	}
	*why = "the prefix of IPv4 is missing";
	if (p.v4_len == 0)
		return -1;
	*ret = p;
	return 0;
}

uint32_t netpool_max(const struct netpool *p)
{
	return (UINT32_MAX >> p->v4_len) - 1;
}

static uint32_t last_word(const uint8_t *a)
{
	uint32_t word;

	memcpy(&word, a, sizeof(word));
	return ntohl(word);
}

uint32_t netpool_number4(const struct netpool *p, const uint8_t *address)
{
	uint32_t number = last_word(address) ^ p->v4;

	return number <= netpool_max(p) ? number : 0;
}

/* What is between prefix and number is 0. */
uint32_t netpool_number6(const struct netpool *p, const uint8_t *address)
{
	uint32_t number = last_word(address + 12);

	return p->v6_len > 0 && !memcmp(address, p->v6, 12) && number <= netpool_max(p)
		       ? number
		       : 0;
}

static void put_v4(uint32_t address, char *ret)
{
	const struct in_addr a = { htonl(address) };

	(void)inet_ntop(AF_INET, &a, ret, NETPOOL_TEXT_MAX);
}

void netpool_bytes4(const struct netpool *p, uint32_t number, uint8_t *ret)
{
	const uint32_t address = htonl(p->v4 + number);

	memcpy(ret, &address, sizeof(address));
}

void netpool_bytes6(const struct netpool *p, uint32_t number, uint8_t *ret)
{
	memcpy(ret, p->v6, sizeof(p->v6));
	for (size_t i = 0; i < 4; i++)
		ret[15 - i] = (uint8_t)(number >> (8 * i));
}

void netpool_v4(const struct netpool *p, uint32_t number, char ret[NETPOOL_TEXT_MAX])
{
	put_v4(p->v4 + number, ret);
}

void netpool_v6(const struct netpool *p, uint32_t number, char ret[NETPOOL_TEXT_MAX])
{
	uint8_t a[16];

	*ret = '\0';
	if (p->v6_len == 0)
		return;
	netpool_bytes6(p, number, a);
	(void)inet_ntop(AF_INET6, a, ret, NETPOOL_TEXT_MAX);
}

void netpool_v4_prefix(const struct netpool *p, char ret[NETPOOL_TEXT_MAX])
{
	size_t len;

	put_v4(p->v4, ret);
	len = strlen(ret);
	(void)snprintf(ret + len, NETPOOL_TEXT_MAX - len, "/%u", p->v4_len);
}

void netpool_v6_prefix(const struct netpool *p, char ret[NETPOOL_TEXT_MAX])
{
	size_t len;

	netpool_v6(p, 0, ret);
	len = strlen(ret);
	if (len > 0)
		(void)snprintf(ret + len, NETPOOL_TEXT_MAX - len, "/%u", p->v6_len);
}

/* ---- the table ---------------------------------------------------------------------- */

static void put_mark(
	const char *chain, const char *hook, const char *v4, const char *v6, FILE *out)
{
	fprintf(out, "\tchain %s {\n\t\ttype %s priority -90\n", chain, hook);
	fprintf(out, "\t\tip daddr %s meta mark set meta mark & 0x%08x | 0x%08x\n", v4,
		~NETPOOL_MASK, NETPOOL_MARK);
	if (*v6)
		fprintf(out,
			"\t\tip6 daddr %s meta mark set meta mark & 0x%08x | 0x%08x\n",
			v6, ~NETPOOL_MASK, NETPOOL_MARK);
	fputs("\t}\n", out);
}

/*
 * What was refused of each link, and how many connections it has, and has begun, and how many were from
 * beyond; what accounts may reach, which of them has a rule of its own at all, and what of the host's leads to them.
 */
static void put_sets(FILE *out)
{
	static const struct {
		const char *name, *type;
	} rules[] = {
		{ "allow4", "ifname . ipv4_addr" },
		{ "allow6", "ifname . ipv6_addr" },
		{ "deny4", "ifname . ipv4_addr" },
		{ "deny6", "ifname . ipv6_addr" },
		{ "ports", "ifname . inet_proto . inet_service" },
	};

	fputs("\tset connections {\n\t\ttype ifname\n\t\tflags dynamic\n\t}\n"
	      "\tset begun {\n\t\ttype ifname\n\t\tflags dynamic\n\t}\n"
	      "\tset incoming {\n\t\ttype ifname\n\t\tflags dynamic\n\t}\n"
	      "\tset begun_incoming {\n\t\ttype ifname\n\t\tflags dynamic\n\t}\n"
	      "\tset refused {\n\t\ttype ifname\n\t\tflags dynamic\n\t\tcounter\n\t}\n"
	      "\tset " NETPOOL_RULED " {\n\t\ttype ifname\n\t}\n",
		out);
	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		fprintf(out, "\tset %s {\n\t\ttype %s\n\t\tflags interval\n\t}\n",
			rules[i].name, rules[i].type);
	for (int v6 = 0; v6 < 2; v6++) {
		const int n = v6 ? 6 : 4;

		fprintf(out,
			"\tmap publish%d {\n\t\ttype inet_proto . inet_service : ipv%d_addr . "
			"inet_service\n\t}\n"
			"\tmap publish_at%d {\n\t\ttype ipv%d_addr . inet_proto . inet_service : "
			"ipv%d_addr . inet_service\n\t}\n",
			n, n, n, n, n);
	}
}

/* A source that isn't the link's own goes no further. Of "oif eq 0" nft would ask for all of the host's links, for names. */
static void put_from_box(FILE *out)
{
	fprintf(out,
		"\tchain dropped {\n"
		"\t\tupdate @refused { iifname }\n"
		"\t\tdrop\n"
		"\t}\n"
		"\tchain rejected {\n"
		"\t\tupdate @refused { iifname }\n"
		"\t\treject with icmpx admin-prohibited\n"
		"\t}\n"
		"\tchain from_box {\n"
		"\t\tmeta mark set meta mark & 0x%08x | 0x%08x\n"
		"\t\tfib saddr . mark . iif oif missing goto dropped\n"
		"\t}\n"
		"\tchain first {\n"
		"\t\ttype filter hook prerouting priority -290\n"
		"\t\tiifname \"" NETPOOL_LINK "*\" goto from_box\n"
		"\t}\n",
		~NETPOOL_MASK, NETPOOL_MARK);
}

/* The host's resolver sees a question of the host's. */
static void put_names(uint32_t resolver, FILE *out)
{
	char address[NETPOOL_TEXT_MAX];

	if (resolver == 0)
		return;
	put_v4(resolver, address);
	fprintf(out,
		"\tchain names {\n"
		"\t\ttype nat hook prerouting priority -100\n"
		"\t\tiifname \"" NETPOOL_LINK "*\" ip daddr " NETPOOL_GATEWAY4
		" meta l4proto { tcp, udp } th dport 53 dnat ip to %s\n"
		"\t}\n"
		"\tchain names_source {\n"
		"\t\ttype nat hook input priority 100\n"
		"\t\tiifname \"" NETPOOL_LINK "*\" ip daddr %s snat ip to 127.0.0.1\n"
		"\t}\n",
		address, address);
}

/*
 * From beyond, and of the host itself, but not from another box, nor from who says that he is one: the answer would be
 * that one's. What came from the host's loopback has to have an address that can be answered: the gateway.
 */
static void put_published(const char *v4, const char *v6, FILE *out)
{
	fputs("\tchain publish {\n"
	      "\t\tmeta l4proto != { tcp, udp } return\n"
	      "\t\tdnat ip to ip daddr . meta l4proto . th dport map @publish_at4\n"
	      "\t\tdnat ip6 to ip6 daddr . meta l4proto . th dport map @publish_at6\n"
	      "\t\tmeta nfproto ipv4 dnat ip to meta l4proto . th dport map @publish4\n"
	      "\t\tmeta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @publish6\n"
	      "\t}\n"
	      "\tchain published_here {\n"
	      "\t\ttype nat hook output priority -100\n"
	      "\t\tfib daddr type local jump publish\n"
	      "\t}\n"
	      "\tchain published {\n"
	      "\t\ttype nat hook prerouting priority -100\n",
		out);
	fprintf(out, "\t\tip saddr %s return\n", v4);
	if (*v6)
		fprintf(out, "\t\tip6 saddr %s return\n", v6);
	fputs("\t\tiifname != \"" NETPOOL_LINK "*\" fib daddr type local jump publish\n"
	      "\t}\n",
		out);
}

/*
 * What somebody's rules of NAT lead elsewhere: a question to the gateway is one wherever that is, and what is closed
 * isn't open by them.
 */
#define REDIRECTED "\t\tct status dnat jump redirected\n"

static void put_redirected(bool names, FILE *out)
{
	fputs("\tchain redirected {\n", out);
	for (int udp = 0; names && udp < 2; udp++)
		fprintf(out,
			"\t\tct original ip daddr " NETPOOL_GATEWAY4
			" meta l4proto %s ct original proto-dst 53 goto allowed\n",
			udp ? "udp" : "tcp");
	fputs("\t\tiifname . ct original ip daddr @allow4 return\n"
	      "\t\tct original ip daddr { 127.0.0.0/8, 169.254.0.0/16, 100.100.100.200 } "
	      "goto rejected\n\t}\n",
		out);
}

/*
 * Other accounts' links, what is the host's alone, and where clouds tell a machine its secrets, but for link-local
 * addresses: Alibaba; Azure, who has names at the same address; by IPv6 Amazon, Google, Scaleway, Oracle and Linode.
 * A NAT64 leads to the same, which the host itself may be.
 */
#define CLOSED                                                                           \
	"\tchain azure {\n"                                                              \
	"\t\tth dport != 53 goto rejected\n"                                             \
	"\t}\n"                                                                          \
	"\tchain nat64 {\n"                                                              \
	"\t\tip6 daddr { 64:ff9b::7f00:0/104, 64:ff9b::a9fe:0/112, 64:ff9b::6464:64c8, " \
	"64:ff9b::a83f:8110 } goto rejected\n"                                           \
	"\t}\n"                                                                          \
	"\tchain closed {\n"                                                             \
	"\t\toifname \"" NETPOOL_LINK "*\" goto rejected\n"                              \
	"\t\tip daddr vmap { 127.0.0.0/8 : goto rejected, "                              \
	"169.254.0.0/16 : goto rejected, 100.100.100.200 : goto rejected, "              \
	"168.63.129.16 : jump azure }\n"                                                 \
	"\t\tip6 daddr { fd00:ec2::254, fd20:ce::254, fd00:42::42, "                     \
	"fd00:c1::a9fe:a9fe, fd00:a9fe:a9fe::1 } goto rejected\n"                        \
	"\t\tip6 daddr 64:ff9b::/96 jump nat64\n"                                        \
	"\t}\n"

#define ANSWERS "\t\tct direction reply ct state established,related accept\n"

/* An account's own rules; what is allowed is allowed against what is refused by itself, too. */
static void put_ruled(FILE *out)
{
	fputs("\tchain ruled {\n"
	      "\t\tiifname . meta l4proto . th dport @ports goto rejected\n"
	      "\t\tiifname . ip daddr @allow4 goto allowed\n"
	      "\t\tiifname . ip6 daddr @allow6 goto allowed\n\t}\n" CLOSED
	      "\tchain out_ruled {\n"
	      "\t\tjump ruled\n"
	      "\t\tjump closed\n"
	      "\t\tiifname . ip daddr @deny4 goto rejected\n"
	      "\t\tiifname . ip6 daddr @deny6 goto rejected\n"
	      "\t\tgoto allowed\n\t}\n",
		out);
}

/*
 * Rules hold for what goes on as well as for what begins, and answers go back to who asked. Each packet passes this:
 * the sets of accounts' rules are asked for those who have one.
 */
static void put_filter(bool names, uint32_t connections, FILE *out)
{
	/*
	 * What isn't a connection's first packet begins none: the kernel would take one that was ended here for a new one
	 * of the box's, as soon as the box says another word in it (nf_conntrack_tcp_loose). One of TCP that is closed
	 * isn't counted any more, and still remembered, for two minutes: so no more begin than that in one.
	 */
	fprintf(out,
		"\tchain begun {\n"
		"\t\ttcp flags & (fin | syn | rst | ack) != syn goto dropped\n"
		"\t\tadd @connections { iifname ct count over %u } goto rejected\n"
		"\t\tmeta l4proto tcp add @begun { iifname limit rate over %u/minute burst %u packets } goto rejected\n"
		"\t\taccept\n\t}\n"
		"\tchain allowed {\n"
		"\t\tct state new goto begun\n"
		"\t\taccept\n\t}\n",
		connections, connections, connections);
	put_redirected(names, out);
	put_ruled(out);
	fputs("\tchain to_host {\n" ANSWERS REDIRECTED "\t\tiifname @" NETPOOL_RULED
	      " jump ruled\n\t\tgoto rejected\n\t}\n"
	      "\tchain input {\n\t\ttype filter hook input priority 0\n"
	      "\t\tiifname \"" NETPOOL_LINK "*\" goto to_host\n\t}\n"
	      /* What the kernel has no connection for it gives no other source. */
	      "\tchain out {\n\t\tct state invalid,untracked goto dropped\n" ANSWERS
			REDIRECTED "\t\tiifname @" NETPOOL_RULED " goto out_ruled\n"
	      "\t\tjump closed\n"
	      "\t\tgoto allowed\n\t}\n"
	      "\tchain in {\n\t\tct state established,related accept\n",
		out);
	fprintf(out,
		"\t\tct status dnat ct state new add @incoming { oifname ct count over %u } drop\n"
		"\t\tct status dnat ct state new meta l4proto tcp add @begun_incoming "
		"{ oifname limit rate over %u/minute burst %u packets } drop\n",
		connections, connections, connections);
	fputs("\t\tct status dnat accept\n\t\tdrop\n\t}\n"
	      "\tchain forward {\n\t\ttype filter hook forward priority 0\n"
	      "\t\tiifname \"" NETPOOL_LINK "*\" goto out\n"
	      "\t\toifname \"" NETPOOL_LINK "*\" goto in\n\t}\n",
		out);
}

/*
 * What leaves the host has its address, whatever pool the box's own is of. Servers beyond, of NFS above all, take a port
 * below 1024 for the word of the host's root. In a box of Root=yes everybody has such ports, and a masquerade keeps
 * those it can.
 */
#define LEAVES "\t\tiifname \"" NETPOOL_LINK "*\" oifname != \"" NETPOOL_LINK "*\" "
#define MASQUERADE                                                                            \
	LEAVES "meta l4proto { tcp, udp } th sport < 1024 masquerade to :1024-65535\n" LEAVES \
	       "masquerade\n"

void netpool_table(const struct netpool *p, uint32_t resolver, FILE *out)
{
	char v4[NETPOOL_TEXT_MAX], v6[NETPOOL_TEXT_MAX];

	netpool_v4_prefix(p, v4);
	netpool_v6_prefix(p, v6);
	fputs("table inet " NETPOOL_TABLE " {\n", out);
	put_sets(out);
	put_from_box(out);
	put_names(resolver, out);
	put_published(v4, v6, out);
	put_mark("back", "filter hook prerouting", v4, v6, out);
	put_mark("host_out", "route hook output", v4, v6, out);
	put_filter(resolver != 0, p->connections, out);
	fputs("\tchain after {\n\t\ttype nat hook postrouting priority 100\n" MASQUERADE
	      "\t\tip saddr 127.0.0.0/8 oifname \"" NETPOOL_LINK
	      "*\" snat ip to " NETPOOL_GATEWAY4 "\n",
		out);
	if (*v6)
		fputs("\t\tip6 saddr ::1 oifname \"" NETPOOL_LINK
		      "*\" snat ip6 to " NETPOOL_GATEWAY6 "\n",
			out);
	fputs("\t}\n}\n", out);
}
