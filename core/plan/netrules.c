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
}

int netrules_line(const char *line, struct netrules *r)
{
	if (!strncmp(line, "allow ", 6))
		return netrules_address(line + 6, r->allow, &r->n_allow);
	if (!strncmp(line, "deny ", 5))
		return netrules_address(line + 5, r->deny, &r->n_deny);
	if (!strncmp(line, "port ", 5))
		return netrules_port(line + 5, r->ports, &r->n_ports);
	return -1;
}

static void put_addresses(const struct netprefix *list, size_t n, const char *verb,
	const char *set, const char *link, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%s element inet " NETPOOL_TABLE " %s%d { \"%s\" . ", verb,
			set, list[i].v6 ? 6 : 4, link);
		put_prefix(&list[i], out);
		fputs(" }\n", out);
	}
}

void netrules_elements(
	const struct netrules *r, const char *verb, const char *link, FILE *out)
{
	put_addresses(r->allow, r->n_allow, verb, "allow", link, out);
	put_addresses(r->deny, r->n_deny, verb, "deny", link, out);
	for (size_t i = 0; i < r->n_ports; i++)
		fprintf(out,
			"%s element inet " NETPOOL_TABLE
			" ports { \"%s\" . %s . %u-%u }\n",
			verb, link, r->ports[i].udp ? "udp" : "tcp", r->ports[i].first,
			r->ports[i].last);
}
