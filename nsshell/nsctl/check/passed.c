/* SPDX-License-Identifier: BSD-3-Clause */
/* Who logs in here, and isn't meant by Isolate=yes in [Default]. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/paths.h"

#include <paths.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utmpx.h>

static bool is_login_shell(const char *shell)
{
	const char *one;
	bool found = false;

	setusershell();
	while (!found && (one = getusershell()))
		found = strcmp(one, shell) == 0;
	endusershell();
	return found;
}

int check_passed_add(
	const struct account *a, const struct policy *policy, struct check_passed *ret)
{
	if (policy->passed == PASSED_NOT || !is_login_shell(a->shell))
		return 0;
	return strlist_add(
		policy->passed == PASSED_ABOVE ? &ret->above : &ret->system, a->name);
}

static int add_name(const struct utmpx *u, struct strlist *names)
{
	char name[sizeof(u->ut_user) + 1];

	(void)snprintf(name, sizeof(name), "%.*s", (int)sizeof(u->ut_user), u->ut_user);
	if (u->ut_type != USER_PROCESS || !*name || strcmp(name, "root") == 0 ||
		strlist_has(names, name))
		return 0;
	return strlist_add(names, name);
}

int check_passed_names(struct strlist *names, size_t max)
{
	FILE *in = fopen(_PATH_WTMP, "re");
	struct utmpx u;
	int r = 0;

	while (in && r == 0 && names->n < max && fread(&u, sizeof(u), 1, in) == 1)
		r = add_name(&u, names);
	if (in)
		(void)fclose(in);
	return r;
}

void check_passed_tell(
	const struct check_passed *p, const struct people *people, struct findings *f)
{
	char names[256];

	check_names(&p->above, names, sizeof(names));
	if (p->above.n > 0)
		findings_add(f, FINDING_WARNING, names,
			"isolate them by a [Group] or [User], or raise UID_MAX: "
			"nsshell.conf(5)",
			"[Default] isolates uids from %u to %u, UID_MIN and UID_MAX of " PATH_LOGIN_DEFS
			": %zu account%s above that can log in without a box",
			people->min, people->max, p->above.n, p->above.n == 1 ? "" : "s");
	check_names(&p->system, names, sizeof(names));
	if (p->system.n > 0)
		findings_add(f, FINDING_NOTE, names,
			"isolate those that people use by a [User] or [Group]",
			"[Default] isolates uids from %u to %u: %zu account%s of the system's with "
			"a login shell %s no box",
			people->min, people->max, p->system.n,
			p->system.n == 1 ? "" : "s", p->system.n == 1 ? "has" : "have");
}
