/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Network=private as plain data: Pool= of [Network], the addresses that an account's number has in it,
 * and the one nftables table that all such networks have. Pure; nsshell-net makes the same of the
 * same words, so that no text of anybody's is in a rule.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define NETPOOL_LACKS   "this kernel lacks " /* begins what nsshell-net says of one */
#define NETPOOL_DEFAULT "100.64.0.0/16 fd6e:7373::/48"

/* The host's end of an account's link is this and its number; inside it is eth0. */
#define NETPOOL_LINK   "nssh"
#define NETPOOL_INSIDE "eth0"
/* Where a network's way out begins: no address of the host's, and the same in each. */
#define NETPOOL_GATEWAY4 "169.254.1.1"
#define NETPOOL_GATEWAY6 "fe80::1"
#define NETPOOL_TABLE    "nsshell"    /* of nftables, family inet */
#define NETPOOL_RULED    "with_rules" /* its set of links that have one of their own */

/*
 * The wall behind the table. Without its mark no packet to an address of the pool has a way, nor one
 * from there: so while the table is gone, nothing is open. What the host itself sends there is routed
 * to its loopback first, and anew once the table has marked it.
 */
#define NETPOOL_MARK       0x6e000000U
#define NETPOOL_MASK       0x7f000000U
#define NETPOOL_ROUTES     28275 /* routing table: an account's addresses, by its link */
#define NETPOOL_ROUTES_OUT 28276 /* the pool, by the loopback */
#define NETPOOL_RULES      11000 /* priority of the first of five rules */

/* Connections of one network at once: it mustn't fill the kernel's table for all. */
#define NETPOOL_CONNECTIONS                                                              \
	"4096" /* unless ConnectionsMax= of [Network] says otherwise */

struct netpool {
	uint32_t v4; /* the host's byte order */
	unsigned int v4_len;
	uint8_t v6[16];
	unsigned int v6_len;  /* 0: none */
	uint32_t connections; /* of each network at once; not of the prefixes' text */
};

#define NETPOOL_TEXT_MAX 64 /* of an address or a prefix, with the 0 */

/**
 * netpool_parse() - Take Pool= of [Network]: a prefix of IPv4, and perhaps one of IPv6
 * @why:	what is wrong with it
 *
 * Return: 0, or -1 with *why.
 */
int netpool_parse(const char *words, struct netpool *ret, const char **why);

#define NETPOOL_NUMBERS (1U << 20) /* more than any pool has */

/* The largest number of an account; they begin at 1. */
uint32_t netpool_max(const struct netpool *p);

/* Whose an address in the network's byte order is, of 4 bytes or of 16. Return: the number; 0: nobody's in that pool. */
uint32_t netpool_number4(const struct netpool *p, const uint8_t *address);
uint32_t netpool_number6(const struct netpool *p, const uint8_t *address);

/* Addresses of a number in the network's byte order, 4 bytes or 16; of IPv6 where the pool has it. */
void netpool_bytes4(const struct netpool *p, uint32_t number, uint8_t *ret);
void netpool_bytes6(const struct netpool *p, uint32_t number, uint8_t *ret);

/* Addresses of a number, and prefixes, as text. "" for IPv6 that there isn't. */
void netpool_v4(const struct netpool *p, uint32_t number, char ret[NETPOOL_TEXT_MAX]);
void netpool_v6(const struct netpool *p, uint32_t number, char ret[NETPOOL_TEXT_MAX]);
void netpool_v4_prefix(const struct netpool *p, char ret[NETPOOL_TEXT_MAX]);
void netpool_v6_prefix(const struct netpool *p, char ret[NETPOOL_TEXT_MAX]);

/**
 * netpool_table() - The table, as nft(8) takes it
 * @resolver:	127.0.0.0/8 or 169.254.0.0/16: one of the host's alone, which the gateway's port 53 leads to; 0: none
 */
void netpool_table(const struct netpool *p, uint32_t resolver, FILE *out);

/* An IPv4 address in text, in the host's byte order. Return: 0 or -1. */
int netpool_address4(const char *text, uint32_t *ret);
