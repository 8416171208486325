/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/hosts.h"
#include "core/run/lxcfs.h"
#include "core/run/machine.h"

#include <fcntl.h>
#include <glob.h>
#include <libmount/libmount.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

/* ---- the mount table ---------------------------------------------------------------- */

static const char *keep(struct host *h, const char *s)
{
	return arena_strdup(&h->arena, s ? s : "");
}

static int copy_mount(struct host *h, struct libmnt_fs *fs, struct plan_host_mount *to)
{
	struct stat st;

	*to = (struct plan_host_mount){
		.target = keep(h, mnt_fs_get_target(fs)),
		.source = keep(h, mnt_fs_get_source(fs)),
		.root = keep(h, mnt_fs_get_root(fs)),
		.fstype = keep(h, mnt_fs_get_fstype(fs)),
		.readonly = mnt_fs_match_options(fs, "ro") == 1,
	};
	/* Only a part of a file system can be a file; a whole one isn't looked at, as it may hang,
	 * and no part of lxcfs, which is over /proc where the host is itself a container. */
	if (to->root && strcmp(to->root, "/") != 0 && to->fstype &&
		strcmp(to->fstype, "fuse.lxcfs") != 0 && lstat(to->target, &st) == 0)
		to->file = !S_ISDIR(st.st_mode);
	return to->target && to->source && to->root && to->fstype ? 0 : -1;
}

/* v1 controllers are options of their file systems; v2 lists them in a file. */
static int note_v1(struct host *h, struct libmnt_fs *fs)
{
	static const char *const known[] = { "cpu", "cpuacct", "cpuset", "memory", "pids",
		"freezer", "blkio", "devices" };
	const char *options = mnt_fs_get_fs_options(fs);
	char *name = NULL;
	size_t len = 0;

	/* Without a controller: where systemd keeps track of processes. */
	if (options && mnt_optstr_get_option(options, "name", &name, &len) == 0 &&
		len == strlen("systemd") && strncmp(name, "systemd", len) == 0)
		return strlist_add(&h->controllers, "name=systemd");
	for (size_t i = 0; options && i < sizeof(known) / sizeof(*known); i++) {
		if (mnt_optstr_get_option(options, known[i], NULL, NULL) != 0)
			continue;
		h->facts.cgroup = PLAN_CGROUP_V1;
		if (!strlist_has(&h->controllers, known[i]) &&
			strlist_add(&h->controllers, known[i]) < 0)
			return -1;
	}
	return 0;
}

static int note_v2(struct host *h, struct libmnt_fs *fs)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_file_ FILE *f = NULL;
	char line[512];

	if (asprintf(&path, "%s/cgroup.controllers", mnt_fs_get_target(fs)) < 0)
		return -1;
	f = fopen(path, "re");
	/* As a hierarchy to be in, beside v1's. */
	if (strlist_add(&h->controllers, "unified") < 0)
		return -1;
	/* A hybrid host's v2 hierarchy has no controllers: v1 has them. */
	if (!f || !fgets(line, sizeof(line), f) || h->facts.cgroup == PLAN_CGROUP_V1)
		return 0;
	line[strcspn(line, "\n")] = '\0';
	if (*line == '\0')
		return 0;
	h->facts.cgroup = PLAN_CGROUP_V2;
	return strlist_add_words(&h->controllers, line);
}

static int note_cgroup(struct host *h, struct libmnt_fs *fs)
{
	const char *type = mnt_fs_get_fstype(fs);

	if (type && strcmp(type, "cgroup") == 0)
		return note_v1(h, fs);
	if (type && strcmp(type, "cgroup2") == 0)
		return note_v2(h, fs);
	return 0;
}

static void check_lxcfs(struct host *h)
{
	h->facts.lxcfs_dead = h->facts.lxcfs && !lxcfs_answers(h->facts.lxcfs);
	if (h->facts.lxcfs_dead)
		h->facts.lxcfs = NULL;
}

static int copy_table(struct host *h, struct libmnt_table *table)
{
	int room = mnt_table_get_nents(table);
	struct plan_host_mount *all = arena_alloc(
		&h->arena, ((size_t)room + 1) * sizeof(struct plan_host_mount));
	struct libmnt_iter *at = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	size_t n = 0;
	int r = all && at ? 0 : -1;

	while (r == 0 && mnt_table_next_fs(table, at, &fs) == 0) {
		r = copy_mount(h, fs, &all[n++]);
		if (r == 0)
			r = note_cgroup(h, fs);
		if (r == 0 && lxcfs_is(fs))
			h->facts.lxcfs = all[n - 1].target;
	}
	check_lxcfs(h);
	mnt_free_iter(at);
	h->facts.mounts = all;
	h->facts.n_mounts = n;
	return r;
}

static int read_mounts(const struct policy *policy, struct host *h, struct err *e)
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	int r;

	if (!table)
		return err_set(e, errno, "read /proc/self/mountinfo");
	if (copy_table(h, table) < 0)
		r = err_set(e, ENOMEM, "read /proc/self/mountinfo");
	else
		r = machine_gather(policy, table, h, e);
	mnt_unref_table(table);
	return r;
}

/* ---- paths -------------------------------------------------------------------------- */

struct paths {
	struct host *h;
	struct plan_path *v;
	size_t n, room;
};

/*
 * Whether only root can have brought it about that @path isn't there: down to what is missing
 * there is no link, and no folder that anybody else may write.
 */
static bool missing_by_root(const char *path)
{
	_cleanup_close_ int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_MAX + 1];
	struct stat st;

	while (at >= 0 && fstat(at, &st) == 0 && st.st_uid == 0 &&
		!(st.st_mode & (S_IWGRP | S_IWOTH))) {
		int next;

		path += strspn(path, "/");
		(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(path, "/"), path);
		next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return errno == ENOENT;
		path += strlen(name);
		(void)close(at);
		at = next;
	}
	return false;
}

static int add_path(struct paths *p, const char *path, bool configured)
{
	struct stat st;

	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].path, path) == 0)
			return 0;
	if (p->n == p->room) {
		struct plan_path *grown =
			reallocarray(p->v, p->room + 64, sizeof(*grown));

		if (!grown)
			return -1;
		p->v = grown;
		p->room += 64;
	}
	p->v[p->n] = (struct plan_path){ .path = keep(p->h, path) };
	if (stat(path, &st) == 0)
		p->v[p->n].kind = S_ISDIR(st.st_mode) ? PLAN_PATH_DIR : PLAN_PATH_FILE;
	else if (errno == EACCES) /* root-squashed: the account may get at it */
		p->v[p->n].kind = PLAN_PATH_DIR;
	else if (configured)
		p->v[p->n].by_root = missing_by_root(path);
	return p->v[p->n++].path ? 0 : -1;
}

static int add_pattern(struct paths *p, const char *pattern, bool configured)
{
	glob_t found;
	int r = 0;

	if (!strpbrk(pattern, "*?["))
		return add_path(p, pattern, configured);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
		r = add_path(p, found.gl_pathv[i], configured);
	globfree(&found);
	return r;
}

static int add_defaults(struct paths *p, const char *const *list)
{
	for (; *list; list++)
		if (add_pattern(p, *list, false) < 0)
			return -1;
	return 0;
}

/* "-/a:/b" names the source /a. */
static int add_configured(struct paths *p, const struct strlist *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *s = list->v[i] + (list->v[i][0] == '-');
		_cleanup_free_ char *source = strndup(s, strcspn(s, ":"));

		if (!source || add_pattern(p, source, true) < 0)
			return -1;
	}
	return 0;
}

static bool is_live_tree(const char *path)
{
	for (size_t i = 0; plan_live_trees[i]; i++)
		if (strcmp(path, plan_live_trees[i]) == 0)
			return true;
	return false;
}

/* A path that is hidden must be hidden where it really is: /lib is /usr/lib on Debian. */
static void find_real(struct paths *p, const struct strlist *hidden)
{
	char real[PATH_MAX];

	for (size_t i = 0; i < p->n; i++)
		if ((strlist_has(hidden, p->v[i].path) || is_live_tree(p->v[i].path)) &&
			realpath(p->v[i].path, real))
			p->v[i].real = keep(p->h, real);
}

static int look_at_paths(const struct policy *policy, struct host *h, struct err *e)
{
	const struct strlist *lists[] = { &policy->bind_paths, &policy->bind_ro_paths,
		&policy->inaccessible_paths, &policy->devices, &policy->sockets };
	struct paths p = { .h = h };
	struct plan_path *owned;
	int r = 0;

	if (add_defaults(&p, plan_live_trees) < 0 ||
		add_defaults(&p, plan_default_inaccessible) < 0 ||
		add_defaults(&p, plan_default_sockets) < 0 ||
		add_defaults(&p, plan_default_devices) < 0)
		r = -1;
	for (size_t i = 0; r == 0 && i < sizeof(lists) / sizeof(*lists); i++)
		r = add_configured(&p, lists[i]);
	find_real(&p, &policy->inaccessible_paths);
	owned = arena_alloc(&h->arena, (p.n + 1) * sizeof(*owned));
	if (owned && p.n > 0)
		memcpy(owned, p.v, p.n * sizeof(*owned));
	free(p.v);
	h->facts.paths = owned;
	h->facts.n_paths = p.n;
	return r < 0 || !owned ? err_set(e, ENOMEM, "look at the paths of the config")
			       : 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

/* In the box it has the same path: the host's is its lower. */
static const char *find_user_manager(void)
{
	static const char *const places[] = { "/usr/lib/systemd/systemd",
		"/lib/systemd/systemd" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

static void read_kernel(struct host *h)
{
	struct utsname u;
	unsigned int major = 0, minor = 0;

	if (uname(&u) < 0)
		return;
	h->facts.hostname = keep(h, u.nodename);
	if (sscanf(u.release, "%u.%u", &major, &minor) == 2)
		h->facts.idmapped_lower = major > 5 || (major == 5 && minor >= 19);
}

int host_gather(const struct policy *policy, struct host *ret, struct err *e)
{
	*ret = (struct host){ .facts.cgroup = PLAN_CGROUP_NONE };
	ret->facts.controllers = &ret->controllers;
	ret->facts.systemd = access(PATH_SYSTEMD, F_OK) == 0;
	read_kernel(ret);
	ret->facts.hosts = hosts_read(&ret->arena);
	ret->facts.user_manager = find_user_manager();
	ret->facts.scopes = sys_landlock_abi() >= 6;
	if (!ret->facts.hostname) {
		host_clear(ret);
		return err_set(e, ENOMEM, "read the host's name");
	}
	if (read_mounts(policy, ret, e) < 0 || look_at_paths(policy, ret, e) < 0) {
		host_clear(ret);
		return -1;
	}
	return 0;
}

void host_clear(struct host *h)
{
	strlist_clear(&h->controllers);
	strlist_clear(&h->lacking);
	arena_clear(&h->arena);
	*h = (struct host){ 0 };
}
