/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A box over an image: nothing of the host's trees is in it. What an image may say is somebody's data: which of
 * it is there is looked at when the rootfs is put together, within the image (core/run/mount/rootfs_image.h).
 */
#include "core/plan/planner.h"

#include "core/base/paths.h"

#include <string.h>

#define COMMAND   "/run/nsshell/command"
#define LOCALTIME "/run/nsshell/localtime"
#define TERMINFO  "/run/nsshell/terminfo"
#define RESOLV    "/run/nsshell/resolv.conf"

/* Where an image has no such file, or no file there. */
static const char usual_passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
				   "nobody:x:65534:65534:nobody:/:/bin/false\n";
static const char usual_group[] = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n";

void plan_image_rootfs(struct planner *b)
{
	const struct plan_image *image = b->image;
	struct plan *p = b->p;
	struct plan_overlay *o = arena_alloc(&p->arena, sizeof(*o));
	bool none = b->in->policy->upper == UPPER_NONE;
	uint64_t attr = b->in->policy->root ? MOUNT_ATTR_NODEV : ATTR_PLAIN;
	const char *why = image->lower ? plan_no_idmap(b, image->lower) : NULL;

	if (!o) {
		b->oom = true;
		return;
	}
	*o = (struct plan_overlay){ .target = "/",
		.lower = planner_copy(b, image->lower),
		.source = p->image,
		.layers = arena_alloc(
			&p->arena, (image->n_layers + 1) * sizeof(*o->layers)),
		.idmap = !why,
		.readonly = none,
		.attr = attr | (none ? MOUNT_ATTR_RDONLY : 0) };
	if (!o->layers)
		b->oom = true;
	for (size_t i = image->n_layers; o->layers && i-- > 0;)
		o->layers[o->n_layers++] = planner_text(b, "l/%s", image->layers[i]);
	if (why)
		planner_note(b,
			"%s: plain lower, root's files show as nobody's inside: %s can't be idmapped",
			o->lower, why);
	p->overlays = o;
	p->n_overlays = 1;
}

/* ---- the account -------------------------------------------------------------------- */

static void lines_add(struct planner *b, const char *path, uint32_t mode,
	const char *lines, const char *usual)
{
	struct plan_layer *l;

	planner_layer(b, PLAN_LAYER_LINES, path, usual);
	if (b->p->n_layers == 0)
		return; /* out of memory */
	l = &b->p->layers[b->p->n_layers - 1];
	l->content = lines;
	l->mode = mode;
}

/* A word of passwd(5): what would end it, or its line, is a "?". */
static const char *word(struct planner *b, const char *s)
{
	char *copy = arena_strdup(&b->p->arena, s);

	if (!copy)
		b->oom = true;
	for (char *at = copy; at && *at; at++)
		if (*at == ':' || (unsigned char)*at < ' ' || *at == 127)
			*at = '?';
	return copy ? copy : "";
}

static const char *name_of_group(const struct account *a, uint32_t gid)
{
	for (size_t i = 0; i < a->n_groups; i++)
		if (a->groups[i] == gid)
			return a->group_names ? a->group_names[i] : NULL;
	return NULL;
}

/* The account's groups that its box keeps, by the host's names; the primary one is its own by passwd(5). */
static const char *group_lines(struct planner *b)
{
	const struct plan *p = b->p;
	const char *user = word(b, p->user), *lines = "";

	for (size_t i = 0; i < p->n_groups; i++) {
		const char *name = name_of_group(b->in->account, p->groups[i]);

		if (name)
			lines = planner_text(b, "%s%s:x:%u:%s\n", lines, word(b, name),
				p->groups[i], i == 0 ? "" : user);
	}
	return lines;
}

static void account_lines(struct planner *b)
{
	const struct plan *p = b->p;
	const char *user = word(b, p->user);

	lines_add(b, "/etc/passwd", 0644,
		planner_text(b, "%s:x:%u:%u::%s:%s\n", user, p->uid, p->gid,
			word(b, p->home), word(b, p->shell)),
		usual_passwd);
	lines_add(b, "/etc/group", 0644, group_lines(b), usual_group);
	/* For who is to be root: by uid, as a name may have what sudoers(5) doesn't take. */
	if (b->in->policy->root)
		lines_add(b, "/etc/sudoers.d/nsshell", 0440,
			planner_text(b, "#%u ALL=(ALL:ALL) NOPASSWD: ALL\n", p->uid), "");
	/* Nobody logs in by it. */
	lines_add(b, "/etc/shadow", 0600, planner_text(b, "%s:!*:::::::\n", user), "");
}

static void shell_links(struct planner *b)
{
	const struct plan *p = b->p;
	const char *const shells[] = { p->shell, p->door_shell };

	for (size_t i = 0; i < 2; i++) {
		const char *path =
			plan_is_shell(shells[i]) ? planner_path(b, shells[i]) : NULL;

		if (!path)
			continue;
		if (i == 0 && *p->door_shell && strcmp(path, p->door_shell) != 0)
			planner_layer(b, PLAN_LAYER_SHELL, path, p->door_shell);
		if (strcmp(path, "/bin/sh") != 0)
			planner_layer(b, PLAN_LAYER_SHELL, path, "/bin/sh");
	}
}

/* ---- places, and what is the host's ------------------------------------------------- */

static const struct plan_path *host_has(const struct planner *b, const char *path)
{
	const struct plan_path *found = planner_find(b, PLAN_USE_ANY, path);

	return found && found->kind != PLAN_PATH_ABSENT && !found->refused ? found : NULL;
}

/* The directory of the host's entries, by one that each has. */
static const char *terminfo(struct planner *b)
{
	static const char one[] = "/x/xterm";

	for (size_t i = 0; plan_image_wants[i]; i++) {
		const char *path = plan_image_wants[i];
		size_t len = strlen(path), end = len - strlen(one);

		if (len > strlen(one) && strcmp(path + end, one) == 0 &&
			host_has(b, path))
			return planner_text(b, "%.*s", (int)end, path);
	}
	return NULL;
}

static void link_add(struct planner *b, const char *path, const char *to, bool if_missing)
{
	planner_layer(b, PLAN_LAYER_SYMLINK, path, to);
	if (b->p->n_layers > 0)
		b->p->layers[b->p->n_layers - 1].if_missing = if_missing;
}

/* It goes by the name that it is called by. */
static bool command_links(struct planner *b)
{
	const struct plan *p = b->p;
	size_t n = p->n_layers;

	for (size_t i = 0; i < p->n_commands; i++)
		if (!p->commands[i].why)
			planner_layer(
				b, PLAN_LAYER_COMMAND, p->commands[i].program, COMMAND);
	for (size_t i = 0; i < p->n_inside; i++)
		planner_layer(b, PLAN_LAYER_COMMAND, p->inside[i], COMMAND);
	return p->n_layers > n;
}

void plan_image_layers(struct planner *b)
{
	/* What isn't a directory there makes way for one. */
	static const char *const places[] = { "/dev", "/etc", "/proc", "/run", "/sys",
		"/tmp", "/var", "/var/tmp", NULL };

	for (size_t i = 0; places[i]; i++)
		planner_layer(b, PLAN_LAYER_DIR, places[i], NULL);
	account_lines(b);
	shell_links(b);
	if (host_has(b, "/etc/localtime"))
		link_add(b, "/etc/localtime", LOCALTIME, false);
	/* Not in the way of a package that root installs. */
	if (terminfo(b) && !b->in->policy->root)
		link_add(b, "/usr/share/terminfo", TERMINFO, true);
	b->links_commands = command_links(b);
}

static struct plan_op *bind_add(struct planner *b, const char *source, const char *target,
	enum plan_op_kind place)
{
	struct plan_op *op = planner_op(b, place, target);

	op->mode = place == PLAN_DIR ? 0755 : 0444;
	op = planner_op(b, PLAN_BIND, target);
	op->source = source;
	op->attr = ATTR_CLOSED;
	op->optional = true;
	return op;
}

/* In a file of the host's own that can be replaced while a session lasts. */
void plan_image_run(struct planner *b)
{
	const struct plan_path *found = host_has(b, PLAN_RESOLV);
	const char *entries = terminfo(b);

	if (found && !policy_has_address(b->in->policy))
		bind_add(b, planner_real(b, PLAN_USE_ANY, PLAN_RESOLV), RESOLV, PLAN_FILE)
			->renew = true;
	if (host_has(b, "/etc/localtime"))
		bind_add(b, planner_real(b, PLAN_USE_ANY, "/etc/localtime"), LOCALTIME,
			PLAN_FILE)
			->renew = true;
	if (entries && !b->in->policy->root)
		bind_add(b, entries, TERMINFO, PLAN_DIR);
	if (b->links_commands)
		bind_add(b, PATH_COMMAND, COMMAND, PLAN_FILE)->attr = ATTR_RDONLY;
}
