/* SPDX-License-Identifier: BSD-3-Clause */
/* Which network a session has. */
#include "core/plan/planner.h"

#include <sched.h>

void plan_network(struct planner *b)
{
	const struct policy *policy = b->in->policy;
	struct plan_network *n = &b->p->network;

	n->kind = policy->network.kind;
	n->name = n->text = "";
	if (n->kind == NETWORK_HOST)
		return;
	b->p->namespaces |= CLONE_NEWNET;
	n->share = policy->network_share == NETWORK_OF_ACCOUNT;
	n->text = n->share ? "none" : "none:login";
	if (n->kind == NETWORK_NETNS) {
		n->name = planner_copy(b, policy->network.name);
		n->text = planner_text(b, "netns:%s", n->name);
		n->share = false;
	}
}
