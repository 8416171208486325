/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/leftover.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/lock.h"
#include "core/base/parse.h"
#include "core/run/session/account_sessions.h"
#include "core/run/mount/layers.h"
#include "core/run/cgroup/limits_override.h"
#include "core/run/mount/remove_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#define LOCK_MS 2000

static int open_uppers(void)
{
	return open(PATH_UPPER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- whose ------------------------------------------------------------------------------- */

/* Return: 1, 0, or -1 with @e. */
static int uid_exists(uid_t uid, struct err *e)
{
	struct passwd pw, *found = NULL;
	char buf[16384];
	int r = getpwuid_r(uid, &pw, buf, sizeof(buf), &found);

	return r != 0 ? err_set(e, r, "look up uid %u", uid) : found != NULL;
}

static int look(int uppers, struct leftover *ret, struct err *e)
{
	char path[64];
	int has;

	(void)snprintf(
		path, sizeof(path), "%u%s/account", ret->uid, ret->old ? LAYERS_OLD : "");
	if (io_read_text(uppers, path, ret->name, sizeof(ret->name)) < 0) {
		if (errno != ENOENT)
			return err_set(e, errno, "read %s/%s", PATH_UPPER, path);
		ret->name[0] = '\0';
	}
	ret->name[strcspn(ret->name, "\n")] = '\0';
	has = ret->name[0] ? account_has_uid(ret->name, ret->uid, e)
			   : uid_exists(ret->uid, e);
	ret->gone = has == 0;
	return has < 0 ? -1 : 0;
}

/* "1000", "1000.old" or "1000.gone". */
static bool take_name(const char *name, struct leftover *ret)
{
	char uid[16];
	size_t len = strcspn(name, ".");

	(void)snprintf(uid, sizeof(uid), "%.*s", len < sizeof(uid) ? (int)len : 0, name);
	ret->cut_off = ret->gone = strcmp(name + len, LAYERS_GONE) == 0;
	ret->old = strcmp(name + len, LAYERS_OLD) == 0;
	return (ret->cut_off || ret->old || name[len] == '\0') &&
	       parse_u32(uid, &ret->uid) == 0;
}

int leftover_list(struct leftover **ret, size_t *ret_n, struct err *e)
{
	_cleanup_close_ int fd = open_uppers();
	_cleanup_dir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	_cleanup_free_ struct leftover *all = NULL;
	const struct dirent *entry;
	size_t n = 0;

	*ret = NULL;
	*ret_n = 0;
	if (!dir)
		return errno == ENOENT ? 0 : err_set(e, errno, "read %s", PATH_UPPER);
	(void)take_fd(&fd);
	while ((errno = 0, entry = readdir(dir))) {
		struct leftover found = { .name = "" }, *more;

		if (!take_name(entry->d_name, &found))
			continue;
		if (!found.cut_off && look(dirfd(dir), &found, e) < 0)
			return -1;
		more = reallocarray(all, n + 1, sizeof(*all));
		if (!more)
			return err_set(e, ENOMEM, "read %s", PATH_UPPER);
		all = more;
		all[n++] = found;
	}
	if (errno)
		return err_set(e, errno, "read %s", PATH_UPPER);
	*ret = all;
	*ret_n = n;
	all = NULL;
	return 0;
}

/* ---- removing ---------------------------------------------------------------------------- */

/* Needs no lock of the account's, for which its logins would wait: who removes has one of what is removed. */
static int finish(int uppers, uid_t uid, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	char aside[32];

	(void)snprintf(aside, sizeof(aside), "%u" LAYERS_GONE, uid);
	fd = openat(uppers, aside, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : err_set(e, errno, "open %s/%s", PATH_UPPER, aside);
	if (lock_file(fd, LOCK_EX, LOCK_MS) != 0)
		return err_set(e, 0, "%s/%s is being removed by another process",
			PATH_UPPER, aside);
	return io_is_still(uppers, aside, fd) ? tree_remove(uppers, aside, e) : 0;
}

/* Once it is renamed it is nobody's, whatever happens to us: a login makes itself a new one. */
static int set_aside(int uppers, uid_t uid, bool old, struct err *e)
{
	char name[32], aside[32];

	(void)snprintf(name, sizeof(name), "%u%s", uid, old ? LAYERS_OLD : "");
	(void)snprintf(aside, sizeof(aside), "%u" LAYERS_GONE, uid);
	return renameat(uppers, name, uppers, aside) < 0
		       ? err_set(e, errno, "set aside %s/%s", PATH_UPPER, name)
		       : 0;
}

/* A name may have been written, or an account made, since it was listed. */
static int is_still(int uppers, const struct leftover *l, struct err *e)
{
	struct leftover now = { .uid = l->uid, .old = l->old };

	if (look(uppers, &now, e) < 0)
		return -1;
	return strcmp(now.name, l->name) == 0 && now.gone == l->gone
		       ? 0
		       : err_set(e, 0, "%s/%u is another's by now: left alone",
				 PATH_UPPER, l->uid);
}

static int check_idle(uid_t uid, int account_lock, struct err *e)
{
	int live = account_sessions_is_live(account_lock, e);

	return live <= 0
		       ? live
		       : err_set(e, 0,
				 "uid %u has a session that runs: end it first (nsctl list, "
				 "nsctl stop)",
				 uid);
}

static int take_away(
	int uppers, const struct leftover *l, int account_lock, struct err *e)
{
	/* Nobody has mounted what was set aside. */
	if ((!l->old && check_idle(l->uid, account_lock, e) < 0) ||
		is_still(uppers, l, e) < 0 || finish(uppers, l->uid, e) < 0 ||
		set_aside(uppers, l->uid, l->old, e) < 0)
		return -1;
	if (!l->old)
		override_remove(l->uid);
	return finish(uppers, l->uid, e);
}

int leftover_remove(const struct leftover *l, struct err *e)
{
	_cleanup_close_ int uppers = open_uppers(), account_lock = -EBADF;
	struct err ignored;
	int r;

	if (uppers < 0)
		return err_set(e, errno, "open %s", PATH_UPPER);
	if (l->cut_off)
		return finish(uppers, l->uid, e);
	if (account_sessions_lock(l->uid, LOCK_MS, &account_lock, e) != 0)
		return -1;
	r = take_away(uppers, l, account_lock, e);
	/* The lock's file, where the account has no session. */
	(void)account_sessions_drop(account_lock, l->uid, "", &ignored);
	return r;
}

/* ---- anew -------------------------------------------------------------------------------- */

struct renewal {
	uid_t uid;
	const char *user;
	int uppers, account_lock;
};

static void renewal_close(struct renewal *r)
{
	struct err ignored;

	if (r->account_lock >= 0)
		(void)account_sessions_drop(r->account_lock, r->uid, "", &ignored);
	cleanup_close(&r->account_lock);
	cleanup_close(&r->uppers);
}

/* However long that takes: its logins don't wait for it. */
static int let_go_and_finish(struct renewal *r, struct err *e)
{
	if (account_sessions_drop(r->account_lock, r->uid, "", e) < 0)
		return -1;
	cleanup_close(&r->account_lock);
	return finish(r->uppers, r->uid, e);
}

/* Return: 0 with the account's lock, and no session of it; -1 with @e. */
static int begin(struct renewal *r, struct err *e)
{
	r->uppers = open_uppers();
	if (r->uppers < 0 && errno != ENOENT)
		return err_set(e, errno, "open %s", PATH_UPPER);
	if (account_sessions_lock(r->uid, LOCK_MS, &r->account_lock, e) != 0)
		return -1;
	return check_idle(r->uid, r->account_lock, e) < 0 ? err_wrap(e, "%s", r->user)
							  : 0;
}

static bool has(const struct renewal *r, const char *suffix)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%u%s", r->uid, suffix);
	return r->uppers >= 0 &&
	       faccessat(r->uppers, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int has_none(const struct renewal *r, const char *what, struct err *e)
{
	return err_set(e, 0, "%s has nothing %s", r->user, what);
}

int leftover_reset(uid_t uid, const char *user, enum leftover_old how, struct err *e)
{
	_cleanup_(renewal_close) struct renewal r = { uid, user, -EBADF, -EBADF };
	int done;

	if (begin(&r, e) < 0)
		return -1;
	if (!has(&r, ""))
		return has_none(&r, "that was written with Upper=disk", e);
	done = layers_set_aside(r.uppers, uid, how == OLD_REPLACE, e);
	if (done > 0)
		return err_wrap(e,
			"what %s had before is kept already: see what it is worth, then --old=remove or "
			"--old=replace",
			user);
	return done < 0 || how == OLD_REFUSE ? done : let_go_and_finish(&r, e);
}

int leftover_remove_old(uid_t uid, const char *user, struct err *e)
{
	_cleanup_(renewal_close) struct renewal r = { uid, user, open_uppers(), -EBADF };

	if (account_sessions_lock(uid, LOCK_MS, &r.account_lock, e) != 0)
		return -1;
	if (!has(&r, LAYERS_OLD))
		return has_none(&r, "that was set aside", e);
	return layers_discard_old(r.uppers, uid, e) < 0 ? -1 : let_go_and_finish(&r, e);
}

/* What is kept may be of another account, which had the uid before. */
static int is_own(const struct renewal *r, struct err *e)
{
	struct leftover l = { .uid = r->uid, .old = true };

	if (look(r->uppers, &l, e) < 0)
		return -1;
	return l.gone ? err_set(e, 0, "%s/%u" LAYERS_OLD " is of account %s, not of %s",
				PATH_UPPER, r->uid, l.name, r->user)
		      : 0;
}

/* With UpperOnChange=reset the next login would set it aside again. */
static int mark_restored(const struct renewal *r, const char *old, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/" LAYERS_RESTORED, old);
	fd = openat(r->uppers, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? err_set(e, errno, "write %s/%s", PATH_UPPER, path) : 0;
}

int leftover_restore(uid_t uid, const char *user, struct err *e)
{
	_cleanup_(renewal_close) struct renewal r = { uid, user, -EBADF, -EBADF };
	char name[16], old[32];

	if (begin(&r, e) < 0)
		return -1;
	if (!has(&r, LAYERS_OLD))
		return has_none(&r, "that was set aside", e);
	(void)snprintf(name, sizeof(name), "%u", uid);
	(void)snprintf(old, sizeof(old), "%u" LAYERS_OLD, uid);
	if (is_own(&r, e) < 0 || mark_restored(&r, old, e) < 0)
		return -1;
	return renameat2(r.uppers, old, r.uppers, name,
		       has(&r, "") ? RENAME_EXCHANGE : RENAME_NOREPLACE) < 0
		       ? err_set(e, errno, "restore %s/%s", PATH_UPPER, old)
		       : 0;
}
