/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/policy.h"

#include "core/plan/limits.h"

#include <stdlib.h>
#include <string.h>

void policy_limits_init(struct policy_limits *l)
{
	*l = (struct policy_limits){ 0 };
	for (size_t i = 0; i < LIMITS; i++) {
		struct policy_amount *amount = (void *)((char *)l + limits[i].offset);

		if (limit_is_amount(&limits[i]))
			amount->n = PARSE_INFINITY;
	}
}

void policy_limits_clear(struct policy_limits *l)
{
	free(l->cpus);
	for (size_t i = 0; i < POLICY_IO_KINDS; i++)
		strlist_clear(&l->io[i]);
	policy_limits_init(l);
}

bool policy_has_address(const struct policy *p)
{
	return p->network.kind == NETWORK_PRIVATE ||
	       (p->network.kind == NETWORK_USER && p->network.of == NETWORK_PRIVATE);
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

void policy_clear(struct policy *p)
{
	strlist_clear(&p->services);
	strlist_clear(&p->bind_paths);
	strlist_clear(&p->bind_ro_paths);
	strlist_clear(&p->volumes);
	strlist_clear(&p->inaccessible_paths);
	strlist_clear(&p->devices);
	strlist_clear(&p->sockets);
	strlist_clear(&p->filter);
	strlist_clear(&p->families);
	strlist_clear(&p->environment);
	strlist_clear(&p->rootfs_allow);
	strlist_clear(&p->host_commands);
	arena_clear(&p->commands.arena);
	free(p->hostname);
	free(p->image);
	free(p->shell);
	free(p->slice);
	free(p->network.name);
	strlist_clear(&p->network_users);
	free(p->guests);
	free(p->pool);
	strlist_clear(&p->dns);
	strlist_clear(&p->ip_allow);
	strlist_clear(&p->ip_deny);
	strlist_clear(&p->restrict_ports);
	strlist_clear(&p->publish);
	policy_limits_clear(&p->limits);
	policy_limits_clear(&p->slice_limits);
	*p = (struct policy){ 0 };
}
