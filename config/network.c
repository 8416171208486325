/* SPDX-License-Identifier: BSD-3-Clause */
/* Network=user:NAME: another account's network, where what the config says of both allows it. */
#include "config/internal.h"
#include "core/base/cleanup.h"

#include <stdlib.h>

static int look_up(const char *name, struct account *ret, struct err *e)
{
	return config_reach.account ? config_reach.account(name, ret, e)
				    : account_read(name, ret, e);
}

static const char *what_is_wrong(const struct account *a, const struct policy *theirs)
{
	if (!theirs->isolate)
		return "isn't isolated, and has the host's network: write Network=host";
	if (!strlist_has(&theirs->network_users, a->name))
		return "doesn't allow it: name the account in its NetworkAllowUsers=";
	if (theirs->network.kind != NETWORK_NONE &&
		theirs->network.kind != NETWORK_PRIVATE)
		return "has no network of its own: only Network=none and private can be shared";
	if (theirs->network_share != NETWORK_OF_ACCOUNT)
		return "has a network for each login (NetworkShare=login), and none to share";
	return NULL;
}

static int find_owner(const struct config *c, const struct account *a,
	struct policy_network *n, struct err *e)
{
	_cleanup_(account_clear) struct account owner = { 0 };
	_cleanup_(policy_clear) struct policy theirs = { 0 };
	int r = look_up(n->name, &owner, e);
	const char *wrong;

	if (r > 0)
		return err_set(
			e, 0, "Network=user:%s: there is no such account", n->name);
	if (r < 0 || config_policy_merged(c, &owner, &theirs, e) < 0)
		return err_wrap(e, "Network=user:%s", n->name);
	wrong = what_is_wrong(a, &theirs);
	if (wrong)
		return err_set(e, 0, "Network=user:%s: %s %s", n->name, n->name, wrong);
	n->uid = owner.uid;
	n->of = theirs.network.kind;
	return 0;
}

/* One who may, and isn't there, is no hindrance. */
static int find_guests(struct policy *p, struct err *e)
{
	const struct strlist *names = &p->network_users;

	p->guests = calloc(names->n + 1, sizeof(*p->guests));
	if (!p->guests)
		return config_no_memory(e);
	for (size_t i = 0; i < names->n; i++) {
		_cleanup_(account_clear) struct account guest = { 0 };
		int r = look_up(names->v[i], &guest, e);

		if (r < 0)
			return err_wrap(e, "NetworkAllowUsers=%s", names->v[i]);
		if (r == 0)
			p->guests[p->n_guests++] = guest.uid;
	}
	return 0;
}

int config_network_peers(
	const struct config *c, const struct account *a, struct policy *p, struct err *e)
{
	if (!p->isolate)
		return 0;
	if (p->network.kind == NETWORK_USER)
		return find_owner(c, a, &p->network, e);
	return p->network_users.n > 0 ? find_guests(p, e) : 0;
}
