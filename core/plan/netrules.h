/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an account with Network=private may reach: IPAddressAllow=, IPAddressDeny=, RestrictPorts=, as
 * plain data and as elements of the table's sets (netpool.h). Pure. As text it is a line each, "allow
 * 10.0.0.0/8", "deny fd00::/8", "port 25-25/tcp", in one order and without what another line holds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NETRULES_MAX      64 /* of each kind */
#define NETRULES_LINE_MAX 96 /* with the 0 */
#define NETRULES_TEXT_MAX (4 * NETRULES_MAX * NETRULES_LINE_MAX)

struct netprefix {
	bool v6;
	uint8_t len;
	uint8_t a[16]; /* the first 4 for IPv4 */
};

struct netports {
	bool udp; /* else TCP */
	uint16_t first, last;
};

struct netrules {
	struct netprefix allow[2 * NETRULES_MAX], deny[2 * NETRULES_MAX];
	struct netports ports[2 * NETRULES_MAX];
	size_t n_allow, n_deny, n_ports;
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

/* Add a line of the text. Return: 0 or -1. */
int netrules_line(const char *line, struct netrules *r);

void netrules_print(const struct netrules *r, FILE *out);

/**
 * netrules_elements() - Commands of nft(8) that add or delete an account's elements
 * @verb:	"add" or "delete"
 * @link:	of the host's, NETPOOL_LINK and a number
 */
void netrules_elements(
	const struct netrules *r, const char *verb, const char *link, FILE *out);
