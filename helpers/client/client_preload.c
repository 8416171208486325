/* SPDX-License-Identifier: BSD-3-Clause */
/* What a login program would load once it is in a box that has not the host's libraries. */
#include "helpers/client/client.h"

#include <grp.h>
#ifdef __GLIBC__
#include <nss.h>
#endif
#include <pwd.h>
#include <unistd.h>

/* No account's, nor a group's: each source is asked. */
#define NOBODYS "nsshell:none"

/*
 * The C library remembers which modules there are, and which aren't: it looks for none of them twice. But it reads
 * nsswitch.conf(5) anew where that has changed, unless somebody has said what a database's sources are: a database
 * that no login program asks.
 */
void client_preload(const char *user)
{
	const struct passwd *p = getpwnam(NOBODYS);
	const struct group *g = getgrnam(NOBODYS);
	gid_t groups[1];
	int n = 1;

	(void)p;
	(void)g;
	(void)getgrouplist(user, (gid_t)-1, groups, &n);
#ifdef __GLIBC__
	(void)__nss_configure_lookup("aliases", "files");
#endif
}
