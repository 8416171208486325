/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host/host_facts.h"

int host_account(const struct account *account, const struct policy *policy,
	struct host *h, struct err *e)
{
	return host_paths(account, policy, h, e) < 0 || host_image(policy, h, e) < 0 ? -1
										     : 0;
}

void host_clear(struct host *h)
{
	strlist_clear(&h->controllers);
	strlist_clear(&h->lacking);
	strlist_clear(&h->guarded);
	image_clear(&h->found);
	arena_clear(&h->arena);
	*h = (struct host){ 0 };
}
