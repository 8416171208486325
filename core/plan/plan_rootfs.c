/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of the host's file systems the box gets an overlay over. */
#include "core/plan/planner.h"

#include "core/base/paths.h"

#include <stdlib.h>
#include <string.h>

/* What a box has of its own, or is not to have, though a system directory may hold it. */
static const char *const left_out[] = { "/home", "/root", "/boot", "/proc", "/sys",
	"/dev", "/run", "/tmp", "/var/tmp", "/mnt", "/media", PATH_STATE,
	/* the box has its own */
	"/etc/hosts", "/etc/hostname", NULL };

/* Kernel interfaces and places for programs: nothing that a lower could be made of. */
static const char *const virtual_types[] = { "proc", "sysfs", "tmpfs", "ramfs",
	"devtmpfs", "devpts", "cgroup", "cgroup2", "cpuset", "autofs", "debugfs",
	"tracefs", "securityfs", "selinuxfs", "smackfs", "mqueue", "hugetlbfs", "pstore",
	"bpf", "configfs", "fusectl", "efivarfs", "binfmt_misc", "nsfs", "rpc_pipefs",
	"nfsd", "rootfs", "resctrl", "fuse", NULL };

/*
 * With FS_ALLOW_IDMAP in every kernel that overlays idmapped lowers (5.19). Others came
 * later (squashfs 6.2, tmpfs 6.3, ceph 6.7) or never: a plain lower works with all of
 * them.
 */
static const char *const idmapped_types[] = { "ext3", "ext4", "xfs", "btrfs", "f2fs",
	"erofs", "vfat", "ntfs3", NULL };

/* File systems that are never shown in a box, and whose absence is worth no note. */
static const char *const quiet_types[] = { "squashfs", "overlay", "iso9660", NULL };

static bool is_virtual(const char *fstype)
{
	return path_in(fstype, virtual_types) || strncmp(fstype, "fuse.", 5) == 0;
}

/* A later mount onto the same place, or onto a directory above it, is what can be seen. */
static bool is_covered(const struct plan_host *host, size_t i)
{
	const char *target = host->mounts[i].target;

	for (size_t j = i + 1; j < host->n_mounts; j++)
		if (strcmp(host->mounts[j].target, target) == 0 ||
			(strcmp(host->mounts[j].target, "/") != 0 &&
				path_below(target, host->mounts[j].target)))
			return true;
	return false;
}

/* Whether the box has something else there: a bind, an empty directory, or nothing at all.
 */
bool planner_is_replaced(const struct planner *b, const char *target)
{
	for (size_t i = 0; i < b->n_hidden; i++)
		if (!b->image && path_within(target, b->hidden[i].path))
			return true;
	for (size_t i = 0; i < b->n_covers; i++)
		if (path_within(target, b->covers[i]))
			return true;
	for (size_t i = 0; i < b->n_wants; i++)
		if (path_within(target, b->wants[i].target))
			return true;
	return false;
}

const char *plan_no_idmap(const struct planner *b, const char *path)
{
	const struct plan_host *host = b->in->host;
	const struct plan_host_mount *on = NULL;

	for (size_t i = 0; i < host->n_mounts; i++)
		if (path_within(path, host->mounts[i].target) && !is_covered(host, i) &&
			(!on || strlen(host->mounts[i].target) >= strlen(on->target)))
			on = &host->mounts[i];
	if (!on || !host->idmapped_lower)
		return "a file system before Linux 5.19";
	return path_in(on->fstype, idmapped_types) ? NULL : on->fstype;
}

/*
 * Whether something lies in the tree that a name of the host's must not get around: what is mounted
 * on a directory goes along when the host renames that, and goes when the host removes it.
 */
static bool is_touched(const struct planner *b, const char *tree)
{
	static const char *const own[] = { "/etc/hosts", "/var/tmp", PLAN_WTMP, NULL };
	const struct plan_host *host = b->in->host;

	for (size_t i = 0; own[i]; i++)
		if (path_within(own[i], tree))
			return true;
	for (size_t i = 0; i < b->n_hidden; i++)
		if (path_within(b->hidden[i].path, tree))
			return true;
	for (size_t i = 0; i < b->n_covers; i++)
		if (path_within(b->covers[i], tree))
			return true;
	for (size_t i = 0; i < b->n_wants; i++)
		if (path_within(b->wants[i].target, tree))
			return true;
	for (size_t i = 0; i < host->n_mounts; i++)
		if (host->mounts[i].file && path_within(host->mounts[i].target, tree))
			return true;
	return false;
}

/* @m is the file system that the host has at @at. */
static void overlay_add(
	struct planner *b, const char *at, const struct plan_host_mount *m)
{
	struct plan *p = b->p;
	struct plan_overlay *more =
		planner_more(b, p->overlays, &p->n_overlays, sizeof(*more));
	const char *target = planner_copy(b, at);
	bool idmap = b->in->host->idmapped_lower && path_in(m->fstype, idmapped_types);
	bool none = b->in->policy->upper == UPPER_NONE;

	if (!more) {
		p->n_overlays = 0;
		return;
	}
	p->overlays = more;
	more[p->n_overlays - 1] = (struct plan_overlay){ .target = target,
		.live = none && strcmp(at, "/") != 0 && !is_touched(b, at),
		.lower = target,
		.source = planner_copy(b, m->source),
		.idmap = idmap,
		.readonly = none || m->readonly,
		.attr = ATTR_PLAIN | (none || m->readonly ? MOUNT_ATTR_RDONLY : 0) };
	if (b->in->host->idmapped_lower && !idmap && strcmp(at, m->target) == 0)
		planner_note(b,
			"%s: plain lower, root's files show as nobody's inside: %s "
			"can't be idmapped",
			target, m->fstype);
}

static int compare_overlays(const void *a, const void *b)
{
	return strcmp(((const struct plan_overlay *)a)->target,
		((const struct plan_overlay *)b)->target);
}

/* Homes of others lie beside the account's: /nfs/home/bob. */
static bool is_beside_home(const struct planner *b, const char *target)
{
	const char *home = b->home;
	size_t len = (size_t)(strrchr(home, '/') - home);

	return len > 0 && strncmp(target, home, len) == 0 &&
	       (target[len] == '/' || target[len] == '\0');
}

bool plan_is_data(const struct planner *b, size_t i)
{
	const struct plan_host_mount *m = &b->in->host->mounts[i];

	return !m->file && !is_virtual(m->fstype) && !is_covered(b->in->host, i) &&
	       strcmp(m->target, "/") != 0 &&
	       !path_within_any(m->target, plan_system_dirs) &&
	       !path_within_any(m->target, left_out) &&
	       !path_in(m->fstype, quiet_types) && !path_below(b->home, m->target) &&
	       !is_beside_home(b, m->target);
}

/* Whether a mount that gets no overlay is worth a word: an admin may want to bind it. */
static bool is_unbound(const struct planner *b, const struct plan_host_mount *m)
{
	for (size_t i = 0; i < b->n_wants; i++)
		if (path_within(b->wants[i].source, m->target))
			return false;
	return !path_in(m->fstype, quiet_types) && !path_below(b->home, m->target) &&
	       !planner_is_replaced(b, m->target);
}

static bool is_missed(const struct planner *b, const struct plan_host_mount *m)
{
	return is_unbound(b, m) && !path_within_any(m->target, left_out);
}

/*
 * The same of what HostMounts= doesn't take: where admins mount this and that, and file systems that
 * are made by a program or mounted when they are looked at.
 */
static bool is_missed_always(const struct planner *b, const struct plan_host_mount *m)
{
	static const char *const places[] = { "/mnt", "/media", NULL };
	static const char *const types[] = { "autofs", "tmpfs", "fuse", NULL };
	bool there = path_within_any(m->target, places);

	if (is_virtual(m->fstype) ? !path_in(m->fstype, types) &&
					    strncmp(m->fstype, "fuse.", 5) != 0
				  : !there)
		return false;
	return there ? is_unbound(b, m) : is_missed(b, m);
}

struct missed {
	const char *list;
	size_t n;
};

static void missed_add(
	struct planner *b, struct missed *l, const struct plan_host_mount *m)
{
	if (l->n++ < 5)
		l->list = planner_text(
			b, "%s%s%s", l->list, *l->list ? " " : "", m->target);
}

static void note_missed(struct planner *b, struct missed *l, const char *also)
{
	if (l->n > 5)
		l->list = planner_text(b, "%s and %zu more", l->list, l->n - 5);
	if (l->n > 0)
		planner_note(b,
			PLAN_NOTE_MISSED "%s; BindPaths= shows what a user needs of it%s",
			l->list, also);
}

static bool has_overlay(const struct plan *p, const char *target)
{
	for (size_t i = 0; i < p->n_overlays; i++)
		if (strcmp(p->overlays[i].target, target) == 0)
			return true;
	return false;
}

/* The system's trees that are part of the host's root: live where nothing speaks against it. */
static void live_trees(struct planner *b, const struct plan_host_mount *root)
{
	for (size_t i = 0; plan_live_trees[i]; i++) {
		const char *tree = plan_live_trees[i];
		const struct plan_path *found = planner_find(b, PLAN_USE_ANY, tree);

		if (!found || found->kind != PLAN_PATH_DIR ||
			(found->real && strcmp(found->real, tree) != 0))
			continue;
		if (!has_overlay(b->p, tree) && !planner_is_replaced(b, tree) &&
			!is_touched(b, tree))
			overlay_add(b, tree, root);
	}
}

int plan_rootfs(struct planner *b, struct err *e)
{
	const struct plan_host *host = b->in->host;
	struct missed missed = { "", 0 }, always = { "", 0 };
	const struct plan_host_mount *root = NULL;

	if (b->image) {
		plan_image_rootfs(b);
		return 0;
	}
	for (size_t i = 0; i < host->n_mounts; i++) {
		const struct plan_host_mount *m = &host->mounts[i];

		if (m->file || is_covered(host, i))
			continue;
		if (!path_within_any(m->target, plan_system_dirs) &&
			is_missed_always(b, m))
			missed_add(b, &always, m);
		if (is_virtual(m->fstype))
			continue;
		if (strcmp(m->target, "/") == 0) {
			root = m;
			overlay_add(b, m->target, m);
		} else if (path_within_any(m->target, plan_system_dirs)) {
			if (!path_within_any(m->target, left_out) &&
				!planner_is_replaced(b, m->target))
				overlay_add(b, m->target, m);
		} else if (is_missed(b, m)) {
			missed_add(b, &missed, m);
		}
	}
	if (!root)
		return err_set(e, 0, "the host's mount table has no file system at /");
	if (b->in->policy->upper == UPPER_NONE)
		live_trees(b, root);
	qsort(b->p->overlays, b->p->n_overlays, sizeof(*b->p->overlays),
		compare_overlays);
	if (!host->idmapped_lower)
		planner_note(b,
			"plain lowers, root's files show as nobody's inside: idmapped "
			"lowers need Linux 5.19");
	note_missed(b, &missed, ", HostMounts=yes all of them");
	note_missed(b, &always, "");
	return 0;
}

/*
 * A single file that is mounted on the host, as containers have their resolv.conf: no part of
 * any lower, and nothing to make an overlay of.
 */
void plan_file_mounts(struct planner *b)
{
	const struct plan_host *host = b->in->host;

	for (size_t i = 0; i < host->n_mounts && !b->image; i++) {
		const struct plan_host_mount *m = &host->mounts[i];
		struct plan_op *op;

		if (!m->file || is_covered(host, i) ||
			planner_is_replaced(b, m->target) ||
			!path_within_any(m->target, plan_system_dirs) ||
			path_within_any(m->target, left_out) ||
			(policy_has_address(b->in->policy) &&
				!strcmp(m->target, PLAN_RESOLV)))
			continue;
		op = planner_op(b, PLAN_BIND, planner_copy(b, m->target));
		op->source = op->target;
		op->attr = ATTR_CLOSED;
		op->as_user = true;
		op->optional = true;
	}
}
