/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/plan_check.h"

#include "core/base/parse.h"
#include "core/plan/check.h"
#include "core/plan/netpool.h"
#include "core/plan/netrules.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* ---- who ------------------------------------------------------------------------------- */

static bool is_ticket(const struct plan *p)
{
	static const char *const temporary[] = { "/tmp", "/var/tmp", NULL };

	return !*p->ticket ||
	       (check_path(p->ticket) && path_within_any(p->ticket, temporary));
}

static bool is_hostname(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";

	return *s && strlen(s) <= PLAN_HOSTNAME_MAX && !s[strspn(s, plain)];
}

static const char *login(const struct checked *c)
{
	const struct plan *p = c->p;
	const struct plan_login *l = c->in->login;
	const struct plan_image *image = c->in->host->image;
	const char *home = c->in->account->home ? c->in->account->home : "";
	char runtime[64];

	(void)snprintf(runtime, sizeof(runtime), "/run/user/%u", c->in->account->uid);
	if (strcmp(p->id, l->id) != 0 || strcmp(p->service, l->service) != 0 ||
		strcmp(p->rhost, l->rhost) != 0 || strcmp(p->said, l->said) != 0)
		return "the login";
	if (strcmp(p->image, image ? image->text : "") != 0)
		return "the image";
	if (*p->tty && (!check_path(p->tty) || strcmp(p->tty, l->tty) != 0 ||
			       !path_below(p->tty, "/dev")))
		return "the terminal";
	if (strcmp(p->runtime_dir, runtime) != 0 || !check_path(p->home) ||
		!path_is(p->home, home) || !is_hostname(p->hostname))
		return "the home or the names";
	return is_ticket(p) ? NULL : "the ticket";
}

static bool has_group(const struct account *a, uint32_t gid)
{
	if (gid == a->gid)
		return gid != 0;
	for (size_t i = 0; i < a->n_groups; i++)
		if (a->groups[i] == gid)
			return gid != 0;
	return false;
}

static bool is_same_map(const struct idmap *a, const struct idmap *b)
{
	return a->n == b->n &&
	       memcmp(a->extents, b->extents, a->n * sizeof(*a->extents)) == 0;
}

/* The maps are made once more, of what is the account's. */
static const char *ids(const struct checked *c)
{
	const struct plan *p = c->p;
	const struct plan_input *in = c->in;
	struct idmap uids, gids;
	struct err ignored;

	if (p->uid == 0 || p->uid != in->account->uid || p->gid != in->account->gid ||
		strcmp(p->user, in->account->name) != 0)
		return "the account";
	if (p->n_groups == 0 || p->groups[0] != p->gid)
		return "the groups";
	for (size_t i = 0; i < p->n_groups; i++)
		if (!has_group(in->account, p->groups[i]))
			return "the groups";
	if (plan_maps(in, p, &uids, &gids, &ignored) < 0)
		return "the ranges of ids";
	return is_same_map(&uids, &p->uids) && is_same_map(&gids, &p->gids)
		       ? NULL
		       : "the id maps";
}

/* ---- rights ---------------------------------------------------------------------------- */

static bool is_all_of(const char **caps, size_t n, const char *const *list)
{
	for (size_t i = 0; i < n; i++)
		if (!path_in(caps[i], list))
			return false;
	return true;
}

static const char *rights(const struct checked *c)
{
	const uint64_t all =
		CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
	const struct plan *p = c->p;
	uint64_t more = p->namespaces & ~all;
	bool root = c->in->policy->root;

	if ((p->namespaces & all) != all ||
		(more & ~(uint64_t)CLONE_NEWCGROUP & ~(uint64_t)CLONE_NEWNET) != 0)
		return "the namespaces";
	if (((more & CLONE_NEWNET) != 0) != (p->network.kind != NETWORK_HOST))
		return "the network namespace";
	if (p->no_new_privs != !root || (root && !*p->image))
		return "no_new_privs";
	if (!is_all_of(p->login_caps, p->n_login_caps,
		    root ? plan_root_caps : plan_login_caps) ||
		!is_all_of(p->init_caps, p->n_init_caps, plan_init_caps))
		return "the capabilities";
	return NULL;
}

/* ---- control groups -------------------------------------------------------------------- */

/* Below ours, and this account's. */
static bool is_group_of(const struct checked *c, const char *group)
{
	const struct plan_cgroup *g = &c->p->cgroup;
	char own[64];
	size_t top;

	if (c->in->account_group && strcmp(group, c->in->account_group) == 0)
		return true;
	(void)snprintf(own, sizeof(own), g->systemd ? "/nsshell-%u.scope" : "/%u",
		c->in->account->uid);
	top = strlen(group) - (strlen(group) < strlen(own) ? 0 : strlen(own));
	if (strcmp(group + top, own) != 0)
		return false;
	if (*g->slice)
		return strlen(g->slice) == top && strncmp(group, g->slice, top) == 0;
	return strncmp(group, g->systemd ? "nsshell.slice" : "nsshell", top) == 0 &&
	       top == strlen(g->systemd ? "nsshell.slice" : "nsshell");
}

/* The config's; none where the account's sessions stay in the group that they have. */
static bool is_said(const struct checked *c, const char *slice)
{
	const char *said = c->in->policy->slice, *has = c->in->account_group;

	return strcmp(slice, said ? said : "") == 0 ||
	       (!*slice && has && strcmp(c->p->cgroup.account, has) == 0);
}

/* "nsshell/NAME.slice", where systemd runs "nsshell.slice/nsshell-NAME.slice" */
static bool is_slice(const struct checked *c)
{
	const struct plan_cgroup *g = &c->p->cgroup;
	char text[128];

	if (!is_said(c, g->slice_name))
		return false;
	if (!*g->slice)
		return !*g->slice_name;
	if (strspn(g->slice_name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_") != strlen(g->slice_name) ||
		strlen(g->slice_name) >= POLICY_SLICE_MAX)
		return false;
	(void)snprintf(text, sizeof(text),
		g->systemd ? "nsshell.slice/nsshell-%s.slice" : "nsshell/%s.slice",
		g->slice_name);
	return strcmp(g->slice, text) == 0;
}

static bool is_below(const char *group, const char *above, const char *name)
{
	size_t len = strlen(above);

	return strncmp(group, above, len) == 0 && group[len] == '/' &&
	       strcmp(group + len + 1, name) == 0;
}

static bool are_controllers(const struct plan_cgroup *g)
{
	static const char *const known[] = { "memory", "pids", "cpu", "cpuacct", "cpuset",
		"freezer", "blkio", "io", "devices", "name=systemd", "unified", NULL };

	for (size_t i = 0; i < g->n_controllers; i++)
		if (!path_in(g->controllers[i], known))
			return false;
	return true;
}

static const char *groups(const struct checked *c)
{
	const struct plan_cgroup *g = &c->p->cgroup;
	char scope[64];

	if (g->kind == PLAN_CGROUP_NONE)
		return *g->account || *g->session || *g->supervise || *g->manager ||
				       *g->slice || *g->scope
			       ? "control groups where there are none"
			       : NULL;
	(void)snprintf(scope, sizeof(scope), "nsshell-%u.scope", c->in->account->uid);
	if (g->systemd != c->in->host->systemd ||
		(g->systemd && strcmp(g->scope, scope) != 0))
		return "who makes the control groups";
	if (!is_slice(c) || !is_group_of(c, g->account) ||
		!is_below(g->session, g->account, c->in->login->id) ||
		!is_below(g->supervise, g->account, "supervise") ||
		(*g->manager && (!is_below(g->manager, g->session, "user") ||
					g->manager_uid != c->in->account->uid ||
					g->manager_gid != c->in->account->gid)))
		return "the control groups";
	return are_controllers(g) ? NULL : "the controllers";
}

/* What it may take of the host for good. */
static const char *amounts(const struct checked *c)
{
	const struct policy *said = c->in->policy;
	const struct plan *p = c->p;
	bool sized = said->upper == UPPER_TMPFS ||
		     (said->upper == UPPER_DISK && said->upper_sized);

	if (p->upper != said->upper || p->on_change != said->on_change ||
		p->upper_size != (sized ? said->upper_size : PARSE_INFINITY))
		return "where its changes go";
	return p->sessions_max == said->sessions_max &&
			       p->linger_usec == said->linger_usec
		       ? NULL
		       : "how many sessions there are, or for how long";
}

/* ---- network --------------------------------------------------------------------------- */

static bool is_pool(const struct checked *c)
{
	const struct plan_network *n = &c->p->network;
	const char *words = c->in->policy->pool, *why;
	char text[NETPOOL_TEXT_MAX];
	struct netpool pool;

	if (netpool_parse(words ? words : NETPOOL_DEFAULT, &pool, &why) < 0 ||
		n->connections != c->in->policy->connections_max)
		return false;
	netpool_v4_prefix(&pool, text);
	if (strcmp(n->pool4, text) != 0)
		return false;
	netpool_v4(&pool, n->number, text);
	if (strcmp(n->address4, text) != 0)
		return false;
	if (!*n->pool6)
		return !*n->address6;
	netpool_v6_prefix(&pool, text);
	if (strcmp(n->pool6, text) != 0)
		return false;
	netpool_v6(&pool, n->number, text);
	return strcmp(n->address6, text) == 0;
}

static bool are_rules(const struct checked *c)
{
	const struct plan_network *n = &c->p->network;
	struct netrules r = { .n_allow = 0 };
	char *text;
	bool same;

	netrules_take(&r, c->in->policy);
	(void)snprintf(r.at4, sizeof(r.at4), "%s", n->address4);
	(void)snprintf(r.at6, sizeof(r.at6), "%s", n->address6);
	text = netrules_text(&r);
	same = text && strcmp(text, n->rules) == 0;
	free(text);
	return same;
}

static bool are_guests(const struct checked *c)
{
	const struct plan_network *n = &c->p->network;

	return n->n_guests == 0 ||
	       (n->n_guests == c->n_guests && n->share &&
		       memcmp(n->guests, c->guests, n->n_guests * sizeof(uid_t)) == 0);
}

/* Of a loopback, or link-local, that the host's resolv.conf(5) names: it is in the table of all such networks. */
static bool is_resolver(const char *resolv, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = resolv; at && (at = strstr(at, name)); at += len)
		if (at > resolv && strchr(" \t", at[-1]) && strchr(" \t\r\n#;", at[len]))
			return true;
	return false;
}

static bool is_known_resolver(const struct checked *c)
{
	const struct plan_host *h = c->in->host;
	const char *name = c->p->network.resolver;

	return !*name || is_resolver(h->resolv, name) ||
	       is_resolver(h->resolv_uplink, name) ||
	       (strcmp(name, "127.0.0.1") == 0 &&
		       (is_resolver(h->resolv, "::1") ||
			       is_resolver(h->resolv_uplink, "::1")));
}

/* By these a session finds whose network to share. */
static bool are_words(const struct checked *c)
{
	const struct policy_network *said = &c->in->policy->network;
	const struct plan_network *n = &c->p->network;
	const char *at = n->address4, *dot = *at ? " " : "";
	char text[512] = "", owner[512] = "", guest[512] = "";

	if (said->kind == NETWORK_NETNS)
		(void)snprintf(text, sizeof(text), "netns:%s", n->name);
	else if (said->kind == NETWORK_PRIVATE)
		(void)snprintf(
			text, sizeof(text), "private%s %s", n->share ? "" : ":login", at);
	else if (said->kind == NETWORK_NONE)
		(void)snprintf(text, sizeof(text), "none%s", n->share ? "" : ":login");
	else if (said->kind == NETWORK_USER)
		(void)snprintf(text, sizeof(text), "user:%s%s%s", n->name, dot, at);
	if (said->kind == NETWORK_USER)
		(void)snprintf(owner, sizeof(owner), "%s%s%s", *at ? "private" : "none",
			dot, at);
	if (n->n_guests > 0)
		(void)snprintf(guest, sizeof(guest), "user:%s%s%s", c->in->account->name,
			dot, at);
	return strcmp(n->text, text) == 0 && strcmp(n->owner_text, owner) == 0 &&
	       strcmp(n->guest_text, guest) == 0;
}

static const char *network(const struct checked *c)
{
	const struct policy_network *said = &c->in->policy->network;
	const struct plan_network *n = &c->p->network;
	bool account = c->in->policy->network_share == NETWORK_OF_ACCOUNT;
	bool has = policy_has_address(c->in->policy);
	char link[32] = "";

	if (n->kind != said->kind)
		return "the kind of network";
	if ((said->kind == NETWORK_NETNS || said->kind == NETWORK_USER) &&
		(!said->name || strcmp(n->name, said->name) != 0))
		return "whose network it is";
	if (said->kind == NETWORK_USER ? n->owner != said->uid || !n->share
				       : n->share && !account)
		return "whose network it is";
	if (!are_guests(c))
		return "who shares the network";
	if (!has && (n->number || *n->address4 || *n->resolver || *n->rules))
		return "an address";
	if (!are_words(c))
		return "what is said of the network";
	if (!has)
		return NULL;
	if (c->in->number && n->number != c->in->number)
		return "the number of the network";
	(void)snprintf(link, sizeof(link), NETPOOL_LINK "%u", n->number);
	if (strcmp(n->link, link) != 0 || !is_pool(c) || !is_known_resolver(c))
		return "the addresses";
	if (said->kind == NETWORK_PRIVATE ? !are_rules(c) : *n->rules != '\0')
		return "the rules of the network";
	return NULL;
}

/* ---- what runs on the host --------------------------------------------------------------- */

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool are_same(const char **a, size_t n, const char **b, size_t n_b)
{
	if (n != n_b)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool is_entry(const struct command *a, const struct command *b)
{
	return !b->why && strcmp(a->name, b->name) == 0 &&
	       is_same(a->program, b->program) && strcmp(a->service, b->service) == 0 &&
	       is_same(a->daemon, b->daemon) &&
	       are_same(a->forms, a->n_forms, b->forms, b->n_forms) &&
	       are_same(a->env, a->n_env, b->env, b->n_env) &&
	       a->terminal == b->terminal && a->home == b->home && a->sends == b->sends &&
	       a->time_usec == b->time_usec && a->input_max == b->input_max &&
	       a->output_max == b->output_max;
}

/* The file that root's own look has found for it. */
static bool is_there(const struct checked *c, const char *path, const char *real)
{
	const struct plan_path *found = check_found(c, PLAN_USE_ANY, path);

	return found && found->kind == PLAN_PATH_FILE && !found->refused &&
	       (!real || strcmp(real, found->real ? found->real : found->path) == 0);
}

/* That what it leaves is run in a box is looked at when it is asked for. */
static bool is_command(const struct checked *c, const struct command *one)
{
	const struct command_list *l = &c->in->policy->commands;
	bool there = false;

	for (size_t i = 0; i < l->n; i++)
		there = there || is_entry(one, &l->v[i]);
	return there && one->program && one->real && !plan_inside_has(one->name) &&
	       is_there(c, one->program, one->real) &&
	       (!one->daemon || is_there(c, one->daemon, NULL)) &&
	       (!*one->service || strlist_has(&c->in->policy->services, one->service)) &&
	       !command_leaves_nsshell(one->name, c->in->account->shell);
}

static const char *programs(const struct checked *c)
{
	static const char *const managers[] = { "/usr/lib/systemd/systemd",
		"/lib/systemd/systemd", NULL };
	const struct plan *p = c->p;

	if (*p->user_manager && !path_in(p->user_manager, managers))
		return "the user manager";
	for (size_t i = 0; i < p->n_commands; i++)
		if (!p->commands[i].why && !is_command(c, &p->commands[i]))
			return "the host commands";
	for (size_t i = 0; i < p->n_inside; i++)
		if (!check_path(p->inside[i]))
			return "the programs of the box";
	return NULL;
}

/* ---- the whole --------------------------------------------------------------------------- */

const struct plan_path *check_found(
	const struct checked *c, enum plan_use use, const char *path)
{
	const struct plan_host *h = c->in->host;

	for (size_t i = 0; i < h->n_paths; i++)
		if (h->paths[i].use == use && strcmp(h->paths[i].path, path) == 0)
			return &h->paths[i];
	return NULL;
}

bool check_path(const char *path)
{
	if (path[0] != '/' || strlen(path) >= 4096)
		return false;
	for (const char *at = path; *at;) {
		size_t len = strcspn(++at, "/");

		if ((len == 0 && (at[0] || at != path + 1)) || (len == 1 && *at == '.') ||
			(len == 2 && strncmp(at, "..", 2) == 0))
			return false;
		at += len;
	}
	return true;
}

int plan_check(const struct plan *p, const struct plan_input *in, const uid_t *guests,
	size_t n_guests, struct err *e)
{
	static const char *(*const checks[])(const struct checked *c) = { login, ids,
		rights, check_filter, groups, check_limits, amounts, network, programs,
		check_rootfs, check_ops };
	const struct checked c = { p, in, guests, n_guests };

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		const char *wrong = checks[i](&c);

		if (wrong)
			return err_set(e, 0,
				"the plan that nsshell-planner made for %s is refused: %s",
				in->account->name, wrong);
	}
	return 0;
}
