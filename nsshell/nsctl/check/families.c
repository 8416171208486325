/* SPDX-License-Identifier: BSD-3-Clause */
/* RestrictAddressFamilies=, and programs whose sockets no filter can look at. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/plan/families.h"

#include <unistd.h>

/*
 * i386's. Its C library of Debian opens sockets by socketcall(2), whose arguments lie in memory: the filter
 * refuses that way as a whole.
 */
#define LOADER "/lib/ld-linux.so.2"

bool check_is_socketless(const struct check_account *a)
{
#ifdef __x86_64__
	return families_refuse(&a->policy->families, &a->policy->filter) &&
	       access(LOADER, F_OK) == 0;
#else
	(void)a;
	return false;
#endif
}

void check_socketless(const struct strlist *accounts, struct findings *f)
{
	char names[256];

	check_names(accounts, names, sizeof(names));
	if (accounts->n > 0)
		findings_add(f, FINDING_NOTE, names,
			"RestrictAddressFamilies=no for those who need such programs: nsshell.conf(5)",
			LOADER
			" is there: 32-bit programs (i386) run here, and in the boxes of %zu account%s "
			"they can open no socket, where their C library does so by socketcall(2)",
			accounts->n, accounts->n == 1 ? "" : "s");
}
