/* SPDX-License-Identifier: BSD-3-Clause */
/* The host paths that are to be seen in the box: home, BindPaths=, Sockets=. */
#include "core/plan/planner.h"

#include "core/base/paths.h"
#include "core/plan/volumename.h"

#include <stdlib.h>
#include <string.h>

static struct want *want_add(struct planner *b, const struct want *w)
{
	struct want *more = planner_more(b, b->wants, &b->n_wants, sizeof(*more));

	if (!more) {
		b->n_wants = 0;
		return NULL;
	}
	b->wants = more;
	more[b->n_wants - 1] = *w;
	return &more[b->n_wants - 1];
}

static const struct want *want_find(const struct planner *b, const char *target)
{
	for (size_t i = 0; i < b->n_wants; i++)
		if (strcmp(b->wants[i].target, target) == 0)
			return &b->wants[i];
	return NULL;
}

bool planner_wants(const struct planner *b, const char *path)
{
	for (size_t i = 0; i < b->n_wants; i++)
		if (strcmp(b->wants[i].named, path) == 0)
			return true;
	return false;
}

/* What the host mounts later comes in as the host has it: not idmapped. */
static bool follows(const struct planner *b)
{
	return !b->in->policy->root;
}

static int want_home(struct planner *b, struct err *e)
{
	/* what a box has of its own, or can't do without */
	static const char *const own[] = { "/proc", "/sys", "/dev", NULL };
	static const char *const places[] = { "/run", "/tmp", "/var", "/var/tmp", "/usr",
		"/etc", "/bin", "/sbin", "/lib", NULL };
	const struct account *a = b->in->account;
	const char *home = a->home ? a->home : "";
	const char *path = planner_path(b, home);
	const struct plan_path *found =
		path ? planner_find(b, PLAN_USE_HOME, path) : NULL;

	if (home[0] == '\0' || (path && strcmp(path, "/") == 0))
		return err_set(e, 0,
			"account %s has no home (\"%s\"): give it one (usermod -d DIRECTORY %s)",
			a->name, home, a->name);
	if (!path)
		return err_set(e, 0,
			"account %s: home %s is not an absolute path without . and ..: write it as one "
			"(usermod -d DIRECTORY %s)",
			a->name, home, a->name);
	if (found && found->refused)
		return err_set(e, 0, "the home %s of %s can't be used: %s", path, a->name,
			found->refused);
	if (found && found->kind == PLAN_PATH_ABSENT)
		planner_note(b,
			"the home %s isn't there: a login is refused until it is (mkhomedir_helper %s, if nothing has to be mounted)",
			path, a->name);
	b->p->home = path;
	b->home = planner_real(b, PLAN_USE_HOME, path);
	if (path_within_any(b->home, own) || path_in(b->home, places) ||
		planner_shows_state(b, b->home))
		return err_set(e, 0,
			"account %s: %s can't be a home in a box: give it another (usermod -d)",
			a->name, b->home);
	want_add(b, &(struct want){ .key = "home",
			    .use = PLAN_USE_HOME,
			    .source = b->home,
			    .target = b->home,
			    .named = path,
			    .kind = PLAN_PATH_DIR,
			    .attr = ATTR_PLAIN,
			    .recursive = true,
			    .follow = follows(b),
			    .writable = true,
			    .as_user = true,
			    .must_own = true });
	return 0;
}

/* Onto which places nothing can be bound. */
static int check_target(
	const char *key, const char *entry, const char *target, struct err *e)
{
	static const char *const whole[] = { "/", "/dev", "/run", NULL };
	static const char *const deep[] = { "/proc", "/sys", "/dev/pts", "/dev/mqueue",
		"/run/nsshell", NULL };

	if (path_in(target, whole) || path_within_any(target, deep))
		return err_set(e, 0,
			"%s=%s: nothing can be bound onto %s, a box has its own", key,
			entry, target);
	if (path_shows_state(target))
		return err_set(e, 0, "%s=%s: %s is, or holds, nsshell's own state", key,
			entry, target);
	return 0;
}

static int check_new(const struct planner *b, const char *key, const char *entry,
	const char *target, struct err *e)
{
	const struct want *same = want_find(b, target);

	if (!same)
		return 0;
	if (same->must_own)
		return err_set(e, 0,
			"%s=%s: %s is the account's home, which is there already", key,
			entry, target);
	return err_set(e, 0, "%s=%s: %s=%s is bound onto %s already", key, entry,
		same->key, same->source, target);
}

/* Split "-SOURCE:TARGET". *ret_target is the source where there is none. */
static int parse_entry(struct planner *b, const char *key, const char *entry,
	bool *optional, const char **source, const char **target, struct err *e)
{
	const char *from = entry[0] == '-' ? entry + 1 : entry;
	const char *colon = strchr(from, ':');

	*optional = from != entry;
	*source = planner_path(
		b, colon ? planner_text(b, "%.*s", (int)(colon - from), from) : from);
	*target = colon ? planner_path(b, colon + 1) : *source;
	if (!*source || !*target || (colon && strchr(colon + 1, ':')))
		return err_set(e, 0,
			"%s=%s: takes SOURCE or SOURCE:TARGET, absolute paths without . and ..",
			key, entry);
	return 0;
}

static int check_source(
	struct planner *b, const struct want *w, const char *entry, struct err *e)
{
	return planner_shows_state(b, w->source)
		       ? err_set(e, 0, "%s=%s: would show nsshell's own state", w->key,
				 entry)
		       : 0;
}

/* What the config names and can't have: left out where it says so. */
static int unusable(struct planner *b, const struct want *w, const char *entry,
	const char *why, struct err *e)
{
	if (!w->optional)
		return err_set(e, 0, "%s=%s can't be used: %s", w->key, entry, why);
	planner_note(b, "%s=%s is left out: %s", w->key, entry, why);
	return 0;
}

/* Where source and target really are. Return: 0; 1 when it is left out; -1 with @e. */
static int want_places(
	struct planner *b, struct want *w, const char *entry, struct err *e)
{
	const struct plan_path *source = planner_find(b, w->use, w->source);
	const struct plan_path *target =
		b->image ? NULL : planner_find(b, PLAN_USE_TARGET, w->named);
	const char *refused = source && source->refused ? source->refused
			      : target                  ? target->refused
							: NULL;

	if (refused)
		return unusable(b, w, entry, refused, e) < 0 ? -1 : 1;
	w->kind = source ? source->kind : PLAN_PATH_ABSENT;
	if (w->kind == PLAN_PATH_ABSENT && w->optional)
		return 1;
	if (w->kind == PLAN_PATH_ABSENT) {
		(void)err_set(e, 0,
			"%s=%s: %s isn't there; write -%s to leave it out where it isn't",
			w->key, entry, w->source, entry);
		(void)planner_absent(source, e);
		return -1;
	}
	w->source = planner_real(b, w->use, w->source);
	/* Links of the host's lead nowhere in an image. */
	w->target = b->image ? w->named : planner_real(b, PLAN_USE_TARGET, w->named);
	/* A file that is replaced by rename(2); one that may be written takes more (own_ids()). */
	w->renew = w->renew ||
		   (w->use == PLAN_USE_BIND && !w->writable && w->kind == PLAN_PATH_FILE);
	return 0;
}

/* One entry of a list of the policy. */
static int want_entry(
	struct planner *b, const char *entry, const struct want *like, struct err *e)
{
	struct want w = *like;
	int r;

	if (parse_entry(b, w.key, entry, &w.optional, &w.source, &w.named, e) < 0 ||
		check_target(w.key, entry, w.named, e) < 0 ||
		check_source(b, &w, entry, e) < 0)
		return -1;
	r = want_places(b, &w, entry, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	if (check_source(b, &w, entry, e) < 0 ||
		check_target(w.key, entry, w.target, e) < 0 ||
		check_new(b, w.key, entry, w.target, e) < 0)
		return -1;
	want_add(b, &w);
	return 0;
}

/*
 * A directory of nsshell's own, which a login makes: ids in it are the box's, as in an upper, so that it isn't idmapped. Nobody
 * on the host but root gets to it.
 */
static int want_volume(struct planner *b, const char *entry, struct err *e)
{
	static const char key[] = "Volumes";
	const char *colon = strchr(entry, ':');
	struct want w = { .key = key,
		.use = PLAN_USE_VOLUME,
		.kind = PLAN_PATH_DIR,
		.attr = ATTR_PLAIN };
	const struct plan_path *found;

	w.named = colon ? planner_path(b, colon + 1) : NULL;
	if (!w.named || !volumename_is_valid(entry, (size_t)(colon - entry)))
		return err_set(e, 0,
			"%s=%s: takes NAME:TARGET, an absolute path without . and ..",
			key, entry);
	found = b->image ? NULL : planner_find(b, PLAN_USE_TARGET, w.named);
	if (found && found->refused)
		return err_set(
			e, 0, "%s=%s can't be used: %s", key, entry, found->refused);
	w.target = b->image ? w.named : planner_real(b, PLAN_USE_TARGET, w.named);
	w.source = planner_text(b, PATH_VOLUMES "/%u/%.*s", b->in->account->uid,
		(int)(colon - entry), entry);
	if (check_target(key, entry, w.named, e) < 0 ||
		check_target(key, entry, w.target, e) < 0 ||
		check_new(b, key, entry, w.target, e) < 0)
		return -1;
	want_add(b, &w);
	return 0;
}

static int want_volumes(struct planner *b, struct err *e)
{
	const struct strlist *list = &b->in->policy->volumes;

	for (size_t i = 0; i < list->n; i++)
		if (want_volume(b, list->v[i], e) < 0)
			return -1;
	return 0;
}

static int want_list(struct planner *b, const struct strlist *list,
	const struct want *like, struct err *e)
{
	for (size_t i = 0; i < list->n; i++)
		if (want_entry(b, list->v[i], like, e) < 0)
			return -1;
	return 0;
}

static void want_default_sockets(struct planner *b)
{
	for (size_t i = 0; plan_default_sockets[i]; i++) {
		const char *path = plan_default_sockets[i];
		enum plan_path_kind kind = planner_kind(b, PLAN_USE_ANY, path);

		if (kind == PLAN_PATH_ABSENT || want_find(b, path))
			continue;
		if (strcmp(path, "/dev/log") == 0 &&
			planner_kind(b, PLAN_USE_ANY, "/run/systemd/journal/dev-log") !=
				PLAN_PATH_ABSENT)
			continue; /* a link then, see plan_dev.c */
		want_add(b, &(struct want){ .source = path,
				    .target = path,
				    .named = path,
				    .kind = kind,
				    .attr = ATTR_CLOSED,
				    .optional = true,
				    .renew = true });
	}
}

/* In a container, resolv.conf is a mount of its own that a clone of / doesn't have. */
static void want_resolv_conf(struct planner *b)
{
	static const char path[] = PLAN_RESOLV;
	const struct plan_host *host = b->in->host;

	if (b->image || policy_has_address(b->in->policy))
		return; /* it has its own */
	for (size_t i = 0; i < host->n_mounts; i++) {
		if (strcmp(host->mounts[i].target, path) != 0 || want_find(b, path))
			continue;
		want_add(b, &(struct want){ .source = path,
				    .target = path,
				    .named = path,
				    .kind = PLAN_PATH_FILE,
				    .attr = ATTR_CLOSED,
				    .optional = true });
	}
}

/* HostMounts=yes. One below another comes with it; what a line of the config binds there stays. */
static void want_host_mounts(struct planner *b)
{
	const struct plan_host *host = b->in->host;
	size_t n = b->n_wants;

	for (size_t i = 0; i < host->n_mounts; i++) {
		const char *target = host->mounts[i].target;
		bool there =
			!plan_is_data(b, i) || planner_is_closed(b, &host->mounts[i]);

		for (size_t k = 0; !there && k < b->n_wants; k++)
			there = strcmp(b->wants[k].target, target) == 0 ||
				(k >= n && path_within(target, b->wants[k].source));
		target = planner_copy(b, target);
		if (!there)
			want_add(b, &(struct want){ .key = "HostMounts",
					    .use = PLAN_USE_BIND,
					    .source = target,
					    .target = target,
					    .named = target,
					    .kind = PLAN_PATH_DIR,
					    .attr = ATTR_PLAIN,
					    .recursive = true,
					    .follow = follows(b),
					    .writable = true,
					    .as_user = true,
					    .optional = true });
	}
}

static int compare_targets(const void *a, const void *b)
{
	return strcmp(((const struct want *)a)->target, ((const struct want *)b)->target);
}

int plan_wants(struct planner *b, struct err *e)
{
	const struct policy *policy = b->in->policy;

	if (want_home(b, e) < 0 ||
		want_list(b, &policy->bind_paths,
			&(struct want){ .key = "BindPaths",
				.use = PLAN_USE_BIND,
				.attr = ATTR_PLAIN,
				.recursive = true,
				.follow = follows(b),
				.writable = true,
				.as_user = true },
			e) < 0 ||
		want_list(b, &policy->bind_ro_paths,
			&(struct want){ .key = "BindReadOnlyPaths",
				.use = PLAN_USE_BIND,
				.attr = ATTR_RDONLY,
				.recursive = true,
				.as_user = true },
			e) < 0 ||
		want_list(b, &policy->sockets,
			&(struct want){ .key = "Sockets",
				.use = PLAN_USE_SOCKET,
				.attr = ATTR_CLOSED,
				.renew = true },
			e) < 0 ||
		plan_devices(b, e) < 0 || want_volumes(b, e) < 0)
		return -1;
	if (policy->host_mounts)
		want_host_mounts(b);
	want_default_sockets(b);
	want_resolv_conf(b);
	/* a parent's path sorts before its children's, so what lies on top is mounted
	 * later */
	if (b->n_wants > 1)
		qsort(b->wants, b->n_wants, sizeof(*b->wants), compare_targets);
	return 0;
}
