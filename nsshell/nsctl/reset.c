/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl reset: let an account with Upper=disk begin anew, and keep what it had. */
#include "nsshell/nsctl/nsctl.h"

#include "core/base/account.h"
#include "core/run/mount/layers.h"
#include "core/run/session/leftover.h"
#include "core/run/session/reconcile.h"

#include <string.h>
#include <unistd.h>

static int reset(uid_t uid, const char *user, enum leftover_old how, struct err *e)
{
	if (leftover_reset(uid, user, how, e) < 0)
		return -1;
	(void)printf("%s begins anew; what was written is kept in %s/%u" LAYERS_OLD
		     " (nsctl reset --old=remove or --old=restore)\n",
		user, PATH_UPPER, uid);
	return 0;
}

static int restore(uid_t uid, const char *user, struct err *e)
{
	if (leftover_restore(uid, user, e) < 0)
		return -1;
	(void)printf("%s has again what was set aside\n", user);
	return 0;
}

static int remove_old(uid_t uid, const char *user, struct err *e)
{
	if (leftover_remove_old(uid, user, e) < 0)
		return -1;
	(void)printf("what was set aside of %s is removed\n", user);
	return 0;
}

static int run(const char *user, const char *old, struct err *e)
{
	size_t ended;
	uid_t uid;

	if (account_uid(user, &uid, e) < 0)
		return -1;
	if (old && strcmp(old, "remove") == 0)
		return remove_old(uid, user, e);
	/* What a crash has left may have it mounted. */
	if (reconcile_all(&ended, e) < 0)
		return -1;
	if (old && strcmp(old, "restore") == 0)
		return restore(uid, user, e);
	return reset(uid, user, old ? OLD_REPLACE : OLD_REFUSE, e);
}

int nsctl_reset(int argc, char **argv)
{
	const char *old = NULL;
	const struct nsctl_option options[] = {
		{ 0, "old", "WHAT", "remove, replace or restore", NULL, &old },
		{ 0 },
	};
	int first, r = nsctl_options(options, "USER", argc, argv, &first);
	struct err e = { 0 };

	if (r >= 0)
		return r;
	if (argc - first != 1)
		return nsctl_usage(argv[0], "takes one account's name");
	if (old && strcmp(old, "remove") != 0 && strcmp(old, "replace") != 0 &&
		strcmp(old, "restore") != 0)
		return nsctl_usage(argv[0], "--old takes remove, replace or restore");
	if (geteuid() != 0) {
		(void)err_set(&e, 0, "what accounts wrote is root's: run it as root");
		return nsctl_failed(argv[0], &e);
	}
	if (run(argv[first], old, &e) < 0)
		return nsctl_failed(argv[0], &e);
	return nsctl_flush(argv[0], NSCTL_OK);
}
