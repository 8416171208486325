/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an account with Network=private may reach, and where it is reached: IPAddressAllow=,
 * IPAddressDeny=, RestrictPorts=, Publish=, as plain data and as elements of the table's sets and maps
 * (netpool.h). Pure. As text it is a line each, "allow 10.0.0.0/8", "deny fd00::/8", "port 25-25/tcp",
 * "publish 80:8000/tcp", "at 100.64.0.5 fd6e:7373::5", in one order and without what another
 * line holds.
 */
#pragma once

#include "core/plan/netpool.h"
#include "core/plan/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NETRULES_MAX      64 /* of each kind */
#define NETRULES_LINE_MAX 96 /* with the 0 */
#define NETRULES_TEXT_MAX (5 * NETRULES_MAX * NETRULES_LINE_MAX)
#define NETRULES_PUBLISH  1024 /* ports, all together */
#define NETRULES_GO_ON                                                                   \
	"go-on" /* among lines for nsshell-net: without ports that are taken */

struct netprefix {
	bool v6;
	uint8_t len;
	uint8_t a[16]; /* the first 4 for IPv4 */
};

struct netports {
	bool udp; /* else TCP */
	uint16_t first, last;
};

/* Ports of the host's that lead inside. */
struct netpublish {
	int family; /* AF_INET, AF_INET6: at that address of the host's; 0: at all of them */
	uint8_t a[16];
	bool udp; /* else TCP */
	uint16_t first, last;
	uint16_t to; /* the first one inside */
};

struct netrules {
	struct netprefix allow[2 * NETRULES_MAX], deny[2 * NETRULES_MAX];
	struct netports ports[2 * NETRULES_MAX];
	struct netpublish publish[NETRULES_MAX];
	size_t n_allow, n_deny, n_ports, n_publish;
	/* Where what is published leads to; "" where nothing is, or without IPv6. */
	char at4[NETPOOL_TEXT_MAX], at6[NETPOOL_TEXT_MAX];
};

/**
 * netrules_address() - Add a word of IPAddressAllow= or IPAddressDeny=
 * @word:	ADDRESS[/LENGTH], or any, localhost, link-local, multicast, as systemd has them
 * @list:	room for 2 * NETRULES_MAX
 *
 * What the list holds already is left out, what the word holds goes. Return: 0 or -1.
 */
int netrules_address(const char *word, struct netprefix *list, size_t *n);

/* The same of RestrictPorts=: PORT[-PORT][/tcp|/udp]. */
int netrules_port(const char *word, struct netports *list, size_t *n);

/**
 * netrules_publish() - Add a word of Publish=: [ADDRESS:]PORT[-PORT][:PORT[-PORT]][/tcp|/udp]
 * @word:	an ADDRESS of IPv6 is in brackets
 * @list:	room for NETRULES_MAX
 *
 * Return: 0; 1 where the list has such a port already; -1 for any other form, or for too many.
 */
int netrules_publish(const char *word, struct netpublish *list, size_t *n);

/* Whether a packet could be for both. */
bool netrules_clash(const struct netpublish *a, const struct netpublish *b);

/* Room for the text of one, as netrules_publish() takes it. */
#define NETRULES_PUBLISH_TEXT 96
void netrules_publish_text(const struct netpublish *p, char ret[NETRULES_PUBLISH_TEXT]);

/* Add what the config has: words that it looked at. */
void netrules_take(struct netrules *r, const struct policy *p);

/* Add a line of the text. Return: 0 or -1. */
int netrules_line(const char *line, struct netrules *r);

void netrules_print(const struct netrules *r, FILE *out);

/* The same as a string, to be freed; NULL without memory. */
char *netrules_text(const struct netrules *r);

/**
 * netrules_elements() - Commands of nft(8) that add or delete an account's elements, one a set
 * @verb:	"add" or "delete"
 * @link:	of the host's, NETPOOL_LINK and a number
 * @table:	what the table was made of: one of an earlier version has no set NETPOOL_RULED; NULL: any
 */
void netrules_elements(const struct netrules *r, const char *verb, const char *link,
	const char *table, FILE *out);
