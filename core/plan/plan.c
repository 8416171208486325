/* SPDX-License-Identifier: BSD-3-Clause */
/* Making a plan: the parts that need no file of their own, and the order of all of them.
 */
#include "core/plan/planner.h"
#include "core/plan/ranges.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static const char **copy_list(struct planner *b, const char *const *list, size_t *n)
{
	const char **ret = NULL;

	for (*n = 0; list[*n];) {
		size_t i = *n;

		ret = planner_more(b, ret, n, sizeof(*ret));
		if (!ret)
			return NULL;
		ret[i] = list[i];
	}
	return ret;
}

static bool has_group(const uint32_t *groups, size_t n, uint32_t gid)
{
	for (size_t i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* More than any map can hold; repeats beyond aren't looked for. */
#define GROUPS_SEEN 4096

/* The groups to keep, the primary one first, each once. */
static int plan_groups(struct planner *b, struct err *e)
{
	const struct account *a = b->in->account;
	bool keep = b->in->policy->groups == GROUPS_KEEP;
	uint32_t *groups;
	size_t n = 0;

	if (a->gid == 0)
		return err_set(e, 0,
			"account %s has the host's group 0 as its primary one: "
			"give it another, or Isolate=no",
			a->name);
	groups = arena_alloc(&b->p->arena, (a->n_groups + 1) * sizeof(*groups));
	if (!groups)
		return err_set(e, ENOMEM, "make the plan");
	groups[n++] = a->gid;
	for (size_t i = 0; i < a->n_groups; i++) {
		if (a->groups[i] == 0)
			planner_note(b, "group 0 of the host isn't kept: it is root's");
		else if (keep && n < GROUPS_SEEN && !has_group(groups, n, a->groups[i]))
			groups[n++] = a->groups[i];
		else if (!keep && a->groups[i] >= IDMAP_IDS && a->groups[i] != a->gid)
			return err_set(e, 0,
				"SupplementaryGroups=none: group %u of account %s "
				"lies above 65535, and a box doesn't have it: a login "
				"program that sets it would be refused",
				a->groups[i], a->name);
	}
	b->p->groups = groups;
	b->p->n_groups = n;
	return 0;
}

/* Whose processes have the ids of an nsshell-planner may signal it and change its limits. */
static bool is_planners(uint32_t id)
{
	return id >= RANGES_PLANNERS && id - RANGES_PLANNERS < RANGES_PIDS;
}

int plan_ids(struct planner *b, struct err *e)
{
	const struct plan_input *in = b->in;
	struct plan *p = b->p;

	if (p->uid == 0)
		return err_set(
			e, 0, "account %s has uid 0: root is never isolated", p->user);
	if (is_planners(p->uid) || is_planners(in->account->gid))
		return err_set(e, 0,
			"account %s has uid %u and gid %u, and the %u from %u on are nsshell-planner's: "
			"give it others (usermod -u, groupmod -g)",
			p->user, p->uid, in->account->gid, RANGES_PIDS, RANGES_PLANNERS);
	if (plan_groups(b, e) < 0)
		return -1;
	if (plan_maps(in, p, &p->uids, &p->gids, e) < 0)
		return err_wrap(e, "account %s", p->user);
	if (p->gids.left_out > 0)
		planner_note(b,
			"%u groups of the host show as nogroup inside: beside the account's %zu there "
			"is no room for them in a map of the kernel's",
			p->gids.left_out, p->n_groups);
	return 0;
}

/* Append to a host name what one may be made of, anything else as '-' (C locale). */
static void name_append(char *name, const char *s, size_t len)
{
	size_t at = strlen(name);

	for (size_t i = 0; i < len && s[i] && at < PLAN_HOSTNAME_MAX; i++) {
		bool good = isalnum((unsigned char)s[i]) || s[i] == '-' || s[i] == '.';

		name[at++] = (char)(good ? s[i] : '-');
	}
	name[at] = '\0';
}

static void name_trim(char *name)
{
	size_t lead = strspn(name, "-.");
	size_t len = strlen(name) - lead;

	memmove(name, name + lead, len + 1);
	while (len > 0 && strchr("-.", name[len - 1]))
		name[--len] = '\0';
}

static int plan_hostname(struct planner *b, struct err *e)
{
	const char *pattern = b->in->policy->hostname ? b->in->policy->hostname : "%h";
	const char *host = b->in->host->hostname ? b->in->host->hostname : "";
	char name[PLAN_HOSTNAME_MAX + 1] = "";

	for (const char *s = pattern; *s; s++) {
		if (*s != '%') {
			name_append(name, s, 1);
			continue;
		}
		switch (*++s) {
		case 'u':
			name_append(name, b->p->user, strlen(b->p->user));
			break;
		case 'h':
			name_append(name, host, strcspn(host, "."));
			break;
		case 's':
			name_append(name, b->p->id, strlen(b->p->id));
			break;
		case '%':
			name_append(name, s, 1);
			break;
		default:
			return err_set(e, 0, "Hostname=%s: takes %%u, %%h, %%s and %%%%",
				pattern);
		}
	}
	name_trim(name);
	b->p->hostname = planner_copy(b, name[0] ? name : "localhost");
	return 0;
}

static int check_login(const struct plan_login *login, struct err *e)
{
	size_t len = login->id ? strlen(login->id) : 0;

	if (len != PLAN_ID_LEN ||
		strspn(login->id, "abcdefghijklmnopqrstuvwxyz0123456789") != len)
		return err_set(e, 0,
			"a session id is %d lower-case letters and digits, not \"%s\"",
			PLAN_ID_LEN, login->id ? login->id : "");
	return 0;
}

static int plan_login(struct planner *b, struct err *e)
{
	static const char *const own[] = { "/dev/tty", "/dev/ptmx", "/dev/pts/ptmx",
		NULL };
	const struct plan_login *login = b->in->login;
	struct plan *p = b->p;

	if (check_login(login, e) < 0)
		return -1;
	p->id = planner_copy(b, login->id);
	p->service = planner_copy(b, login->service);
	p->rhost = planner_copy(b, login->rhost);
	p->tty = "";
	if (login->tty && login->tty[0]) {
		const char *tty = planner_path(b, login->tty);

		if (!tty || !path_below(tty, "/dev"))
			return err_set(e, 0, "terminal %s is not below /dev", login->tty);
		if (!path_in(tty, own))
			p->tty = tty;
	}
	return 0;
}

static void plan_privileges(struct planner *b)
{
	const struct policy *policy = b->in->policy;
	struct plan *p = b->p;

	p->namespaces =
		CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
	if (b->in->host->cgroup != PLAN_CGROUP_NONE)
		p->namespaces |= CLONE_NEWCGROUP;
	/* What the login program has not, its user's setuid programs haven't either. */
	p->login_caps = copy_list(
		b, policy->root ? plan_root_caps : plan_login_caps, &p->n_login_caps);
	p->init_caps = copy_list(b, plan_init_caps, &p->n_init_caps);
	p->no_new_privs = !policy->root;
	p->scope_sockets = b->in->host->scopes && policy->abstract == ABSTRACT_PRIVATE;
	p->notify_join = policy->notify_join;
	p->upper = policy->upper;
	p->on_change = policy->on_change;
	p->upper_size = policy->upper == UPPER_TMPFS || (policy->upper == UPPER_DISK &&
								policy->upper_sized)
				? policy->upper_size
				: PARSE_INFINITY;
	p->upper_inodes = planner_inodes(p->upper_size);
	p->sessions_max = policy->sessions_max;
	p->share_account = policy->share == SHARE_ACCOUNT;
	p->share_tmp = policy->tmp == TMP_ACCOUNT;
	p->linger_usec = policy->linger_usec;
}

/*
 * Root of the box makes files of ids that stand for others: none of them gets onto the host's disk, where a setuid
 * one would be a way to have that id.
 */
static int check_root(const struct planner *b, struct err *e)
{
	const char *lower, *why;

	if (!b->in->policy->root)
		return 0;
	if (!b->image)
		return err_set(e, 0,
			"Root=yes needs RootFS=image:NAME: over the host's root, root of the box "
			"could read every file of the host's root");
	lower = b->image->lower;
	why = lower ? plan_no_idmap(b, lower) : NULL;
	if (why)
		return err_set(e, 0,
			"Root=yes needs the images on a file system that can be idmapped: %s lies on %s",
			lower, why);
	for (size_t i = 0; i < b->n_wants; i++) {
		const struct want *w = &b->wants[i];

		why = w->writable ? plan_no_idmap(b, w->source) : NULL;
		if (why)
			return err_set(e, 0,
				"Root=yes needs a file system that can be idmapped at %s, where the box "
				"may write: that is %s; write Root=no%s",
				w->source, why,
				w->must_own ? "" : ", or bind it by BindReadOnlyPaths=");
	}
	return 0;
}

static int plan_all(struct planner *b, struct err *e)
{
	const struct account *a = b->in->account;
	struct plan *p = b->p;

	p->uid = a->uid;
	p->gid = a->gid;
	p->user = planner_copy(b, a->name);
	p->shell = planner_copy(b, a->shell && a->shell[0] ? a->shell : "/bin/sh");
	p->door_shell = planner_copy(b, b->in->policy->shell ? b->in->policy->shell : "");
	p->runtime_dir = planner_text(b, "/run/user/%u", p->uid);
	p->image = planner_copy(b, b->image ? b->image->text : "");
	p->said = planner_copy(b, b->in->login->said ? b->in->login->said : "");
	if (plan_login(b, e) < 0 || plan_ids(b, e) < 0)
		return -1;
	if (plan_hostname(b, e) < 0)
		return err_by(e, ERR_BY_CONFIG);
	if (plan_wants(b, e) < 0 || check_root(b, e) < 0 || plan_hidden(b, e) < 0 ||
		plan_rootfs(b, e) < 0 || plan_cgroup(b, e) < 0)
		return -1;
	plan_privileges(b);
	if (plan_network(b, e) < 0 || plan_environment(b, e) < 0)
		return err_by(e, ERR_BY_CONFIG);
	plan_commands(b);
	plan_inside(b);
	plan_filter(b);
	plan_ops(b);
	return 0;
}

int plan_make(const struct plan_input *in, struct plan **ret, struct err *e)
{
	struct planner b = { .in = in, .image = in->host->image };

	b.p = calloc(1, sizeof(*b.p));
	if (!b.p)
		return err_set(e, ENOMEM, "make the plan");
	if (plan_all(&b, e) < 0 || (b.oom && err_set(e, ENOMEM, "make the plan") < 0)) {
		plan_free(b.p);
		return -1;
	}
	*ret = b.p;
	return 0;
}

int plan_limits_check(const struct plan_host *host, const struct policy *policy,
	struct plan **ret, struct err *e)
{
	const struct plan_input in = { .host = host, .policy = policy };
	struct planner b = { .in = &in };

	b.p = calloc(1, sizeof(*b.p));
	if (!b.p)
		return err_set(e, ENOMEM, "look at the limits");
	b.p->id = "";
	if (plan_cgroup(&b, e) < 0 ||
		(b.oom && err_set(e, ENOMEM, "look at the limits") < 0)) {
		plan_free(b.p);
		return -1;
	}
	*ret = b.p;
	return 0;
}

int plan_account_check(const struct plan_host *host, const struct account *account,
	const struct policy *policy, struct plan **ret, struct err *e)
{
	/* Nobody's: what matters of a range is told where all are looked at. */
	static const struct id_range ids = { 2147483648U, IDMAP_IDS };
	const struct plan_input in = { .host = host,
		.account = account,
		.policy = policy,
		.uid_ranges = &ids,
		.n_uid_ranges = 1,
		.gid_ranges = &ids,
		.n_gid_ranges = 1 };
	struct planner b = { .in = &in, .image = host->image };

	b.p = calloc(1, sizeof(*b.p));
	if (!b.p)
		return err_set(e, ENOMEM, "look at the account");
	b.p->uid = account->uid;
	b.p->user = account->name;
	if (plan_ids(&b, e) < 0 || plan_wants(&b, e) < 0 || check_root(&b, e) < 0 ||
		plan_hidden(&b, e) < 0) {
		plan_free(b.p);
		return -1;
	}
	plan_commands(&b);
	if ((b.oom && err_set(e, ENOMEM, "look at the account") < 0)) {
		plan_free(b.p);
		return -1;
	}
	*ret = b.p;
	return 0;
}
