/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/families.h"

#include <string.h>
#include <sys/socket.h>

#ifndef AF_MCTP
#define AF_MCTP 45 /* Linux 5.15 */
#endif

#define FAMILY(name)                                                                     \
	{                                                                                \
#name, name                                                              \
	}
static const struct {
	const char *name;
	int number;
} families[] = {
	FAMILY(AF_UNIX),
	FAMILY(AF_INET),
	FAMILY(AF_AX25),
	FAMILY(AF_IPX),
	FAMILY(AF_APPLETALK),
	FAMILY(AF_X25),
	FAMILY(AF_INET6),
	FAMILY(AF_KEY),
	FAMILY(AF_NETLINK),
	FAMILY(AF_PACKET),
	FAMILY(AF_RDS),
	FAMILY(AF_PPPOX),
	FAMILY(AF_LLC),
	FAMILY(AF_IB),
	FAMILY(AF_MPLS),
	FAMILY(AF_CAN),
	FAMILY(AF_TIPC),
	FAMILY(AF_BLUETOOTH),
	FAMILY(AF_RXRPC),
	FAMILY(AF_PHONET),
	FAMILY(AF_ALG),
	FAMILY(AF_NFC),
	FAMILY(AF_VSOCK),
	FAMILY(AF_KCM),
	FAMILY(AF_QIPCRTR),
	FAMILY(AF_SMC),
	FAMILY(AF_XDP),
	FAMILY(AF_MCTP),
	{ "AF_LOCAL", AF_UNIX },
};
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/*
 * What programs of a login talk by. Not AF_PACKET, which takes a right that no box has; not AF_ALG,
 * whose ciphers programs have in libraries, and whose bugs gave root more than once; not AF_VSOCK,
 * which reaches past the network to whoever runs this machine as a guest.
 */
#define DEFAULT                                                                          \
	(1ULL << AF_UNIX | 1ULL << AF_INET | 1ULL << AF_INET6 | 1ULL << AF_NETLINK)

int family_number(const char *name)
{
	for (size_t i = 0; i < COUNT(families); i++)
		if (strcmp(families[i].name, name) == 0)
			return families[i].number;
	return -1;
}

const char *family_name(int number)
{
	for (size_t i = 0; i < COUNT(families); i++)
		if (families[i].number == number)
			return families[i].name;
	return NULL;
}

static void hear(struct families *f, const char *word)
{
	bool refuse = word[0] == '~';
	int number = family_number(word + refuse);

	if (strcmp(word, "no") == 0)
		*f = (struct families){ UINT64_MAX, true };
	else if (strcmp(word, "none") == 0)
		*f = (struct families){ 0, false };
	else if (strcmp(word, "default") == 0)
		*f = (struct families){ DEFAULT, false };
	else if (number >= 0 && refuse)
		f->allowed &= ~(1ULL << number);
	else if (number >= 0)
		f->allowed |= 1ULL << number;
}

struct families families_of(const struct strlist *words)
{
	struct families f = { UINT64_MAX, true };

	for (size_t i = 0; i < words->n; i++)
		hear(&f, words->v[i]);
	return f;
}

bool families_are_all(const struct families *f)
{
	return f->others && f->allowed == UINT64_MAX;
}

bool families_refuse(const struct strlist *words, const struct strlist *calls)
{
	struct families f = families_of(words);
	bool unset = words->n == 1 && strcmp(words->v[0], "default") == 0;

	return !families_are_all(&f) &&
	       !(unset && calls->n > 0 && strcmp(calls->v[0], "no") == 0);
}
