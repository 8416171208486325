/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host/host_facts.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/host/hosts.h"
#include "core/run/mount/lxcfs.h"
#include "core/run/host/machine.h"
#include "core/run/host/netfacts.h"

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
		.dev = mnt_fs_get_devno(fs),
	};
	/* Only a part of a file system can be a file; a whole one isn't looked at, as it may hang,
	 * and no part of lxcfs, which is over /proc where the host is itself a container. */
	if (to->root && strcmp(to->root, "/") != 0 && to->fstype &&
		strcmp(to->fstype, "fuse.lxcfs") != 0 &&
		host_look(h, to->target, false, &st) == 0)
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
	bool (*answers)(const char *where) =
		h->eyes ? h->eyes->lxcfs_answers : lxcfs_answers;

	h->facts.lxcfs_dead = h->facts.lxcfs && !answers(h->facts.lxcfs);
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

int host_look(const struct host *h, const char *path, bool follow, struct stat *ret)
{
	int r = follow ? stat(path, ret) : lstat(path, ret);

	return r < 0 && errno == EACCES && h->eyes ? h->eyes->look(path, follow, ret) : r;
}

int host_world(const struct policy *policy, const struct host_eyes *eyes,
	struct host *ret, struct err *e)
{
	*ret = (struct host){ .eyes = eyes, .facts.cgroup = PLAN_CGROUP_NONE };
	ret->facts.controllers = &ret->controllers;
	ret->facts.systemd = access(PATH_SYSTEMD, F_OK) == 0;
	read_kernel(ret);
	ret->facts.hosts = hosts_read(&ret->arena, &ret->facts.hosts_too_large);
	ret->facts.user_manager = find_user_manager();
	ret->facts.scopes = sys_landlock_abi() >= 6;
	if (!ret->facts.hostname) {
		host_clear(ret);
		return err_set(e, ENOMEM, "read the host's name");
	}
	if (policy && policy_has_address(policy))
		netfacts_gather(ret);
	if ((policy && host_guarded(policy, ret, e) < 0) ||
		read_mounts(policy, ret, e) < 0) {
		host_clear(ret);
		return -1;
	}
	return 0;
}

int host_gather(const struct account *account, const struct policy *policy,
	struct host *ret, struct err *e)
{
	if (host_world(policy, NULL, ret, e) < 0)
		return -1;
	if (account && host_account(account, policy, ret, e) < 0) {
		host_clear(ret);
		return -1;
	}
	return 0;
}
