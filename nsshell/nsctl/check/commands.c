/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries of HostCommands= that can't be used, whether somebody has them or not. */
#include "nsshell/nsctl/check/check_internal.h"

#include "config/command.h"

void check_commands(const char *config, struct findings *f)
{
	struct strlist names = { 0 };
	struct command_list entries = { 0 };
	struct err e;

	if (command_names(config, &names, &e) < 0 ||
		command_entries(config, &names, &entries, &e) < 0)
		findings_failed(f,
			"who has HostCommands=", "mend it, see nsshell-commands(5)", &e);
	for (size_t i = 0; i < entries.n; i++)
		if (entries.v[i].why)
			findings_add(f, FINDING_WARNING,
				"who has it among HostCommands=: their boxes don't have it",
				"mend it, see nsshell-commands(5)", "%s",
				entries.v[i].why);
	strlist_clear(&names);
	arena_clear(&entries.arena);
}
