/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/leftover.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
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

#define LOCK_MS 2000
#define GONE    ".gone"

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

	(void)snprintf(path, sizeof(path), "%u/account", ret->uid);
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

/* "1000", or "1000.gone". */
static bool take_name(const char *name, struct leftover *ret)
{
	char uid[16];
	size_t len = strcspn(name, ".");

	(void)snprintf(uid, sizeof(uid), "%.*s", len < sizeof(uid) ? (int)len : 0, name);
	ret->cut_off = ret->gone = strcmp(name + len, GONE) == 0;
	return (ret->cut_off || name[len] == '\0') && parse_u32(uid, &ret->uid) == 0;
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

static int finish(int uppers, uid_t uid, struct err *e)
{
	char aside[32];

	(void)snprintf(aside, sizeof(aside), "%u" GONE, uid);
	return faccessat(uppers, aside, F_OK, AT_SYMLINK_NOFOLLOW) < 0
		       ? 0
		       : tree_remove(uppers, aside, e);
}

/* Once it is renamed it is nobody's, whatever happens to us: a login makes itself a new one. */
static int set_aside(int uppers, uid_t uid, struct err *e)
{
	char name[16], aside[32];

	(void)snprintf(name, sizeof(name), "%u", uid);
	(void)snprintf(aside, sizeof(aside), "%u" GONE, uid);
	return renameat(uppers, name, uppers, aside) < 0
		       ? err_set(e, errno, "set aside %s/%s", PATH_UPPER, name)
		       : 0;
}

/* A name may have been written, or an account made, since it was listed. */
static int is_still(int uppers, const struct leftover *l, struct err *e)
{
	struct leftover now = { .uid = l->uid };

	if (look(uppers, &now, e) < 0)
		return -1;
	return strcmp(now.name, l->name) == 0 && now.gone == l->gone
		       ? 0
		       : err_set(e, 0, "%s/%u is another's by now: left alone",
				 PATH_UPPER, l->uid);
}

static int take_away(int uppers, const struct leftover *l, int family, struct err *e)
{
	int live = family_is_live(family, e);

	if (live != 0)
		return live < 0
			       ? -1
			       : err_set(e, 0,
					 "uid %u has a session that runs: end it first (nsctl list, "
					 "nsctl stop)",
					 l->uid);
	if (is_still(uppers, l, e) < 0 || finish(uppers, l->uid, e) < 0 ||
		set_aside(uppers, l->uid, e) < 0)
		return -1;
	override_remove(l->uid);
	return finish(uppers, l->uid, e);
}

int leftover_remove(const struct leftover *l, struct err *e)
{
	_cleanup_close_ int uppers = open_uppers(), family = -EBADF;
	struct err ignored;
	int r;

	if (uppers < 0)
		return err_set(e, errno, "open %s", PATH_UPPER);
	if (family_lock(l->uid, LOCK_MS, &family, e) != 0)
		return -1;
	r = l->cut_off ? finish(uppers, l->uid, e) : take_away(uppers, l, family, e);
	/* The lock's file, where the account has no session. */
	(void)family_drop(family, l->uid, "", &ignored);
	return r;
}
