/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/netrules.h"

#include "core/base/parse.h"
#include "core/plan/netpool.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- addresses ---------------------------------------------------------------------- */

static const struct {
	const char *word, *v4, *v6;
} words[] = {
	{ "any", "0.0.0.0/0", "::/0" },
	{ "localhost", "127.0.0.0/8", "::1/128" },
	{ "link-local", "169.254.0.0/16", "fe80::/64" },
	{ "multicast", "224.0.0.0/4", "ff00::/8" },
};

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int n)
{
	unsigned int rest = n % 8;

	if (memcmp(a, b, n / 8) != 0)
		return false;
	return rest == 0 || (a[n / 8] ^ b[n / 8]) >> (8 - rest) == 0;
}

static bool holds(const struct netprefix *a, const struct netprefix *b)
{
	return a->v6 == b->v6 && a->len <= b->len && same_bits(a->a, b->a, a->len);
}

static void clear_rest(struct netprefix *p)
{
	for (unsigned int bit = p->len; bit < 128; bit++)
		p->a[bit / 8] &= (uint8_t) ~(0x80U >> bit % 8);
}

/* "ADDRESS", "ADDRESS/LENGTH"; bits behind it are no matter, as in systemd. */
static int take_prefix(const char *word, struct netprefix *ret)
{
	char copy[NETPOOL_TEXT_MAX], *slash;
	uint32_t len, most;

	if (snprintf(copy, sizeof(copy), "%s", word) >= (int)sizeof(copy))
		return -1;
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	*ret = (struct netprefix){ .v6 = strchr(copy, ':') != NULL };
	if (inet_pton(ret->v6 ? AF_INET6 : AF_INET, copy, ret->a) != 1)
		return -1;
	len = most = ret->v6 ? 128 : 32;
	if (slash && (parse_u32(slash, &len) < 0 || len > most))
		return -1;
	ret->len = (uint8_t)len;
	clear_rest(ret);
	return 0;
}

/* In the order of their bits. */
static int before(const struct netprefix *a, const struct netprefix *b)
{
	if (a->v6 != b->v6)
		return b->v6;
	return memcmp(a->a, b->a, sizeof(a->a)) < 0;
}

static int add_prefix(const char *word, struct netprefix *list, size_t *n)
{
	struct netprefix p;
	size_t kept = 0, at = 0;

	if (take_prefix(word, &p) < 0)
		return -1;
	for (size_t i = 0; i < *n; i++)
		if (holds(&list[i], &p))
			return 0;
	for (size_t i = 0; i < *n; i++)
		if (!holds(&p, &list[i]))
			list[kept++] = list[i];
	*n = kept;
	if (*n == 2UL * NETRULES_MAX)
		return -1;
	while (at < *n && before(&list[at], &p))
		at++;
	memmove(list + at + 1, list + at, (*n - at) * sizeof(*list));
	list[at] = p;
	(*n)++;
	return 0;
}

int netrules_address(const char *word, struct netprefix *list, size_t *n)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(word, words[i].word))
			return add_prefix(words[i].v4, list, n) < 0
				       ? -1
				       : add_prefix(words[i].v6, list, n);
	return add_prefix(word, list, n);
}

static void put_prefix(const struct netprefix *p, FILE *out)
{
	char text[INET6_ADDRSTRLEN];

	(void)inet_ntop(p->v6 ? AF_INET6 : AF_INET, p->a, text, sizeof(text));
	fprintf(out, "%s/%u", text, p->len);
}

/* ---- ports -------------------------------------------------------------------------- */

/* One of its protocol, joined with those that it touches. */
static int add_range(
	bool udp, uint16_t first, uint16_t last, struct netports *list, size_t *n)
{
	size_t kept = 0, at = 0;

	for (size_t i = 0; i < *n; i++) {
		if (list[i].udp == udp && list[i].first <= last &&
			first <= list[i].last) {
			first = list[i].first < first ? list[i].first : first;
			last = list[i].last > last ? list[i].last : last;
		} else {
			list[kept++] = list[i];
		}
	}
	*n = kept;
	if (*n == 2UL * NETRULES_MAX)
		return -1;
	while (at < *n && (list[at].udp != udp ? udp : list[at].first < first))
		at++;
	memmove(list + at + 1, list + at, (*n - at) * sizeof(*list));
	list[at] = (struct netports){ udp, first, last };
	(*n)++;
	return 0;
}

static int take_range(char *text, uint16_t *first, uint16_t *last)
{
	char *dash = strchr(text, '-');
	uint32_t a, b;

	if (dash)
		*dash++ = '\0';
	if (parse_u32(text, &a) < 0 || parse_u32(dash ? dash : text, &b) < 0 || a == 0 ||
		a > b || b > UINT16_MAX)
		return -1;
	*first = (uint16_t)a;
	*last = (uint16_t)b;
	return 0;
}

int netrules_port(const char *word, struct netports *list, size_t *n)
{
	char copy[32], *slash;
	uint16_t first, last;
	bool tcp = true, udp = true;

	if (snprintf(copy, sizeof(copy), "%s", word) >= (int)sizeof(copy))
		return -1;
	slash = strchr(copy, '/');
	if (slash) {
		*slash++ = '\0';
		tcp = !strcmp(slash, "tcp");
		udp = !strcmp(slash, "udp");
	}
	if ((!tcp && !udp) || take_range(copy, &first, &last) < 0)
		return -1;
	if (tcp && add_range(false, first, last, list, n) < 0)
		return -1;
	return udp ? add_range(true, first, last, list, n) : 0;
}

/* ---- what is published -------------------------------------------------------------- */

/* "[2001:db8::1]:80", "192.0.2.1:80": what is behind the address; it is "" without one. */
static char *take_address(char *word, struct netpublish *ret)
{
	bool v6 = *word == '[';
	char *end = v6 ? strstr(word, "]:") : strchr(word, ':');

	if (!v6 && (!end || !memchr(word, '.', (size_t)(end - word))))
		return word;
	if (!end)
		return NULL;
	*end = '\0';
	ret->family = v6 ? AF_INET6 : AF_INET;
	if (inet_pton(ret->family, word + v6, ret->a) != 1)
		return NULL;
	return end + 1 + v6;
}

static int take_publish(const char *word, struct netpublish *ret)
{
	char copy[NETRULES_PUBLISH_TEXT], *ports, *inside, *slash;
	uint16_t last;

	*ret = (struct netpublish){ 0 };
	if (snprintf(copy, sizeof(copy), "%s", word) >= (int)sizeof(copy))
		return -1;
	slash = strchr(copy, '/');
	if (slash) {
		*slash++ = '\0';
		ret->udp = !strcmp(slash, "udp");
		if (!ret->udp && strcmp(slash, "tcp") != 0)
			return -1;
	}
	ports = take_address(copy, ret);
	if (!ports)
		return -1;
	inside = strchr(ports, ':');
	if (inside)
		*inside++ = '\0';
	if (take_range(ports, &ret->first, &ret->last) < 0)
		return -1;
	ret->to = ret->first;
	if (!inside)
		return 0;
	if (take_range(inside, &ret->to, &last) < 0)
		return -1;
	return last - ret->to == ret->last - ret->first ? 0 : -1;
}

bool netrules_clash(const struct netpublish *a, const struct netpublish *b)
{
	if (a->udp != b->udp || a->first > b->last || b->first > a->last)
		return false;
	return a->family == 0 || b->family == 0 ||
	       (a->family == b->family && !memcmp(a->a, b->a, sizeof(a->a)));
}

static bool publish_before(const struct netpublish *a, const struct netpublish *b)
{
	int by = memcmp(a->a, b->a, sizeof(a->a));

	if (a->family != b->family || by != 0)
		return a->family != b->family ? a->family < b->family : by < 0;
	return a->udp != b->udp ? b->udp : a->first < b->first;
}

int netrules_publish(const char *word, struct netpublish *list, size_t *n)
{
	struct netpublish p;
	size_t ports, at = 0;

	if (take_publish(word, &p) < 0)
		return -1;
	ports = p.last - p.first + 1UL;
	for (size_t i = 0; i < *n; i++) {
		ports += list[i].last - list[i].first + 1UL;
		if (netrules_clash(&list[i], &p))
			return 1;
	}
	if (*n == NETRULES_MAX || ports > NETRULES_PUBLISH)
		return -1;
	while (at < *n && publish_before(&list[at], &p))
		at++;
	memmove(list + at + 1, list + at, (*n - at) * sizeof(*list));
	list[at] = p;
	(*n)++;
	return 0;
}

static void put_range(uint16_t first, uint16_t last, char ret[16])
{
	(void)snprintf(ret, 16, first == last ? "%u" : "%u-%u", first, last);
}

void netrules_publish_text(const struct netpublish *p, char ret[NETRULES_PUBLISH_TEXT])
{
	char address[INET6_ADDRSTRLEN] = "", host[16], inside[16];
	bool v6 = p->family == AF_INET6, same = p->first == p->to;

	if (p->family)
		(void)inet_ntop(p->family, p->a, address, sizeof(address));
	put_range(p->first, p->last, host);
	put_range(p->to, (uint16_t)(p->to + (p->last - p->first)), inside);
	(void)snprintf(ret, NETRULES_PUBLISH_TEXT, "%s%s%s%s%s%s%s/%s", v6 ? "[" : "",
		address, v6 ? "]" : "", *address ? ":" : "", host, same ? "" : ":",
		same ? "" : inside, p->udp ? "udp" : "tcp");
}

/* "ADDRESS4", "ADDRESS4 ADDRESS6" */
static int take_at(const char *both, struct netrules *r)
{
	unsigned char ignored[16];
	char copy[2 * NETPOOL_TEXT_MAX], *six = copy, *four;

	if (snprintf(copy, sizeof(copy), "%s", both) >= (int)sizeof(copy))
		return -1;
	four = strsep(&six, " ");
	if (inet_pton(AF_INET, four, ignored) != 1 ||
		(six && inet_pton(AF_INET6, six, ignored) != 1))
		return -1;
	(void)snprintf(r->at4, sizeof(r->at4), "%s", four);
	(void)snprintf(r->at6, sizeof(r->at6), "%s", six ? six : "");
	return 0;
}

void netrules_take(struct netrules *r, const struct policy *p)
{
	for (size_t i = 0; i < p->ip_allow.n; i++)
		(void)netrules_address(p->ip_allow.v[i], r->allow, &r->n_allow);
	for (size_t i = 0; i < p->ip_deny.n; i++)
		(void)netrules_address(p->ip_deny.v[i], r->deny, &r->n_deny);
	for (size_t i = 0; i < p->restrict_ports.n; i++)
		(void)netrules_port(p->restrict_ports.v[i], r->ports, &r->n_ports);
	for (size_t i = 0; i < p->publish.n; i++)
		(void)netrules_publish(p->publish.v[i], r->publish, &r->n_publish);
}

/* ---- as text, and as elements ------------------------------------------------------- */

void netrules_print(const struct netrules *r, FILE *out)
{
	for (size_t i = 0; i < r->n_allow; i++) {
		fputs("allow ", out);
		put_prefix(&r->allow[i], out);
		fputc('\n', out);
	}
	for (size_t i = 0; i < r->n_deny; i++) {
		fputs("deny ", out);
		put_prefix(&r->deny[i], out);
		fputc('\n', out);
	}
	for (size_t i = 0; i < r->n_ports; i++)
		fprintf(out, "port %u-%u/%s\n", r->ports[i].first, r->ports[i].last,
			r->ports[i].udp ? "udp" : "tcp");
	for (size_t i = 0; i < r->n_publish; i++) {
		char text[NETRULES_PUBLISH_TEXT];

		netrules_publish_text(&r->publish[i], text);
		fprintf(out, "publish %s\n", text);
	}
	if (r->n_publish > 0)
		fprintf(out, "at %s%s%s\n", r->at4, *r->at6 ? " " : "", r->at6);
}

char *netrules_text(const struct netrules *r)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	netrules_print(r, out);
	return fclose(out) == 0 ? text : NULL;
}

int netrules_line(const char *line, struct netrules *r)
{
	if (!strncmp(line, "allow ", 6))
		return netrules_address(line + 6, r->allow, &r->n_allow);
	if (!strncmp(line, "deny ", 5))
		return netrules_address(line + 5, r->deny, &r->n_deny);
	if (!strncmp(line, "port ", 5))
		return netrules_port(line + 5, r->ports, &r->n_ports);
	if (!strncmp(line, "publish ", 8))
		return netrules_publish(line + 8, r->publish, &r->n_publish) == 0 ? 0
										  : -1;
	if (!strncmp(line, "at ", 3))
		return take_at(line + 3, r);
	return -1;
}

/* A command in the making: its set's elements, one after the other. */
struct elements {
	const char *verb, *set;
	FILE *out;
	bool begun;
};

static void element(struct elements *c)
{
	if (c->begun)
		fputs(", ", c->out);
	else
		fprintf(c->out, "%s element inet " NETPOOL_TABLE " %s { ", c->verb,
			c->set);
	c->begun = true;
}

static void end(const struct elements *c)
{
	if (c->begun)
		fputs(" }\n", c->out);
}

static void put_addresses(const struct netprefix *list, size_t n, bool v6,
	struct elements c, const char *link)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].v6 != v6)
			continue;
		element(&c);
		fprintf(c.out, "\"%s\" . ", link);
		put_prefix(&list[i], c.out);
	}
	end(&c);
}

static void put_ports(const struct netrules *r, struct elements c, const char *link)
{
	for (size_t i = 0; i < r->n_ports; i++) {
		element(&c);
		fprintf(c.out, "\"%s\" . %s . %u-%u", link,
			r->ports[i].udp ? "udp" : "tcp", r->ports[i].first,
			r->ports[i].last);
	}
	end(&c);
}

/* Those of that family, each port to @to. */
static void put_publish(
	const struct netrules *r, int family, struct elements c, const char *to)
{
	for (size_t i = 0; i < r->n_publish; i++) {
		const struct netpublish *p = &r->publish[i];
		char address[INET6_ADDRSTRLEN] = "";

		if (p->family != family)
			continue;
		if (family)
			(void)inet_ntop(family, p->a, address, sizeof(address));
		for (uint32_t port = p->first; port <= p->last; port++) {
			element(&c);
			fprintf(c.out, "%s%s%s . %u", address, *address ? " . " : "",
				p->udp ? "udp" : "tcp", port);
			if (!strcmp(c.verb, "add"))
				fprintf(c.out, " : %s . %u", to,
					p->to + (port - p->first));
		}
	}
	end(&c);
}

/* Without it nobody asks the other sets. */
static void put_ruled(
	const struct netrules *r, struct elements c, const char *link, const char *table)
{
	if (r->n_allow + r->n_deny + r->n_ports == 0 ||
		(table && !strstr(table, "\tset " NETPOOL_RULED " {")))
		return;
	element(&c);
	fprintf(c.out, "\"%s\"", link);
	end(&c);
}

void netrules_elements(const struct netrules *r, const char *verb, const char *link,
	const char *table, FILE *out)
{
#define COMMAND(set) ((struct elements){ verb, set, out, false })
	put_ruled(r, COMMAND(NETPOOL_RULED), link, table);
	put_addresses(r->allow, r->n_allow, false, COMMAND("allow4"), link);
	put_addresses(r->allow, r->n_allow, true, COMMAND("allow6"), link);
	put_addresses(r->deny, r->n_deny, false, COMMAND("deny4"), link);
	put_addresses(r->deny, r->n_deny, true, COMMAND("deny6"), link);
	put_ports(r, COMMAND("ports"), link);
	put_publish(r, 0, COMMAND("publish4"), r->at4);
	put_publish(r, AF_INET, COMMAND("publish_at4"), r->at4);
	if (!*r->at6)
		return;
	put_publish(r, 0, COMMAND("publish6"), r->at6);
	put_publish(r, AF_INET6, COMMAND("publish_at6"), r->at6);
#undef COMMAND
}
