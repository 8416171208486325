/* SPDX-License-Identifier: BSD-3-Clause */
/* A minimal /dev: a few of the host's nodes, the terminal, and what a box has of its own.
 */
#include "core/plan/planner.h"

#include <string.h>

static void node_add(struct planner *b, const struct plan_path *found, const char *path)
{
	struct plan_op *op;

	for (size_t i = 0; i < b->p->n_ops; i++)
		if (b->p->ops[i].kind == PLAN_DEVICE &&
			!strcmp(b->p->ops[i].target, path))
			return;
	plan_mount_point(b, planner_dirname(b, path), PLAN_PATH_DIR);
	op = planner_op(b, PLAN_DEVICE, path);
	op->source = found->real ? planner_copy(b, found->real) : path;
	op->use = found->use;
}

static void link_add(struct planner *b, const char *path, const char *says)
{
	planner_op(b, PLAN_SYMLINK, path)->source = says;
}

/* Each thing on the host that an entry of Devices= names. */
static bool devices_match(struct planner *b, const char *pattern,
	enum plan_path_kind kind,
	void (*found)(struct planner *b, const struct plan_path *at, const char *path))
{
	const struct plan_host *host = b->in->host;
	bool any = false;

	for (size_t i = 0; i < host->n_paths; i++) {
		const char *path;

		if (host->paths[i].kind == PLAN_PATH_ABSENT ||
			(host->paths[i].use != PLAN_USE_DEVICE &&
				host->paths[i].use != PLAN_USE_ANY))
			continue;
		path = planner_path(b, host->paths[i].path);
		if (!path || !path_matches(pattern, path))
			continue;
		any = true;
		if (host->paths[i].kind == kind)
			found(b, &host->paths[i], path);
	}
	return any;
}

static void want_directory(
	struct planner *b, const struct plan_path *found, const char *path)
{
	struct want *more;

	for (size_t i = 0; i < b->n_wants; i++)
		if (strcmp(b->wants[i].target, path) == 0)
			return;
	more = planner_more(b, b->wants, &b->n_wants, sizeof(*more));
	if (!more) {
		b->n_wants = 0;
		return;
	}
	b->wants = more;
	more[b->n_wants - 1] = (struct want){ .key = "Devices",
		.use = found->use,
		.source = found->real ? planner_copy(b, found->real) : path,
		.target = path,
		.named = path,
		.kind = PLAN_PATH_DIR,
		.attr = ATTR_DEV,
		.optional = true };
}

static const char *entry_path(struct planner *b, const char *entry)
{
	return planner_path(b, entry[0] == '-' ? entry + 1 : entry);
}

static int device_missing(
	struct planner *b, const char *entry, const char *path, struct err *e)
{
	const struct plan_path *found = planner_find(b, PLAN_USE_DEVICE, path);

	if (entry[0] == '-') {
		if (found && found->refused)
			planner_note(
				b, "Devices=%s is left out: %s", entry, found->refused);
		return 0;
	}
	if (found && found->refused)
		return err_set(
			e, 0, "Devices=%s can't be used: %s", entry, found->refused);
	(void)err_set(e, 0,
		"Devices=%s: isn't there; write -%s to leave it out where it isn't",
		entry, entry);
	return planner_absent(found, e);
}

/* Check Devices=, and want the directories among them; the nodes come with plan_dev(). */
int plan_devices(struct planner *b, struct err *e)
{
	static const char *const own[] = { "/dev/pts", "/dev/ptmx", "/dev/shm",
		"/dev/mqueue", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr",
		"/dev/log", NULL };
	const struct strlist *devices = &b->in->policy->devices;

	for (size_t i = 0; i < devices->n; i++) {
		const char *entry = devices->v[i];
		const char *path = entry_path(b, entry);

		if (!path || !path_below(path, "/dev"))
			return err_set(
				e, 0, "Devices=%s: takes a path below /dev", entry);
		if (path_within_any(path, own))
			return err_set(
				e, 0, "Devices=%s: a box has its own %s", entry, path);
		if (!devices_match(b, path, PLAN_PATH_DIR, want_directory) &&
			device_missing(b, entry, path, e) < 0)
			return -1;
	}
	return 0;
}

/* A console keeps its name; a pty of the host's devpts has none in here. */
static void dev_terminal(struct planner *b)
{
	const char *tty = b->p->tty;
	const char *target = path_within(tty, "/dev/pts") ? "/dev/console" : tty;
	struct plan_op *op;

	if (tty[0] == '\0')
		return;
	plan_mount_point(b, planner_dirname(b, target), PLAN_PATH_DIR);
	op = planner_op(b, PLAN_TERMINAL, target);
	op->source = tty;
	op->attr = ATTR_DEV;
	op->uid = b->p->uid;
	op->gid = PLAN_TTY_GID;
	op->mode = 0620;
}

void plan_dev(struct planner *b)
{
	const struct strlist *devices = &b->in->policy->devices;
	uint64_t tmp_size = b->in->policy->tmp_size;
	struct plan_op *op;

	op = planner_op(b, PLAN_TMPFS, "/dev");
	op->attr = ATTR_DEV;
	op->size = 1024 * 1024;
	op->inodes = 1024;
	op->mode = 0755;
	for (size_t i = 0; plan_default_devices[i]; i++) {
		const struct plan_path *found =
			planner_find(b, PLAN_USE_ANY, plan_default_devices[i]);

		if (found && found->kind != PLAN_PATH_ABSENT)
			node_add(b, found, plan_default_devices[i]);
	}
	for (size_t i = 0; i < devices->n; i++)
		devices_match(b, entry_path(b, devices->v[i]), PLAN_PATH_FILE, node_add);
	dev_terminal(b);
	link_add(b, "/dev/fd", "/proc/self/fd");
	link_add(b, "/dev/stdin", "/proc/self/fd/0");
	link_add(b, "/dev/stdout", "/proc/self/fd/1");
	link_add(b, "/dev/stderr", "/proc/self/fd/2");
	link_add(b, "/dev/ptmx", "pts/ptmx");
	if (planner_kind(b, PLAN_USE_ANY, "/run/systemd/journal/dev-log") !=
			PLAN_PATH_ABSENT &&
		!planner_wants(b, "/dev/log"))
		link_add(b, "/dev/log", "/run/systemd/journal/dev-log");
	planner_op(b, PLAN_DIR, "/dev/pts")->mode = 0755;
	planner_op(b, PLAN_DIR, "/dev/mqueue")->mode = 0755;
	planner_op(b, PLAN_DIR, "/dev/shm")->mode = 0755;
	op = planner_op(b, PLAN_TMPFS, "/dev/shm");
	op->attr = ATTR_PLAIN;
	op->mode = 01777;
	op->shared = b->p->share_tmp;
	op->size = tmp_size == PARSE_INFINITY ? 0 : tmp_size;
	op->inodes = planner_inodes(tmp_size);
}
