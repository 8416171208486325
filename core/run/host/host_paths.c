/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host/host_facts.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/run/mount/look.h"

#include <string.h>

struct paths {
	struct host *h;
	struct resolve_as as;
	enum plan_use use; /* of what is being added */
	struct plan_path *v;
	size_t n, room;
	struct err *e; /* why not, where it isn't for want of memory */
};

static struct plan_path *more(struct paths *p)
{
	if (p->n == p->room) {
		struct plan_path *grown =
			reallocarray(p->v, p->room + 64, sizeof(*grown));

		if (!grown)
			return NULL;
		p->v = grown;
		p->room += 64;
	}
	return &p->v[p->n];
}

/* What is built in has no link in it, mostly: then one call tells. */
static int look(const struct paths *p, const char *path, bool built_in,
	struct resolved *ret, struct err *e)
{
	if (built_in && (p->use == PLAN_USE_HIDE || p->use == PLAN_USE_ANY)) {
		int r = resolve_again(path, p->use, &p->as, ret, e);

		if (r >= 0 || e->num != ELOOP)
			return r;
	}
	return built_in ? resolve_path(path, p->use, &p->as, ret, e)
			: look_path(path, p->use, &p->as, ret, e);
}

/* Who isn't root can't look as the account: nothing can be told then. */
static bool is_out_of_sight(const struct err *e)
{
	return e->num == EACCES && geteuid() != 0;
}

static int add(struct paths *p, const char *path, bool built_in)
{
	struct plan_path *to;
	struct resolved r;
	struct err e;
	int found;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].use == p->use && strcmp(p->v[i].path, path) == 0)
			return 0;
	to = more(p);
	if (!to)
		return -1;
	found = look(p, path, built_in, &r, &e);
	cleanup_close(&r.fd);
	/* The next one would wait as long. */
	if (found < 0 && resolve_failed(e.num)) {
		*p->e = e;
		return -1;
	}
	*to = (struct plan_path){ .path = arena_strdup(&p->h->arena, path),
		.use = p->use,
		.by_root = r.by_root };
	if (found == 0)
		to->kind = S_ISDIR(r.st.st_mode) ? PLAN_PATH_DIR : PLAN_PATH_FILE;
	else if (found < 0 && is_out_of_sight(&e))
		to->kind = PLAN_PATH_DIR;
	else if (found < 0)
		to->refused = arena_strdup(&p->h->arena, e.msg);
	if (found >= 0)
		to->real = arena_strdup(&p->h->arena, r.real);
	p->n++;
	return to->path && (found < 0 || to->real) ? 0 : -1;
}

static int add_match(void *arg, const char *path)
{
	return add(arg, path, false);
}

static int add_match_built_in(void *arg, const char *path)
{
	return add(arg, path, true);
}

static int add_pattern(struct paths *p, const char *pattern, bool built_in)
{
	if ((p->use == PLAN_USE_HIDE || p->use == PLAN_USE_DEVICE) &&
		strpbrk(pattern, "*?["))
		return built_in ? resolve_pattern(
					  pattern, &p->as, add_match_built_in, p, p->e)
				: look_pattern(pattern, &p->as, add_match, p, p->e);
	return add(p, pattern, built_in);
}

static int add_built_in(struct paths *p, enum plan_use use, const char *const *list)
{
	p->use = use;
	for (; *list; list++)
		if (add_pattern(p, *list, true) < 0)
			return -1;
	return 0;
}

/* "-/a:/b" names the source /a, and the place /b inside; "/a" both. */
static int add_entry(struct paths *p, enum plan_use use, const char *entry)
{
	const char *from = entry + (entry[0] == '-');
	size_t len = strcspn(from, ":");
	_cleanup_free_ char *source = strndup(from, len);

	p->use = use;
	if (!source || add_pattern(p, source, false) < 0)
		return -1;
	if (use == PLAN_USE_HIDE || use == PLAN_USE_DEVICE)
		return 0;
	p->use = PLAN_USE_TARGET;
	return add(p, from[len] == ':' ? from + len + 1 : source, false);
}

static int add_configured(struct paths *p, const struct policy *policy)
{
	const struct {
		enum plan_use use;
		const struct strlist *list;
	} lists[] = {
		{ PLAN_USE_BIND, &policy->bind_paths },
		{ PLAN_USE_BIND, &policy->bind_ro_paths },
		{ PLAN_USE_HIDE, &policy->inaccessible_paths },
		{ PLAN_USE_DEVICE, &policy->devices },
		{ PLAN_USE_SOCKET, &policy->sockets },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		for (size_t k = 0; k < lists[i].list->n; k++)
			if (add_entry(p, lists[i].use, lists[i].list->v[k]) < 0)
				return -1;
	p->use = PLAN_USE_TARGET;
	for (size_t i = 0; i < policy->volumes.n; i++)
		if (add(p, strchr(policy->volumes.v[i], ':') + 1, false) < 0)
			return -1;
	return 0;
}

/* The home, and where homes are: others' lie there. */
static int add_home(struct paths *p, const struct account *a)
{
	if (!a->home || a->home[0] != '/')
		return 0;
	p->use = PLAN_USE_HOME;
	if (add(p, a->home, false) < 0)
		return -1;
	p->use = PLAN_USE_TARGET;
	return add(p, "/home", false);
}

/* Programs of entries, which root wrote, and what a box has in their place. */
static int add_commands(struct paths *p, const struct policy *policy)
{
	p->use = PLAN_USE_ANY;
	for (size_t i = 0; i < policy->commands.n; i++) {
		const struct command *c = &policy->commands.v[i];

		if ((c->program && add(p, c->program, true) < 0) ||
			(c->daemon && add(p, c->daemon, true) < 0))
			return -1;
	}
	for (size_t i = 0; plan_inside_programs[i]; i++)
		if (add(p, plan_inside_programs[i], true) < 0)
			return -1;
	return add(p, PATH_COMMAND, true);
}

static int add_all(
	struct paths *p, const struct account *account, const struct policy *policy)
{
	if (add_built_in(p, PLAN_USE_ANY, plan_live_trees) < 0 ||
		add_built_in(p, PLAN_USE_HIDE, plan_default_inaccessible) < 0 ||
		add_built_in(p, PLAN_USE_ANY, plan_default_sockets) < 0 ||
		add_built_in(p, PLAN_USE_ANY, plan_default_devices) < 0)
		return -1;
	if (policy->image && add_built_in(p, PLAN_USE_ANY, plan_image_wants) < 0)
		return -1;
	if (add_commands(p, policy) < 0)
		return -1;
	return add_home(p, account) < 0 ? -1 : add_configured(p, policy);
}

/* The groups that a session of the account has. */
static gid_t *groups_of(const struct account *a, const struct policy *policy, size_t *n)
{
	gid_t *groups = reallocarray(NULL, a->n_groups + 1, sizeof(*groups));

	*n = 0;
	for (size_t i = 0; groups && policy->groups == GROUPS_KEEP && i < a->n_groups;
		i++)
		if (a->groups[i] != 0)
			groups[(*n)++] = a->groups[i];
	return groups;
}

int host_paths(const struct account *account, const struct policy *policy, struct host *h,
	struct err *e)
{
	size_t n_groups;
	_cleanup_free_ gid_t *groups = groups_of(account, policy, &n_groups);
	struct paths p = { .h = h,
		.as = { account->name, account->uid, account->gid, groups, n_groups },
		.e = e };
	struct plan_path *owned = NULL;
	int r;

	(void)err_set(e, ENOMEM, "look at the paths of the config");
	r = groups ? add_all(&p, account, policy) : -1;

	if (r == 0)
		owned = arena_alloc(&h->arena, (p.n + 1) * sizeof(*owned));
	if (owned && p.n > 0)
		memcpy(owned, p.v, p.n * sizeof(*owned));
	free(p.v);
	h->facts.paths = owned;
	h->facts.n_paths = owned ? p.n : 0;
	return owned ? 0 : -1;
}
