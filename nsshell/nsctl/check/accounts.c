/* SPDX-License-Identifier: BSD-3-Clause */
/* Which accounts are isolated, and which of them can't be looked at. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* A directory service may list more than anybody wants to wait for. */
#define ACCOUNTS_MAX 20000

/* The shipped profile_nsshell.sh, where nsshell(1) says that it goes. */
#define PROFILE "/etc/profile.d/nsshell.sh"

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

/* Whether nsshell(1) is its login shell. */
static bool has_door(const struct account *a)
{
	const char *slash = strrchr(a->shell, '/');

	return strcmp(slash ? slash + 1 : a->shell, "nsshell") == 0;
}

/* Whether nothing takes the account's terminals behind nsshell(1), Record=yes or not. */
static bool is_unseen(const struct account *a)
{
	return !has_door(a) && access(PROFILE, F_OK) < 0;
}

void check_names(const struct strlist *l, char *ret, size_t size)
{
	*ret = '\0';
	for (size_t i = 0, at = 0; i < l->n && at < size - 40; i++)
		at += (size_t)snprintf(
			ret + at, size - at, "%s%.32s", i > 0 ? ", " : "", l->v[i]);
}

static void tell_unseen(const struct strlist *unseen, struct findings *f)
{
	char names[256];

	check_names(unseen, names, sizeof(names));
	if (unseen->n > 0)
		findings_add(f, FINDING_NOTE, names,
			"make nsshell the login shell, or copy profile_nsshell.sh to " PROFILE
			", or use ForceCommand: nsshell(1)",
			"Record=yes has no effect on %zu account%s with another login shell than "
			"nsshell: nothing is there to look at their terminals through",
			unseen->n, unseen->n == 1 ? "" : "s");
}

/* What is told once for many accounts. */
struct gathered {
	struct strlist unseen; /* with Record=yes, and nothing to look through */
	struct strlist limits;
	struct strlist paths;
	struct strlist disk;       /* with Upper=disk, and no quota */
	struct strlist volumes;    /* with Volumes=, likewise */
	struct strlist memory;     /* with no MemoryMax= */
	struct strlist tmp;        /* with a TmpSize= above it */
	struct strlist socketless; /* where 32-bit programs are concerned */
	struct strlist pingless;
	struct strlist sending; /* by the host's network, which isn't theirs */
	struct strlist expired; /* and no passwd in the box */
	struct strlist isolated;
	struct strlist by_pam; /* whose logins by ssh are isolated by nothing else */
	bool unread;           /* the config is wrong for some */
	struct check_passed passed;
	struct check_mounts mounts;
	struct check_shared shared;
};

/* What is told once, with the names of all that it is so of. */
static void gather_names(
	const struct check_account *a, struct gathered *g, struct findings *f)
{
	const struct {
		bool (*is_so)(const struct check_account *);
		struct strlist *names;
	} told[] = {
		{ check_disk_is_open, &g->disk },
		{ check_volumes_are_open, &g->volumes },
		{ check_memory_is_open, &g->memory },
		{ check_tmp_is_large, &g->tmp },
		{ check_is_socketless, &g->socketless },
		{ check_is_pingless, &g->pingless },
		{ check_is_sending, &g->sending },
		{ check_is_expired, &g->expired },
	};

	for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++)
		if (told[i].is_so(a) && strlist_add(told[i].names, a->account->name) < 0)
			f->no_memory = true;
}

static void look_at(const struct config *c, const struct pamstack_dir *d,
	const struct account *account, struct gathered *g, struct findings *f)
{
	static const char *const cron[] = { "cron", "crond", NULL };
	static const char *const at[] = { "atd", NULL };
	static const char *const sshd[] = { "sshd", NULL };
	struct policy policy;
	static const char shared[] = "Network=user:";
	struct err why;

	if (policy_is_exempt(account))
		return;
	if (config_policy(c, account, &policy, &why) < 0) {
		/* What is wrong with a line is told elsewhere, what with two accounts' isn't. */
		if (strncmp(why.msg, shared, sizeof(shared) - 1) == 0)
			findings_add(f, FINDING_ERROR, account->name,
				"have the config of both accounts say it, as nsshell.conf(5) does below "
				"NetworkAllowUsers=",
				"%s", why.msg);
		g->unread = true;
		return;
	}
	if (policy.isolate) {
		const struct check_account a = { account, &policy,
			is_covered(d, &policy, cron), is_covered(d, &policy, at) };

		check_ways_out(&a, f);
		check_mounts(&a, &g->mounts, f);
		check_shared(&a, &g->shared, f);
		if (strlist_add(&g->isolated, account->name) < 0)
			f->no_memory = true;
		if (!has_door(account) && is_covered(d, &policy, sshd) &&
			strlist_add(&g->by_pam, account->name) < 0)
			f->no_memory = true;
		check_limits(&a, &g->limits, f);
		check_paths(&a, &g->paths, f);
		check_disk_size(&a, f);
		gather_names(&a, g, f);
		if (policy.record && is_unseen(account) &&
			strlist_add(&g->unseen, account->name) < 0)
			f->no_memory = true;
	}
	if (check_passed_add(account, &policy, &g->passed) < 0)
		f->no_memory = true;
	policy_clear(&policy);
}

/* Names are compared as they are written; a directory service may not do so, and gives the name it has. */
static void tell_anothers(
	const char *kind, const char *name, const char *real, struct findings *f)
{
	findings_add(f, FINDING_WARNING, real, "write the name as the host has it",
		"[%s %s] does nothing: this host's name for that is %s", kind, name,
		real);
}

/* A name that is mistyped isolates nobody. */
static void tell_nobodys(const char *kind, const char *name, struct findings *f)
{
	findings_add(f, FINDING_WARNING, "whoever is meant: the section does nothing",
		"mend the name, or take the section out",
		"[%s %s]: there is no such %s on this host", kind, name,
		strcmp(kind, "User") == 0 ? "account" : "group");
}

/* Of a gid that has several the first is what counts. */
static void look_at_group(const char *name, struct findings *f)
{
	const struct group *gr;

	errno = 0;
	gr = getgrnam(name);
	if (gr && strcmp(gr->gr_name, name) == 0) {
		gr = getgrgid(gr->gr_gid);
		if (!gr)
			return;
	}
	/* A directory service that doesn't answer has an errno. */
	if (!gr && (errno == 0 || errno == ENOENT))
		tell_nobodys("Group", name, f);
	else if (gr && strcmp(gr->gr_name, name) != 0)
		tell_anothers("Group", name, gr->gr_name, f);
}

static int look_at_titles(const struct config *c, struct findings *f, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist users = { 0 }, groups = { 0 };

	if (config_users(c, &users, e) < 0 || config_groups(c, &groups, e) < 0)
		return -1;
	for (size_t i = 0; i < users.n; i++) {
		struct account account;
		struct err ignored;
		int r = account_read(users.v[i], &account, &ignored);

		if (r > 0)
			tell_nobodys("User", users.v[i], f);
		if (r != 0)
			continue;
		if (strcmp(account.name, users.v[i]) != 0)
			tell_anothers("User", users.v[i], account.name, f);
		account_clear(&account);
	}
	for (size_t i = 0; i < groups.n; i++)
		look_at_group(groups.v[i], f);
	return 0;
}

/* Accounts that NSS lists, that a section names, and that logged in here. */
static int names_gather(
	const struct config *c, struct strlist *names, struct findings *f, struct err *e)
{
	const struct passwd *pw;

	if (config_users(c, names, e) < 0)
		return -1;
	setpwent();
	while ((pw = getpwent()) && names->n < ACCOUNTS_MAX)
		if (pw->pw_uid != 0 && !strlist_has(names, pw->pw_name) &&
			strlist_add(names, pw->pw_name) < 0)
			f->no_memory = true;
	endpwent();
	if (check_passed_names(names, ACCOUNTS_MAX) < 0)
		f->no_memory = true;
	return 0;
}

static bool is_isolated(const struct config *c, const char *name)
{
	struct account account;
	struct policy policy;
	struct err ignored;
	bool isolated = false;

	if (account_read(name, &account, &ignored) != 0)
		return false;
	if (!policy_is_exempt(&account) &&
		config_policy(c, &account, &policy, &ignored) == 0) {
		isolated = policy.isolate;
		policy_clear(&policy);
	}
	account_clear(&account);
	return isolated;
}

int check_services(const struct config *c, const struct pamstack_dir *d,
	struct findings *f, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist names = { 0 }, isolated = { 0 };

	if (names_gather(c, &names, f, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (is_isolated(c, names.v[i]) && strlist_add(&isolated, names.v[i]) < 0)
			f->no_memory = true;
	check_doors(d, &isolated, f);
	return 0;
}

int check_accounts(const struct config *c, const struct pamstack_dir *d,
	struct findings *f, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist names = { 0 };
	struct gathered g = { 0 };

	if (look_at_titles(c, f, e) < 0 || names_gather(c, &names, f, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct account account;
		struct err ignored;

		if (account_read(names.v[i], &account, &ignored) != 0)
			continue;
		look_at(c, d, &account, &g, f);
		account_clear(&account);
	}
	tell_unseen(&g.unseen, f);
	check_disk(&g.disk, "Upper=disk", f);
	check_disk(&g.volumes, "Volumes=", f);
	check_memory(&g.memory, f);
	check_tmp(&g.tmp, f);
	check_socketless(&g.socketless, f);
	check_pingless(&g.pingless, f);
	check_sending(&g.sending, f);
	check_expired(&g.expired, f);
	check_doors(d, &g.isolated, f);
	if (g.isolated.n == 0 && !g.unread)
		check_nobody(c, d, f);
	check_passed_tell(&g.passed, config_people(c), f);
	if (g.isolated.n > 0)
		check_sshd(&g.by_pam, f);
	strlist_clear(&g.mounts.told);
	strlist_clear(&g.shared.paths);
	strlist_clear(&g.shared.told);
	strlist_clear(&g.passed.above);
	strlist_clear(&g.passed.system);
	strlist_clear(&g.unseen);
	strlist_clear(&g.isolated);
	strlist_clear(&g.by_pam);
	strlist_clear(&g.limits);
	strlist_clear(&g.paths);
	strlist_clear(&g.disk);
	strlist_clear(&g.volumes);
	strlist_clear(&g.socketless);
	strlist_clear(&g.pingless);
	strlist_clear(&g.sending);
	strlist_clear(&g.expired);
	strlist_clear(&g.memory);
	strlist_clear(&g.tmp);
	return 0;
}
