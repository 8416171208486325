/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/policy.h"

#include <stdlib.h>
#include <string.h>

void policy_clear(struct policy *p)
{
	strlist_clear(&p->services);
	strlist_clear(&p->bind_paths);
	strlist_clear(&p->bind_ro_paths);
	strlist_clear(&p->inaccessible_paths);
	strlist_clear(&p->devices);
	strlist_clear(&p->sockets);
	free(p->hostname);
	free(p->image);
	free(p->shell);
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
