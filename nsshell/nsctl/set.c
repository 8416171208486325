/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl set: change limits of an account that has sessions, and what it may reach; and for good. */
#include "nsshell/nsctl/nsctl.h"
#include "nsshell/nsctl/sessions.h"
#include "nsshell/nsctl/set.h"

#include "config/config.h"
#include "config/dropin.h"
#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/lock.h"
#include "core/plan/limits.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/session/account_sessions.h"
#include "core/run/host/host_facts.h"
#include "core/run/ids/kin.h"
#include "core/run/cgroup/limits_published.h"
#include "core/run/cgroup/limits_override.h"
#include "core/run/cgroup/account_group.h"
#include "core/run/session/record.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What a call is about; cleared at once. */
struct set {
	const char *config; /* path, or NULL */
	struct account account;
	struct policy policy;     /* with all that is wanted */
	struct strlist lines;     /* of the override or the drop-in, as they will be */
	struct strlist before;    /* of the drop-in, as they are */
	char *const *assignments; /* "KEY=VALUE", "KEY=": back to the config's */
	size_t n;
};

static void set_clear(struct set *s)
{
	account_clear(&s->account);
	policy_clear(&s->policy);
	strlist_clear(&s->lines);
	strlist_clear(&s->before);
}

static void config_cleanup(struct config **c)
{
	config_free(*c);
}

/* ---- what is wanted ----------------------------------------------------------------- */

static const struct limit *limit_of(const char *assignment)
{
	size_t len = strcspn(assignment, "=");

	return assignment[len] ? limit_find(assignment, len) : NULL;
}

/* Whether two assignments are about the same; "KEY=" is about all paths, "KEY=PATH VALUE" one. */
static bool same_key(const char *a, const char *b)
{
	size_t len = strcspn(a, "="), path;
	const struct limit *l = limit_of(a);

	if (strncmp(a, b, len + 1) != 0)
		return false;
	if (!l || l->kind != LIMIT_SPEED || !a[len + 1] || !b[len + 1])
		return true;
	path = strcspn(a + len + 1, " ");
	return strncmp(a + len + 1, b + len + 1, path + 1) == 0;
}

/* @old with the assignments put over it. */
static int lines_merge(const struct set *s, const struct strlist *old,
	struct strlist *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < old->n; i++) {
		bool replaced = false;

		for (size_t k = 0; k < s->n; k++)
			replaced |= same_key(s->assignments[k], old->v[i]);
		if (!replaced)
			r |= strlist_add(ret, old->v[i]);
	}
	for (size_t k = 0; k < s->n; k++)
		if (s->assignments[k][strcspn(s->assignments[k], "=") + 1])
			r |= strlist_add(ret, s->assignments[k]);
	return r < 0 ? err_set(e, ENOMEM, "set limits") : 0;
}

/* The config's policy with these lines over it. */
static int policy_with(struct set *s, const struct strlist *lines, struct err *e)
{
	_cleanup_(config_cleanup) struct config *c = NULL;

	policy_clear(&s->policy);
	if (config_load(s->config, &c, e) < 0 ||
		config_policy(c, &s->account, &s->policy, e) < 0)
		return -1;
	for (size_t i = 0; i < lines->n; i++)
		if (config_policy_set(&s->policy, lines->v[i], e) < 0)
			return -1;
	return config_policy_check(&s->policy, e);
}

static int assignments_check(const struct set *s, struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < i; k++)
			if (same_key(s->assignments[k], s->assignments[i]))
				return err_set(
					e, 0, "%.100s is given twice", s->assignments[i]);
		if (!limit_of(s->assignments[i]) &&
			!nsctl_set_is_network(s->assignments[i]))
			return err_set(e, 0,
				"\"%.100s\" sets no limit; nsctl help set lists them",
				s->assignments[i]);
	}
	return 0;
}

/* ---- at once ------------------------------------------------------------------------ */

/* Every key, each with room for all that one may need. */
#define CHANGE_MAX (LIMITS * LIMIT_FILES_MAX)

struct change {
	struct host host;
	struct limit_file files[CHANGE_MAX];
	struct plan_cgroup_setting settings[CHANGE_MAX];
	size_t n;
};

static void change_free(struct change **c)
{
	if (*c)
		host_clear(&(*c)->host);
	free(*c);
}

/* Devices that were limited and aren't mentioned any more. */
static void io_forget(struct strlist *now, const struct strlist *before)
{
	for (size_t i = 0; i < before->n; i++) {
		size_t len = strcspn(before->v[i], " ");
		char entry[PATH_MAX + 16];
		bool kept = false;

		for (size_t k = 0; k < now->n; k++)
			kept |= strncmp(now->v[k], before->v[i], len + 1) == 0;
		(void)snprintf(
			entry, sizeof(entry), "%.*s infinity", (int)len, before->v[i]);
		if (!kept)
			(void)strlist_add(now, entry);
	}
}

/* MemorySwapMax= of cgroup v1 is in a sum with MemoryMax=. */
static bool is_touched(const struct set *s, const struct limit *l)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct limit *given = limit_of(s->assignments[i]);

		if (given == l ||
			(given == &limits[LIMIT_MEMORY_MAX] && l->kind == LIMIT_SWAP &&
				limit_is_set(l, &s->policy.limits)))
			return true;
	}
	return false;
}

/* What the files of a key are to say, added to the settings. */
static int key_add(
	struct change *c, const struct set *s, const struct limit *l, struct err *e)
{
	size_t n;

	if (limit_files(&c->host.facts, l, &s->policy.limits, c->files + c->n, &n, e) < 0)
		return -1;
	if (n == 0 && l->kind != LIMIT_SPEED)
		return err_set(e, 0, "%s=: this host has nothing to set it in", l->key);
	for (; n > 0; n--, c->n++) {
		const struct limit_file *f = &c->files[c->n];

		c->settings[c->n] = (struct plan_cgroup_setting){ f->controller, f->file,
			f->value, f->key };
	}
	return 0;
}

/* The account's sessions see it in PATH_RUN_LIMITS. */
static int limits_tell(
	const struct host *host, const struct set *s, int account_lock, struct err *e)
{
	struct plan *plan;
	int r;

	if (plan_limits_check(&host->facts, &s->policy, &plan, e) < 0)
		return -1;
	r = limits_now_write(account_lock, plan->cgroup.limits_text, e);
	plan_free(plan);
	return r;
}

static int limits_write(struct set *s, const struct policy_limits *before,
	int account_lock, struct err *e)
{
	_cleanup_(change_free) struct change *c = calloc(1, sizeof(*c));
	char group[sizeof(((struct record *)0)->cgroup)];
	int none;

	if (!c)
		return err_set(e, ENOMEM, "set limits");
	none = place_find(s->account.uid, group, sizeof(group), e);
	if (none < 0)
		return -1;
	if (none)
		return err_set(e, 0,
			"no limit can be set: this host has no cgroups, or another version of nsshell opened the sessions");
	for (int i = 0; i < POLICY_IO_KINDS; i++)
		io_forget(&s->policy.limits.io[i], &before->io[i]);
	if (host_gather(NULL, &s->policy, &c->host, e) < 0)
		return -1;
	for (size_t i = 0; i < LIMITS; i++)
		if (is_touched(s, &limits[i]) && key_add(c, s, &limits[i], e) < 0)
			return -1;
	return cgroup_set(group, c->settings, c->n, e) < 0
		       ? -1
		       : limits_tell(&c->host, s, account_lock, e);
}

/* Whether the account has sessions; the lock keeps the last one from ending meanwhile. */
static int lock_live(const struct set *s, int *ret_fd, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	const struct kin k = kin_of_account(&s->account);
	_cleanup_close_ int fd = -EBADF;
	uint64_t born;
	size_t n;

	if (kin_home_born(&k, &born, e) < 0 ||
		account_sessions_lock(s->account.uid, LOCK_PATIENCE_MS, &fd, e) != 0 ||
		kin_check(fd, &k, e) < 0 || account_sessions_ids(fd, &ids, &n, e) < 0)
		return -1;
	if (n == 0)
		return account_sessions_drop(fd, s->account.uid, "", e);
	*ret_fd = take_fd(&fd);
	return 1;
}

/* What this call is about, and nothing else. */
static int write_all(struct set *s, const struct policy_limits *before, int account_lock,
	struct err *e)
{
	bool of_limits = false, of_network = false;

	for (size_t i = 0; i < s->n; i++) {
		if (nsctl_set_is_network(s->assignments[i]))
			of_network = true;
		else
			of_limits = true;
	}
	if (of_network && nsctl_set_network(&s->account, &s->policy, account_lock, e) < 0)
		return -1;
	return of_limits ? limits_write(s, before, account_lock, e) : 0;
}

static int set_live(struct set *s, bool permanent, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	_cleanup_(policy_clear) struct policy before = { 0 };
	_cleanup_(strlist_clear) struct strlist old = { 0 };
	int live = lock_live(s, &fd, e), r = 0;

	if (live < 0)
		return -1;
	if (live == 0 && !permanent)
		return err_set(e, 0,
			"%s has no session: --permanent changes what later ones get",
			s->account.name);
	if (live == 0)
		return 0;
	strlist_clear(&s->lines);
	r = override_read(s->account.uid, s->account.name, &old, e);
	if (r < 0 || policy_with(s, &old, e) < 0)
		return -1;
	before = s->policy;
	s->policy = (struct policy){ 0 };
	/* What the config says from now on needs no line of its own. */
	if (lines_merge(s, &old, &s->lines, e) < 0 || policy_with(s, &s->lines, e) < 0 ||
		write_all(s, &before.limits, fd, e) < 0)
		return -1;
	return override_write(s->account.uid, s->account.name, &s->lines, e);
}

/* ---- for good ----------------------------------------------------------------------- */

/* Whether two policies give a key the same values. Return: 1, 0, or -1 with @e. */
static int same_values(const struct host *host, const struct limit *l,
	const struct policy *a, const struct policy *b, struct err *e)
{
	struct limit_file want[LIMIT_FILES_MAX], got[LIMIT_FILES_MAX];
	size_t n, m;

	if (limit_files(&host->facts, l, &a->limits, want, &n, e) < 0 ||
		limit_files(&host->facts, l, &b->limits, got, &m, e) < 0)
		return -1;
	for (size_t i = 0; i < n && n == m; i++)
		if (strcmp(want[i].value, got[i].value) != 0)
			return 0;
	return n == m;
}

static int key_is_same(const struct host *host, const char *assignment,
	const struct policy *a, const struct policy *b, struct err *e)
{
	return nsctl_set_is_network(assignment)
		       ? nsctl_set_network_same(a, b)
		       : same_values(host, limit_of(assignment), a, b, e);
}

/* Whether the config gives what was asked for: a later file may have the last word. */
static int permanent_check(struct set *s, struct err *e)
{
	_cleanup_(policy_clear) struct policy wanted = { 0 };
	_cleanup_(host_clear) struct host host = { 0 };
	const struct strlist none = { 0 };

	if (policy_with(s, &s->lines, e) < 0)
		return -1;
	wanted = s->policy;
	s->policy = (struct policy){ 0 };
	if (host_gather(NULL, &wanted, &host, e) < 0 || policy_with(s, &none, e) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		const char *key = s->assignments[i];
		int r = key_is_same(&host, key, &wanted, &s->policy, e);

		if (r < 0)
			return -1;
		if (r == 0)
			return err_set(e, 0,
				"another file of the config, read later, sets %.*s= for %s",
				(int)strcspn(key, "="), key, s->account.name);
	}
	return 0;
}

static int set_permanent(struct set *s, struct err *e)
{
	struct err ignored;

	if (dropin_read(s->config, s->account.name, &s->before, e) < 0 ||
		lines_merge(s, &s->before, &s->lines, e) < 0 ||
		policy_with(s, &s->lines, e) < 0 ||
		dropin_write(s->config, s->account.name, &s->lines, e) < 0)
		return -1;
	if (permanent_check(s, e) == 0)
		return 0;
	(void)dropin_write(s->config, s->account.name, &s->before, &ignored);
	return -1;
}

/* ---- the whole ---------------------------------------------------------------------- */

static int set(struct set *s, const char *user, bool permanent, struct err *e)
{
	int r;

	if (geteuid() != 0)
		return err_set(e, 0, "limits are root's to set: run it as root");
	if (assignments_check(s, e) < 0)
		return -1;
	r = account_read(user, &s->account, e);
	if (r > 0)
		return err_set(e, 0, "there is no account %s on this host", user);
	if (r < 0 || (permanent && set_permanent(s, e) < 0))
		return -1;
	return set_live(s, permanent, e);
}

static void keys_help(void)
{
	(void)puts("\nkeys:");
	for (size_t i = 0; i < LIMITS; i++)
		(void)printf("  %s\n", limits[i].key);
	for (const char *const *k = nsctl_set_network_keys; *k; k++)
		(void)printf("  %s\n", *k);
}

int nsctl_set(int argc, char **argv)
{
	_cleanup_(set_clear) struct set s = { 0 };
	bool permanent = false, quiet = false;
	const struct nsctl_option options[] = {
		{ 'p', "permanent", NULL, "for later sessions, too: writes a drop-in",
			&permanent, NULL },
		{ 'c', "config", "FILE", "the nsshell.conf that is in use", NULL,
			&s.config },
		{ 'q', "quiet", NULL, "say nothing of it", &quiet, NULL },
		{ 0 },
	};
	int first, r = nsctl_options(options, "USER KEY=VALUE...", argc, argv, &first);
	struct err e = { 0 };
	char path[PATH_MAX];

	if (r == NSCTL_OK)
		keys_help();
	if (r >= 0)
		return nsctl_flush(argv[0], r);
	if (argc - first < 2)
		return nsctl_usage(argv[0], "takes an account's name, and what to set");
	s.assignments = argv + first + 1;
	s.n = (size_t)(argc - first - 1);
	if (set(&s, argv[first], permanent, &e) < 0)
		return nsctl_failed(argv[0], &e);
	if (permanent && !quiet &&
		dropin_path(s.config, argv[first], path, sizeof(path), &e) == 0)
		(void)printf("%s: %s is up to date\n", argv[first], path);
	else if (!quiet)
		(void)printf(
			"%s: set, until the account's last session ends\n", argv[first]);
	return nsctl_flush(argv[0], NSCTL_OK);
}
