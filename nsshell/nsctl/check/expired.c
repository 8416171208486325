/* SPDX-License-Identifier: BSD-3-Clause */
/* Passwords that have to be changed, of accounts whose boxes have nothing to change them by. */
#include "nsshell/nsctl/check/check_internal.h"

#include <shadow.h>
#include <string.h>
#include <time.h>

#define DAY 86400 /* seconds */

/* As pam_unix has it; by a key, sshd then runs passwd in the box, and nothing else. */
static bool has_to_change(const struct spwd *s)
{
	long today = (long)(time(NULL) / DAY);

	return s->sp_lstchg == 0 ||
	       (s->sp_lstchg > 0 && s->sp_max >= 0 && today - s->sp_lstchg > s->sp_max);
}

bool check_is_expired(const struct check_account *a)
{
	const struct command_list *l = &a->policy->commands;
	const struct spwd *s;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, "passwd") == 0 && !l->v[i].why)
			return false;
	s = getspnam(a->account->name);
	return s && has_to_change(s);
}

void check_expired(const struct strlist *accounts, struct findings *f)
{
	char names[256];

	if (accounts->n == 0)
		return;
	check_names(accounts, names, sizeof(names));
	findings_add(f, FINDING_WARNING, names,
		"HostCommands=passwd for them, or \"passwd NAME\" as root",
		"%zu account%s whose password has expired ha%s no passwd in the box to change it: sshd lets "
		"nobody in by a key then",
		accounts->n, accounts->n == 1 ? "" : "s", accounts->n == 1 ? "s" : "ve");
}
