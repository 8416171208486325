/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/plan.h"

/* Whose root may make namespaces gives users of containers there ids by newuidmap(1): those that a box itself leaves. */
static uint32_t ids_of(const struct policy *p, const struct id_range *ranges, size_t n)
{
	return p->root && p->allow_user_namespaces ? idmap_ids_of(ranges, n) : IDMAP_IDS;
}

int plan_maps(const struct plan_input *in, const struct plan *p, struct idmap *uids,
	struct idmap *gids, struct err *e)
{
	uint32_t n_uids = ids_of(in->policy, in->uid_ranges, in->n_uid_ranges),
		 n_gids = ids_of(in->policy, in->gid_ranges, in->n_gid_ranges);

	if (idmap_make(n_uids, &p->uid, 1, in->uid_ranges, in->n_uid_ranges, "uid", uids,
		    e) < 0)
		return -1;
	return idmap_make(n_gids, p->groups, p->n_groups, in->gid_ranges,
		in->n_gid_ranges, "gid", gids, e);
}
