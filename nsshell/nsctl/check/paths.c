/* SPDX-License-Identifier: BSD-3-Clause */
/* Ids, paths of the config, and homes, that a login couldn't have. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"
#include "core/run/host/host_facts.h"
#include "core/run/mount/look.h"
#include "core/run/network/netns.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Many accounts differ in their homes only: nobody wants to wait for all of a university. */
#define ACCOUNTS_MAX 1000

#define MEND         "mend it: isolated logins are refused; nsshell.conf(5)"

static void tell_notes(const struct plan *plan, const char *whom, struct strlist *told,
	struct findings *f)
{
	for (size_t i = 0; i < plan->n_notes; i++)
		if (!strlist_has(told, plan->notes[i]) &&
			strlist_add(told, plan->notes[i]) == 0)
			findings_add(f, FINDING_NOTE, whom,
				strncmp(plan->notes[i], "HostCommands=", 13) == 0
					? "nothing, if that is meant; see nsshell-commands(5)"
					: "nothing, if that is meant; see nsshell.conf(5), Paths",
				"%s", plan->notes[i]);
}

/* Once, of all accounts that have it. */
static void tell_wrong(const char *whom, const char *todo, const struct err *e,
	struct strlist *told, struct findings *f)
{
	if (!strlist_has(told, e->msg) && strlist_add(told, e->msg) == 0)
		findings_failed(f, whom, todo, e);
}

/* The admin makes it, at each boot. */
static void look_at_network(const struct check_account *a, const char *whom,
	struct strlist *told, struct findings *f)
{
	_cleanup_close_ int proc = -EBADF, ns = -EBADF;
	struct err e;

	if (a->policy->network.kind != NETWORK_NETNS)
		return;
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (netns_open(proc, a->policy->network.name, &ns, &e) < 0)
		tell_wrong(whom, MEND, &e, told, f);
}

void check_paths(const struct check_account *a, struct strlist *told, struct findings *f)
{
	_cleanup_(host_clear) struct host host = { 0 };
	struct plan *plan = NULL;
	struct err e;
	char whom[64];

	/* Who isn't root can't look as the account. */
	if (geteuid() != 0 || told->n > ACCOUNTS_MAX)
		return;
	(void)snprintf(whom, sizeof(whom), "%.60s", a->account->name);
	look_at_network(a, whom, told, f);
	if (host_gather(a->account, a->policy, &host, &e) < 0) {
		tell_wrong(whom,
			resolve_failed(e.num)
				? "mend or unmount it: isolated logins are refused meanwhile"
				: MEND,
			&e, told, f);
		return;
	}
	if (plan_account_check(&host.facts, a->account, a->policy, &plan, &e) < 0) {
		tell_wrong(whom, MEND, &e, told, f);
		return;
	}
	tell_notes(plan, whom, told, f);
	plan_free(plan);
}
