/* SPDX-License-Identifier: BSD-3-Clause */
/* What a login program would load once it is in a box that has not the host's libraries. */
#include "helpers/client/client.h"

#include <errno.h>
#include <grp.h>
#ifdef __GLIBC__
#include <nss.h>
#endif
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

/* No account's, nor a group's: each source is asked. */
#define NOBODYS "nsshell:none"

/* As large as the longest entry has to be for the next source to be asked. */
#define BUFFER_MIN 4096
#define BUFFER_MAX (16U << 20)

/* Return: 0; ERANGE where the buffer is too small. */
typedef int ask_with(char *buf, size_t size);

/* Into a buffer of ours: a login program may go on with what getpwnam(3) gave it, which is the C library's. */
static int ask_passwd(char *buf, size_t size)
{
	struct passwd p, *found;

	return getpwnam_r(NOBODYS, &p, buf, size, &found);
}

static int ask_group(char *buf, size_t size)
{
	struct group g, *found;

	return getgrnam_r(NOBODYS, &g, buf, size, &found);
}

static void ask(ask_with *with)
{
	int r = ERANGE;

	for (size_t size = BUFFER_MIN; r == ERANGE && size <= BUFFER_MAX; size *= 4) {
		char *buf = malloc(size);

		r = buf ? with(buf, size) : ENOMEM;
		free(buf);
	}
}

/*
 * The C library remembers which modules there are, and which aren't: it looks for none of them twice. But it reads
 * nsswitch.conf(5) anew where that has changed, unless somebody has said what a database's sources are: a database
 * that no login program asks.
 */
void client_preload(const char *user)
{
	gid_t groups[1];
	int n = 1;

	ask(ask_passwd);
	ask(ask_group);
	(void)getgrouplist(user, (gid_t)-1, groups, &n);
#ifdef __GLIBC__
	(void)__nss_configure_lookup("aliases", "files");
#endif
}
