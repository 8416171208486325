/* SPDX-License-Identifier: BSD-3-Clause */
/* Ids, paths of the config, and homes, that a login couldn't have. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"
#include "core/run/host/host_facts.h"
#include "core/run/mount/look.h"

#include <string.h>
#include <unistd.h>

/* Many accounts differ in their homes only: nobody wants to wait for all of a university. */
#define ACCOUNTS_MAX 1000

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

void doctor_paths(
	const struct doctor_account *a, struct strlist *told, struct findings *f)
{
	_cleanup_(host_clear) struct host host = { 0 };
	struct plan *plan = NULL;
	struct err e;
	char whom[64];

	/* Who isn't root can't look as the account. */
	if (geteuid() != 0 || told->n > ACCOUNTS_MAX)
		return;
	(void)snprintf(whom, sizeof(whom), "%.60s", a->account->name);
	if (host_gather(a->account, a->policy, &host, &e) < 0) {
		if (resolve_failed(e.num))
			findings_add(f, FINDING_ERROR, whom,
				"mend or unmount it: isolated logins are refused meanwhile",
				"%s", e.msg);
		else
			f->no_memory = true;
		return;
	}
	if (plan_account_check(&host.facts, a->account, a->policy, &plan, &e) == 0) {
		tell_notes(plan, whom, told, f);
		plan_free(plan);
	} else if (!strlist_has(told, e.msg) && strlist_add(told, e.msg) == 0) {
		findings_add(f, FINDING_ERROR, whom,
			"mend it: isolated logins are refused; nsshell.conf(5)", "%s",
			e.msg);
	}
}
