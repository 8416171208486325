/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host/blame.h"

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/people.h"
#include "core/base/sys.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the kernel --------------------------------------------------------------------- */

static bool is_missing(int result)
{
	bool missing = result < 0 && errno == ENOSYS;

	if (result >= 0)
		(void)close(result);
	return missing;
}

/* Of that many user namespaces none can be made, whoever asks. */
static bool no_user_namespaces(void)
{
	char text[32];

	if (access("/proc/self/ns/user", F_OK) < 0)
		return errno == ENOENT;
	return io_read_text(AT_FDCWD, "/proc/sys/user/max_user_namespaces", text,
		       sizeof(text)) > 0 &&
	       strcmp(text, "0\n") == 0;
}

static bool no_overlay(void)
{
	_cleanup_close_ int fs = sys_fs_open("overlay");

	return fs < 0 && errno == ENODEV;
}

/* What a kernel lacks that is too old, or built without it; NULL: nothing. */
static const char *kernel_lacks(void)
{
	const struct mount_attr nothing = { 0 };

	if (is_missing(sys_openat2(AT_FDCWD, "/", O_PATH, 0, 0)))
		return "openat2(2), of Linux 5.6";
	if (is_missing(sys_clone_tree(-1, "", false, MS_PRIVATE)))
		return "open_tree(2), of Linux 5.2";
	if (is_missing(sys_mount_setattr(-1, false, &nothing)))
		return "mount_setattr(2), of Linux 5.12";
	if (is_missing(sys_fs_open("tmpfs")))
		return "fsopen(2), of Linux 5.2";
	if (no_overlay())
		return "overlay file system";
	if (no_user_namespaces())
		return "user namespaces, or user.max_user_namespaces is 0";
	return NULL;
}

/* ---- the state ---------------------------------------------------------------------- */

/* What lies right in the top is some daemon's, perhaps, and its users' through that. */
static bool is_users(const struct stat *st, const struct people *people, bool at_top)
{
	bool dir = S_ISDIR(st->st_mode);

	if (!dir && !S_ISREG(st->st_mode))
		return false;
	return (st->st_mode & S_IWOTH) ||
	       (dir && (st->st_mode &
			       S_IWGRP)) || /* root's own, too: of an access control list it's the mask */
	       (dir && at_top ? st->st_uid != 0 : st->st_uid >= people->min);
}

/*
 * Whether what users write may be what fills the file system of @name: in a directory of theirs in it, or
 * one further down, as screen(1) makes them.
 */
static bool users_may_fill(
	int at, const char *name, dev_t dev, const struct people *people, bool at_top)
{
	_cleanup_dir_ DIR *dir = take_dir(
		openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	struct dirent *d;
	struct stat st;

	while (dir && (d = readdir(dir))) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
			fstatat(dirfd(dir), d->d_name, &st,
				AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0 ||
			st.st_dev != dev)
			continue;
		if (is_users(&st, people, at_top) ||
			(at_top && S_ISDIR(st.st_mode) &&
				users_may_fill(
					dirfd(dir), d->d_name, dev, people, false)))
			return true;
	}
	return !dir;
}

/* Why nothing can be written in PATH_RUN, which nobody but root can be the cause of; or 0. */
static int state_fails(void)
{
	_cleanup_close_ int fd = open(PATH_RUN, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	static const char page[4096];
	struct people people;
	struct stat st;
	int why = errno;

	if (fd >= 0 && io_write_all(fd, page, sizeof(page)) == 0)
		return 0;
	why = fd >= 0 ? errno : why;
	if (why == EROFS)
		return why;
	if (why != ENOSPC || stat(PATH_RUN, &st) < 0)
		return 0;
	people_read(&people);
	return users_may_fill(AT_FDCWD, "/run", st.st_dev, &people, true) ? 0 : why;
}

void blame_host(struct err *e)
{
	const char *lacks;
	int why;

	if (e->cause != ERR_BY_ANYONE)
		return;
	lacks = kernel_lacks();
	if (lacks) {
		(void)err_wrap(e, "this kernel has no %s", lacks);
		e->cause = ERR_BY_KERNEL;
		return;
	}
	why = state_fails();
	if (why != 0) {
		(void)err_wrap(e, "nothing can be written in %s (%s)", PATH_RUN,
			strerrordesc_np(why));
		e->cause = ERR_BY_STATE;
	}
}
