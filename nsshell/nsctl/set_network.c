/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl set: what an account may reach, and where it is reached. */
#include "nsshell/nsctl/set.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/plan/netrules.h"
#include "core/run/host/netfacts.h"
#include "core/run/host/program.h"
#include "core/run/session/account_sessions.h"
#include "core/run/session/record.h"

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

/* @several: each its own network, of which one has a port that is to be published. */
static int tell(uint32_t number, const struct netrules *r, bool several, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist words = { 0 };
	_cleanup_free_ char *rules = netrules_text(r);
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", number);
	if (!rules || strlist_add(&words, PATH_NET) < 0 ||
		strlist_add(&words, "set") < 0 || strlist_add(&words, text) < 0 ||
		(several && strlist_add(&words, NETRULES_GO_ON) < 0) ||
		strlist_add_lines(&words, rules) < 0)
		return err_set(e, ENOMEM, "set rules of the account's network");
	return program_run(&words, NULL, 0, "nsshell-net didn't answer", e);
}

static bool has(const uint32_t *list, size_t n, uint32_t number)
{
	while (n > 0)
		if (list[--n] == number)
			return true;
	return false;
}

/* Of the networks that its sessions have, the oldest first; *ret is freed by the caller. */
static int find_numbers(int account_lock, uint32_t **ret, size_t *ret_n, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	_cleanup_free_ uint32_t *list = NULL;
	size_t n, found = 0;

	if (account_sessions_ids(account_lock, &ids, &n, e) < 0)
		return -1;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return err_set(e, ENOMEM, "look for the account's networks");
	for (size_t i = 0; i < n; i++) {
		struct record r;
		int gone = record_read_live(ids[i], &r, e);

		if (gone < 0)
			return -1;
		if (gone == 0 && !strncmp(r.network, "private", 7) &&
			!has(list, found, r.number))
			list[found++] = r.number;
	}
	*ret = list;
	*ret_n = found;
	list = NULL;
	return 0;
}

int nsctl_set_network(
	const struct account *a, const struct policy *p, int account_lock, struct err *e)
{
	static struct netrules rules;
	_cleanup_free_ uint32_t *numbers = NULL;
	struct err next, *at = e;
	struct netpool pool;
	const char *why;
	size_t n = 0, told = 0;

	if (p->network.kind != NETWORK_PRIVATE)
		return 0;
	if (netpool_parse(p->pool, &pool, &why) < 0)
		return err_set(e, 0, "Pool=%s: %s", p->pool, why);
	if (find_numbers(account_lock, &numbers, &n, e) < 0)
		return -1;
	if (n == 0)
		return err_set(e, 0, "%s has no session with Network=private", a->name);
	/* One that is just going, say, keeps the rules from none of the others. */
	for (size_t i = 0; i < n; i++) {
		take(&rules, p, &pool, numbers[i]);
		if (tell(numbers[i], &rules, n > 1, at) == 0)
			told++;
		else
			at = &next;
	}
	return told == n ? 0
			 : err_wrap(e, "%zu of %zu networks of %s have it", told, n,
				   a->name);
}
