/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/network.h"

#include "core/base/cleanup.h"
#include "core/run/family.h"
#include "core/run/netns.h"
#include "helpers/sibling.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>

int network_reserve(const struct plan *plan, struct err *e)
{
	return plan->network.kind != NETWORK_HOST ? sibling_reserve(SIBLING_NET_FD, e)
						  : 0;
}

/* Of one of the account's sessions. Return: 1 with @ret; 0 when it has no such one; -1 with @e. */
static int ask_sibling(const struct session *s, const char *id, int *ret, struct err *e)
{
	struct record r;
	int found;

	/* One that says nothing to us, or has another network, shares none. */
	found = record_read_live(id, &r, e);
	if (found != 0)
		return found < 0 ? -1 : 0;
	if (r.uid != s->plan->uid || r.ns.net == 0 ||
		strcmp(r.network, s->plan->network.text) != 0)
		return 0;
	found = sibling_take(&r, SIBLING_NET_FD, CLONE_NEWNET, r.ns.net, ret);
	if (found < 0)
		return err_set(e, errno, "share the network of session %s of %s", r.id,
			s->plan->user);
	return found == 1;
}

static int find_shared(const struct session *s, int family, int *ret, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	int found = 0;
	size_t n;

	if (family_ids(family, &ids, &n, e) < 0)
		return -1;
	while (found == 0 && n-- > 0)
		if (strcmp(ids[n], s->plan->id) != 0)
			found = ask_sibling(s, ids[n], ret, e);
	return found;
}

static int find_or_make(const struct session *s, int family, int *ret, struct err *e)
{
	const struct plan_network *n = &s->plan->network;
	int found;

	if (n->kind == NETWORK_NETNS)
		return netns_open(s->proc, n->name, ret, e);
	found = n->share ? find_shared(s, family, ret, e) : 0;
	if (found != 0)
		return found < 0 ? -1 : 0;
	return netns_create(s->proc, ret, e);
}

int network_take(struct session *s, int family, struct err *e)
{
	_cleanup_close_ int ns = -EBADF;

	if (s->plan->network.kind == NETWORK_HOST)
		return 0;
	if (find_or_make(s, family, &ns, e) < 0 ||
		netns_inode(ns, &s->record.ns.net, e) < 0)
		return -1;
	if (dup3(ns, s->net, O_CLOEXEC) < 0)
		return err_set(e, errno, "hold the session's network");
	(void)snprintf(s->record.network, sizeof(s->record.network), "%s",
		s->plan->network.text);
	return 0;
}
