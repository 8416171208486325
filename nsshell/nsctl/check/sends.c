/* SPDX-License-Identifier: BSD-3-Clause */
/* Host commands that send what they are given, for boxes whose network isn't the host's. */
#include "nsshell/nsctl/check/check_internal.h"

#include <unistd.h>

bool check_is_sending(const struct check_account *a)
{
	const struct command_list *l = &a->policy->commands;

	if (a->policy->network.kind == NETWORK_HOST)
		return false;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].sends && !l->v[i].why && access(l->v[i].program, X_OK) == 0)
			return true;
	return false;
}

void check_sending(const struct strlist *accounts, struct findings *f)
{
	char names[256];

	if (accounts->n == 0)
		return;
	check_names(accounts, names, sizeof(names));
	findings_add(f, FINDING_NOTE, names,
		"take such a command away where that is more than they are to have: HostCommands=none and "
		"those that they need in their section; Sends= in nsshell-commands(5)",
		"%zu account%s whose Network= isn't the host's ha%s a host command that sends what it is given, as "
		"mail, by the host's network",
		accounts->n, accounts->n == 1 ? "" : "s", accounts->n == 1 ? "s" : "ve");
}
