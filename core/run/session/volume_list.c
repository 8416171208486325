/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/volume_list.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/base/parse.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/mount/remove_tree.h"
#include "core/run/mount/volumes.h"
#include "core/run/session/account_sessions.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK_MS 2000
/* Beyond, nothing is counted any more. */
#define FILES_MAX 1000000
#define DEPTH_MAX 256

static int open_all(void)
{
	return open(PATH_VOLUMES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int open_own(uid_t uid)
{
	char path[sizeof(PATH_VOLUMES) + 16];

	(void)snprintf(path, sizeof(path), PATH_VOLUMES "/%u", uid);
	return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- whose -------------------------------------------------------------------------- */

static int look(int all, struct volume_owner *ret, struct err *e)
{
	char path[32];
	int has;

	(void)snprintf(path, sizeof(path), "%u/" VOLUMES_OWNER, ret->uid);
	if (io_read_text(all, path, ret->name, sizeof(ret->name)) < 0) {
		if (errno != ENOENT)
			return err_set(e, errno, "read %s/%s", PATH_VOLUMES, path);
		ret->name[0] = '\0';
	}
	ret->name[strcspn(ret->name, "\n")] = '\0';
	has = account_has_uid(ret->name, ret->uid, e);
	ret->gone = has == 0;
	return has < 0 ? -1 : 0;
}

/* "1000" or "1000.gone" */
static bool take_name(const char *name, struct volume_owner *ret)
{
	char uid[16];
	size_t len = strcspn(name, ".");

	(void)snprintf(uid, sizeof(uid), "%.*s", len < sizeof(uid) ? (int)len : 0, name);
	ret->cut_off = ret->gone = strcmp(name + len, VOLUMES_GONE) == 0;
	return (ret->cut_off || name[len] == '\0') && parse_u32(uid, &ret->uid) == 0;
}

int volume_owners(struct volume_owner **ret, size_t *ret_n, struct err *e)
{
	_cleanup_close_ int fd = open_all();
	_cleanup_dir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_free_ struct volume_owner *list = NULL;
	const struct dirent *entry;
	size_t n = 0;

	*ret = NULL;
	*ret_n = 0;
	if (!dir)
		return errno == ENOENT ? 0 : err_set(e, errno, "read %s", PATH_VOLUMES);
	(void)take_fd(&fd);
	while ((errno = 0, entry = readdir(dir))) {
		struct volume_owner found = { .name = "" }, *more;

		if (!take_name(entry->d_name, &found))
			continue;
		if (!found.cut_off && look(dirfd(dir), &found, e) < 0)
			return -1;
		more = reallocarray(list, n + 1, sizeof(*list));
		if (!more)
			return err_set(e, ENOMEM, "read %s", PATH_VOLUMES);
		list = more;
		list[n++] = found;
	}
	if (errno)
		return err_set(e, errno, "read %s", PATH_VOLUMES);
	*ret = list;
	*ret_n = n;
	list = NULL;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int volume_names(uid_t uid, struct strlist *ret, struct err *e)
{
	_cleanup_close_ int fd = open_own(uid);
	_cleanup_dir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir)
		return errno == ENOENT
			       ? 0
			       : err_set(e, errno, "read %s/%u", PATH_VOLUMES, uid);
	(void)take_fd(&fd);
	while ((errno = 0, entry = readdir(dir)))
		if (volumename_is_valid(entry->d_name, strlen(entry->d_name)) &&
			strlist_add(ret, entry->d_name) < 0)
			return err_set(e, ENOMEM, "read %s/%u", PATH_VOLUMES, uid);
	if (errno)
		return err_set(e, errno, "read %s/%u", PATH_VOLUMES, uid);
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare);
	return 0;
}

/* ---- how large ---------------------------------------------------------------------- */

struct count {
	uint64_t bytes, files;
	int depth;
};

static int open_below(int dir, const char *name)
{
	return sys_openat2(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

static int count_dir(struct count *c, int parent, const char *name);

/* What goes while it is counted isn't there. NOLINTNEXTLINE(misc-no-recursion): bounded by DEPTH_MAX */
static int count_one(struct count *c, int dir, const char *name)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	c->bytes += (uint64_t)st.st_blocks * 512;
	if (++c->files > FILES_MAX)
		return 1;
	return S_ISDIR(st.st_mode) ? count_dir(c, dir, name) : 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by DEPTH_MAX */
static int count_dir(struct count *c, int parent, const char *name)
{
	int fd = c->depth == DEPTH_MAX ? -1 : open_below(parent, name), r = 0;
	_cleanup_dir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir)
		return c->depth == DEPTH_MAX || errno != ENOENT;
	c->depth++;
	while (r == 0 && (entry = readdir(dir)))
		r = count_one(c, dirfd(dir), entry->d_name);
	c->depth--;
	return r;
}

int volume_size(
	uid_t uid, const char *name, uint64_t *ret, uint64_t *ret_files, struct err *e)
{
	_cleanup_close_ int own = open_own(uid);
	struct count c = { 0 };

	if (own < 0)
		return err_set(e, errno, "open %s/%u", PATH_VOLUMES, uid);
	if (count_dir(&c, own, name) != 0)
		return 1;
	*ret = c.bytes;
	*ret_files = c.files;
	return 0;
}

time_t volume_used(uid_t uid, const char *name)
{
	char used[VOLUME_NAME_MAX + 8];
	_cleanup_close_ int own = open_own(uid);
	struct stat st;

	(void)snprintf(used, sizeof(used), VOLUMES_USED "%s", name);
	return own >= 0 && fstatat(own, used, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mtime
									     : 0;
}

/* ---- by whom ------------------------------------------------------------------------ */

bool volume_is_used(const struct record *r, uid_t uid, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = r->volumes; r->uid == uid && *at;) {
		size_t n = strcspn(at, " ");

		if (n == len && strncmp(at, name, len) == 0)
			return true;
		at += n + strspn(at + n, " ");
	}
	return false;
}

/* Of a session of another version it isn't known. Return: 0, or -1 with @e. */
static int check_unused(int account_lock, uid_t uid, const char *name, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	size_t n;

	if (account_sessions_ids(account_lock, &ids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct record r;
		int read = record_read_live(ids[i], &r, e);

		if (read < 0 || (read == 2 && err_wrap(e, "session %s", ids[i]) < 0))
			return -1;
		if (read == 0 && volume_is_used(&r, uid, name))
			return err_set(e, 0,
				"session %s of %s has the volume %s: end it first (nsctl stop %s)",
				r.id, r.user, name, r.id);
	}
	return 0;
}

/* ---- removing ----------------------------------------------------------------------- */

/* Once it is renamed it is no volume, whatever happens to us. Return: 0; -1 with errno. */
static int set_aside(int own, const char *name, const char *aside)
{
	return renameat2(own, name, own, aside, RENAME_NOREPLACE);
}

static void forget_use(int own, const char *name)
{
	char used[VOLUME_NAME_MAX + 8];

	(void)snprintf(used, sizeof(used), VOLUMES_USED "%s", name);
	(void)unlinkat(own, used, 0);
}

/* Without the account's lock, for which logins would wait; with one of the directory. */
static int finish(int dir, const char *aside, struct err *e)
{
	if (faccessat(dir, aside, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "look at %s", aside);
	return tree_remove(dir, aside, e);
}

static int lock(int dir, const char *what, struct err *e)
{
	return lock_file(dir, LOCK_EX, LOCK_MS) != 0
		       ? err_set(e, 0, "%s is being removed by another process", what)
		       : 0;
}

static int take_away(
	uid_t uid, int own, const char *name, const char *aside, struct err *e)
{
	_cleanup_close_ int account_lock = -EBADF;
	struct err ignored;
	int r;

	if (account_sessions_lock(uid, LOCK_MS, &account_lock, e) != 0)
		return -1;
	r = check_unused(account_lock, uid, name, e);
	if (r == 0 && set_aside(own, name, aside) < 0)
		r = err_set(e, errno, "remove %s/%u/%s", PATH_VOLUMES, uid, name);
	if (r == 0)
		forget_use(own, name);
	(void)account_sessions_drop(account_lock, uid, "", &ignored);
	return r;
}

int volume_remove(uid_t uid, const char *name, struct err *e)
{
	char aside[VOLUME_NAME_MAX + 8];
	_cleanup_close_ int own = open_own(uid);

	if (!volumename_is_valid(name, strlen(name)))
		return err_set(e, 0, "\"%.80s\" is no name of a volume", name);
	(void)snprintf(aside, sizeof(aside), VOLUMES_GONE "-%s", name);
	if (own < 0 || faccessat(own, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return own >= 0 && finish(own, aside, e) < 0
			       ? -1
			       : err_set(e, 0,
					 "there is no volume %s (nsctl volume list)",
					 name);
	return lock(own, name, e) < 0 || finish(own, aside, e) < 0 ||
			       take_away(uid, own, name, aside, e) < 0
		       ? -1
		       : finish(own, aside, e);
}

/* ---- of whole accounts -------------------------------------------------------------- */

/* A name may have been written, or an account made, since it was listed. */
static int check_idle(
	int all, const struct volume_owner *o, int account_lock, struct err *e)
{
	struct volume_owner now = { .uid = o->uid };
	int live = account_sessions_is_live(account_lock, e);

	if (live < 0 || look(all, &now, e) < 0)
		return -1;
	if (live > 0)
		return err_set(e, 0,
			"uid %u has a session that runs: end it first (nsctl list, nsctl stop)",
			o->uid);
	return strcmp(now.name, o->name) != 0 || now.gone != o->gone
		       ? err_set(e, 0, "%s/%u is another's by now: left alone",
				 PATH_VOLUMES, o->uid)
		       : 0;
}

static int take_all_away(
	int all, const struct volume_owner *o, const char *aside, struct err *e)
{
	_cleanup_close_ int account_lock = -EBADF;
	struct err ignored;
	char name[16];
	int r;

	(void)snprintf(name, sizeof(name), "%u", o->uid);
	if (account_sessions_lock(o->uid, LOCK_MS, &account_lock, e) != 0)
		return -1;
	r = check_idle(all, o, account_lock, e);
	if (r == 0 && set_aside(all, name, aside) < 0)
		r = err_set(e, errno, "remove %s/%s", PATH_VOLUMES, name);
	(void)account_sessions_drop(account_lock, o->uid, "", &ignored);
	return r;
}

int volume_remove_all(const struct volume_owner *o, struct err *e)
{
	_cleanup_close_ int all = open_all();
	char aside[32];

	(void)snprintf(aside, sizeof(aside), "%u" VOLUMES_GONE, o->uid);
	if (all < 0)
		return err_set(e, errno, "open %s", PATH_VOLUMES);
	if (lock(all, PATH_VOLUMES, e) < 0 || finish(all, aside, e) < 0)
		return -1;
	if (o->cut_off)
		return 0;
	return take_all_away(all, o, aside, e) < 0 ? -1 : finish(all, aside, e);
}
