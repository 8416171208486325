/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/policy.h"

#include <stdlib.h>
#include <string.h>

void policy_limits_init(struct policy_limits *l)
{
	const struct policy_amount none = { .n = PARSE_INFINITY };

	*l = (struct policy_limits){ .memory_max = none,
		.memory_high = none,
		.swap_max = none,
		.tasks_max = none };
}

void policy_limits_clear(struct policy_limits *l)
{
	free(l->cpus);
	for (size_t i = 0; i < POLICY_IO_KINDS; i++)
		strlist_clear(&l->io[i]);
	policy_limits_init(l);
}

void policy_clear(struct policy *p)
{
	strlist_clear(&p->services);
	strlist_clear(&p->bind_paths);
	strlist_clear(&p->bind_ro_paths);
	strlist_clear(&p->inaccessible_paths);
	strlist_clear(&p->devices);
	strlist_clear(&p->sockets);
	strlist_clear(&p->filter);
	strlist_clear(&p->families);
	free(p->hostname);
	free(p->image);
	free(p->shell);
	free(p->slice);
	policy_limits_clear(&p->limits);
	policy_limits_clear(&p->slice_limits);
	*p = (struct policy){ 0 };
}

bool policy_is_exempt(const struct account *account)
{
	if (account->uid == 0)
		return true;
	for (size_t i = 0; i < account->n_groups; i++) {
		const char *name = account->group_names ? account->group_names[i] : NULL;

		if (name && !strcmp(name, POLICY_BREAK_GLASS_GROUP))
			return true;
	}
	return false;
}
