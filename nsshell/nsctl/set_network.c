/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl set: what an account may reach, and where it is reached. */
#include "nsshell/nsctl/set.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/plan/netrules.h"
#include "core/run/host/netfacts.h"
#include "core/run/network/number.h"
#include "core/run/host/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const nsctl_set_network_keys[] = { "IPAddressAllow", "IPAddressDeny",
	"RestrictPorts", "Publish", NULL };

bool nsctl_set_is_network(const char *assignment)
{
	size_t len = strcspn(assignment, "=");

	for (const char *const *k = nsctl_set_network_keys; *k; k++)
		if (assignment[len] && strlen(*k) == len && !strncmp(*k, assignment, len))
			return true;
	return false;
}

static void take(struct netrules *r, const struct policy *p, const struct netpool *pool,
	uint32_t number)
{
	*r = (struct netrules){ .n_allow = 0 };
	netrules_take(r, p);
	netpool_v4(pool, number, r->at4);
	if (netfacts_ipv6())
		netpool_v6(pool, number, r->at6);
}

bool nsctl_set_network_same(const struct policy *a, const struct policy *b)
{
	static struct netrules one, other;
	_cleanup_free_ char *x = NULL, *y = NULL;

	one = other = (struct netrules){ .n_allow = 0 };
	netrules_take(&one, a);
	netrules_take(&other, b);
	x = netrules_text(&one);
	y = netrules_text(&other);
	return x && y && strcmp(x, y) == 0;
}

static int tell(uint32_t number, const struct netrules *r, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist words = { 0 };
	_cleanup_free_ char *rules = netrules_text(r);
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", number);
	if (!rules || strlist_add(&words, PATH_NET) < 0 ||
		strlist_add(&words, "set") < 0 || strlist_add(&words, text) < 0 ||
		strlist_add_lines(&words, rules) < 0)
		return err_set(e, ENOMEM, "set rules of the account's network");
	return program_run(&words, NULL, 0, "nsshell-net didn't answer", e);
}

int nsctl_set_network(const struct account *a, const struct policy *p, struct err *e)
{
	static struct netrules rules;
	struct netpool pool;
	uint32_t number;
	const char *why;

	if (p->network.kind != NETWORK_PRIVATE)
		return 0;
	if (netpool_parse(p->pool, &pool, &why) < 0)
		return err_set(e, 0, "Pool=%s: %s", p->pool, why);
	if (number_find(a, p, false, &number, e) < 0)
		return -1;
	if (number == 0)
		return err_set(e, 0,
			"%s has no address: its sessions have another network", a->name);
	take(&rules, p, &pool, number);
	return tell(number, &rules, e);
}
