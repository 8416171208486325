/* SPDX-License-Identifier: BSD-3-Clause */
/* Which accounts are isolated. */
#include "nsshell/nsctl_doctor.h"

#include "core/base/cleanup.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>

/* A directory service may list more than anybody wants to wait for. */
#define ACCOUNTS_MAX 20000

static void flat_cleanup(struct pamstack_flat *f)
{
	pamstack_flat_clear(f);
}

/* Whether any of these services takes the account's logins into a box. */
static bool is_covered(
	const struct pamstack_dir *d, const struct policy *p, const char *const *services)
{
	for (; *services; services++) {
		_cleanup_(flat_cleanup) struct pamstack_flat flat = { 0 };
		struct err ignored;

		if (strlist_has(&p->services, *services) && pamstack_find(d, *services) &&
			pamstack_flatten(d, *services, &flat, &ignored) == 0 &&
			pamstack_next(&flat, 0, PAMSTACK_ENTERS) < flat.n)
			return true;
	}
	return false;
}

static void look_at(const struct config *c, const struct pamstack_dir *d,
	const struct account *account, struct findings *f)
{
	static const char *const cron[] = { "cron", "crond", NULL };
	static const char *const at[] = { "atd", NULL };
	struct policy policy;
	struct err ignored;

	/* What is wrong with an account's config is told elsewhere. */
	if (policy_is_exempt(account) || config_policy(c, account, &policy, &ignored) < 0)
		return;
	if (policy.isolate) {
		const struct doctor_account a = { account, &policy,
			is_covered(d, &policy, cron), is_covered(d, &policy, at) };

		doctor_ways_out(&a, f);
	}
	policy_clear(&policy);
}

int doctor_accounts(const struct config *c, const struct pamstack_dir *d,
	struct findings *f, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist names = { 0 };
	const struct passwd *pw;

	if (config_users(c, &names, e) < 0)
		return -1;
	setpwent();
	while ((pw = getpwent()) && names.n < ACCOUNTS_MAX)
		if (pw->pw_uid != 0 && !strlist_has(&names, pw->pw_name) &&
			strlist_add(&names, pw->pw_name) < 0)
			f->no_memory = true;
	endpwent();
	for (size_t i = 0; i < names.n; i++) {
		struct account account;
		struct err ignored;

		if (account_read(names.v[i], &account, &ignored) != 0)
			continue;
		look_at(c, d, &account, f);
		account_clear(&account);
	}
	return 0;
}
