/* SPDX-License-Identifier: BSD-3-Clause */
/* What nobody in the box may see: whiteouts in the init layer, empty covers, masks. */
#include "core/plan/planner.h"

#include "core/base/paths.h"

#include <stdlib.h>
#include <string.h>

/* A box can't do without these, whatever the config says. */
static const char *const needed[] = { "/", "/etc", "/usr", "/bin", "/sbin", "/lib",
	"/lib32", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32",
	"/usr/lib64", "/proc", "/sys", "/dev", "/run", "/tmp", NULL };

/* Places that a box has of its own; what the host has there can't be seen anyway. */
static const char *const fixed[] = { "/dev", "/proc", "/run", "/sys", "/tmp", "/var/tmp",
	NULL };

static void hidden_place(struct planner *b, const char *key, const char *path)
{
	struct hidden *more;

	if (path_in(path, needed))
		return;
	more = planner_more(b, b->hidden, &b->n_hidden, sizeof(*more));
	if (!more) {
		b->n_hidden = 0;
		return;
	}
	b->hidden = more;
	more[b->n_hidden - 1] = (struct hidden){ .key = key, .path = path };
}

/* Where it really is, and wherever else the host mounts what it lies in. */
static void hidden_add(struct planner *b, const char *key, const struct plan_path *found)
{
	const struct plan_host *host = b->in->host;
	const char *path = planner_path(b, found->real ? found->real : found->path);
	struct within w;

	if (!path || found->kind == PLAN_PATH_ABSENT)
		return;
	hidden_place(b, key, path);
	if (!planner_within(b, path, &w))
		return;
	for (size_t i = 0; i < host->n_mounts; i++) {
		const char *alias = planner_alias(b, &w, &host->mounts[i]);

		if (alias)
			hidden_place(b, key, alias);
	}
}

/* All that the host has of one entry. Return: whether there is any. */
static bool hidden_match(struct planner *b, const char *key, const char *pattern)
{
	const struct plan_host *host = b->in->host;
	bool any = false;

	if (!strpbrk(pattern, "*?[\\")) {
		const struct plan_path *found = planner_find(b, PLAN_USE_HIDE, pattern);

		if (found)
			hidden_add(b, key, found);
		return found && found->kind != PLAN_PATH_ABSENT;
	}
	for (size_t i = 0; i < host->n_paths; i++) {
		if ((host->paths[i].use != PLAN_USE_HIDE &&
			    host->paths[i].use != PLAN_USE_ANY) ||
			!path_matches(pattern, host->paths[i].path))
			continue;
		hidden_add(b, key, &host->paths[i]);
		any = any || host->paths[i].kind != PLAN_PATH_ABSENT;
	}
	return any;
}

static int hidden_entry(struct planner *b, const char *entry, struct err *e)
{
	static const char key[] = "InaccessiblePaths";
	bool optional = entry[0] == '-';
	const char *path = planner_path(b, optional ? entry + 1 : entry);
	const struct plan_path *found;

	if (!path)
		return err_set(e, 0, "%s=%s: takes an absolute path without . and ..",
			key, entry);
	if (path_in(path, needed) ||
		path_in(planner_real(b, PLAN_USE_HIDE, path), needed))
		return err_set(
			e, 0, "%s=%s: a box can't do without %s", key, entry, path);
	found = planner_find(b, PLAN_USE_HIDE, path);
	if (found && found->refused && !optional)
		return err_set(
			e, 0, "%s=%s can't be used: %s", key, entry, found->refused);
	if (found && found->refused)
		planner_note(b, "%s=%s is left out: %s", key, entry, found->refused);
	if (!hidden_match(b, key, path) && !optional) {
		(void)err_set(e, 0,
			"%s=%s: isn't there; write -%s to leave it out where it isn't",
			key, entry, entry);
		return planner_absent(found, e);
	}
	return 0;
}

static void cover_add(struct planner *b, const char *path)
{
	const char **more;

	for (size_t i = 0; i < b->n_covers; i++)
		if (strcmp(b->covers[i], path) == 0)
			return;
	for (size_t i = 0; i < b->n_wants; i++)
		if (strcmp(b->wants[i].target, path) == 0)
			return;
	more = planner_more(b, b->covers, &b->n_covers, sizeof(*more));
	if (!more) {
		b->n_covers = 0;
		return;
	}
	b->covers = more;
	more[b->n_covers - 1] = path;
}

/*
 * The directory that the home lies in may hold other homes: it is covered, if it isn't one
 * that the box needs or has of its own.
 */
static void cover_home(struct planner *b)
{
	static const char *const keep[] = { "/", "/var", "/var/lib", "/var/spool",
		"/var/cache", "/var/log", "/var/mail", "/var/www", "/opt", "/srv", "/mnt",
		"/media", NULL };
	static const char *const system[] = { "/usr", "/etc", "/bin", "/sbin", "/lib",
		"/lib32", "/lib64", "/boot", NULL };
	const char *dir = planner_dirname(b, b->home);
	const char *homes = planner_real(b, PLAN_USE_TARGET, "/home");

	if (strcmp(b->home, homes) != 0)
		cover_add(b, homes);
	if (path_within(dir, homes) || path_in(dir, keep) ||
		path_within_any(dir, system) || path_within_any(dir, fixed))
		return;
	cover_add(b, dir);
}

/* A hidden directory with something in it that is shown: a tmpfs is mounted over it, as a mask would hide that, too. */
static bool cover_hidden(struct planner *b, const struct hidden *h)
{
	bool above = false;

	for (size_t i = 0; i < b->n_wants; i++) {
		if (strcmp(b->wants[i].target, h->path) == 0) {
			planner_note(b, "%s: is to be hidden, but %s=%s shows it",
				h->path, b->wants[i].key ? b->wants[i].key : "socket",
				b->wants[i].source);
			return true;
		}
		above = above || path_within(b->wants[i].target, h->path);
	}
	for (size_t i = 0; fixed[i]; i++)
		above = above || path_within(fixed[i], h->path);
	if (above && !path_within_any(h->path, fixed))
		cover_add(b, h->path);
	return above;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int plan_hidden(struct planner *b, struct err *e)
{
	const struct strlist *more = &b->in->policy->inaccessible_paths;

	for (size_t i = 0; plan_default_inaccessible[i]; i++)
		(void)hidden_match(b, NULL, plan_default_inaccessible[i]);
	for (size_t i = 0; i < more->n; i++)
		if (hidden_entry(b, more->v[i], e) < 0)
			return -1;
	cover_home(b);
	for (size_t i = 0; i < b->n_hidden; i++)
		b->hidden[i].covered = cover_hidden(b, &b->hidden[i]);
	if (b->n_covers > 1)
		qsort(b->covers, b->n_covers, sizeof(*b->covers), compare_text);
	return 0;
}

void planner_layer(struct planner *b, enum plan_layer_kind kind, const char *path,
	const char *target)
{
	struct plan *p = b->p;
	struct plan_layer *more = planner_more(b, p->layers, &p->n_layers, sizeof(*more));

	if (!more) {
		p->n_layers = 0;
		return;
	}
	p->layers = more;
	more[p->n_layers - 1] = (struct plan_layer){ .overlay = plan_overlay_of(p, path),
		.kind = kind,
		.path = path,
		.target = target };
}

/* Whether an earlier entry, or one above it, hides this one already. */
static bool hidden_twice(const struct planner *b, size_t i)
{
	const char *path = b->hidden[i].path;

	if (b->hidden[i].covered)
		return true;
	for (size_t j = 0; j < b->n_hidden; j++)
		if (b->hidden[j].covered)
			continue;
		else if (path_below(path, b->hidden[j].path) ||
			 (j < i && strcmp(path, b->hidden[j].path) == 0))
			return true;
	return false;
}

/* @source: what lies there inside, on the host. */
static void mask_add(struct planner *b, const char *path, const char *source)
{
	struct plan_op *op = planner_op(b, PLAN_MASK, path);

	op->source = source;
	op->attr = ATTR_CLOSED;
	op->renew = true;
}

static void hide(struct planner *b, const struct hidden *h)
{
	const struct plan_op *on = plan_mount_of(b->p, h->path);

	/* An image has nothing of the host's. */
	if (!on && b->image)
		return;
	if (!on)
		planner_layer(b, PLAN_LAYER_WHITEOUT, h->path, NULL);
	else if (on->kind != PLAN_TMPFS)
		mask_add(b, h->path,
			planner_text(
				b, "%s%s", on->source, h->path + strlen(on->target)));
}

/* Where the rules have something else at a place, that is what is there. */
static void link_away(struct planner *b, const char *path, const char *to)
{
	if (!planner_is_replaced(b, path) && !planner_wants(b, path))
		planner_layer(b, PLAN_LAYER_SYMLINK, path, to);
}

/* The place inside at which a bind shows @path; NULL: it doesn't, or only where it is. */
static const char *shown_at(struct planner *b, const struct want *w, const char *path)
{
	const struct plan_op *on;
	const char *at;

	if (!path_below(path, w->source) || strcmp(w->source, w->target) == 0)
		return NULL;
	at = planner_text(b, "%s%s", w->target, path + strlen(w->source));
	on = plan_mount_of(b->p, at);
	return on && strcmp(on->target, w->target) == 0 ? at : NULL;
}

/* What is hidden is, too, where a bind shows it by another name. */
static void mask_in_binds(struct planner *b, const char *path)
{
	for (size_t i = 0; i < b->n_wants; i++) {
		const char *at = shown_at(b, &b->wants[i], path);

		if (at)
			mask_add(b, at, path);
	}
}

/* What a bind would bring along, of what the host mounts below its source, and no box may have. */
static void mask_closed(struct planner *b)
{
	const struct plan_host *host = b->in->host;

	for (size_t i = 0; i < b->n_wants; i++) {
		const struct want *w = &b->wants[i];

		for (size_t k = 0; w->recursive && k < host->n_mounts; k++)
			if (path_below(host->mounts[k].target, w->source) &&
				planner_is_closed(b, &host->mounts[k]))
				mask_add(b,
					planner_text(b, "%s%s", w->target,
						host->mounts[k].target +
							strlen(w->source)),
					planner_copy(b, host->mounts[k].target));
	}
}

void plan_layers(struct planner *b)
{
	link_away(b, "/etc/hostname", "/run/nsshell/hostname");
	link_away(b, "/etc/hosts", "/run/nsshell/hosts");
	if (b->image || policy_has_address(b->in->policy))
		link_away(b, PLAN_RESOLV, "/run/nsshell/resolv.conf");
	if (b->in->policy->upper == UPPER_NONE) {
		link_away(b, PLAN_WTMP, PATH_RUN_WTMP);
		link_away(b, PLAN_LASTLOG, PATH_RUN_LASTLOG);
	}
	for (size_t i = 0; i < b->n_hidden; i++)
		if (!hidden_twice(b, i) && !path_within(b->hidden[i].path, "/proc"))
			hide(b, &b->hidden[i]);
	for (size_t i = 0; i < b->n_hidden; i++)
		mask_in_binds(b, b->hidden[i].path);
	mask_closed(b);
}
