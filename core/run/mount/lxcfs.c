/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/mount/lxcfs.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/session/find.h"

#include <fcntl.h>
#include <libmount/libmount.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define FSTYPE    "fuse.lxcfs"
#define FILES_MAX 16

/* ---- on the host ------------------------------------------------------------------------ */

bool lxcfs_is(struct libmnt_fs *fs)
{
	const char *type = mnt_fs_get_fstype(fs), *options = mnt_fs_get_fs_options(fs);
	char *owner = NULL;
	size_t len = 0;

	return type && strcmp(type, FSTYPE) == 0 && options &&
	       mnt_optstr_get_option(options, "user_id", &owner, &len) == 0 && len == 1 &&
	       *owner == '0';
}

int lxcfs_find(char buf[PATH_MAX], bool *dead, struct err *e)
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_iter *at = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;

	buf[0] = '\0';
	while (table && at && mnt_table_next_fs(table, at, &fs) == 0)
		if (lxcfs_is(fs))
			(void)snprintf(buf, PATH_MAX, "%s", mnt_fs_get_target(fs));
	mnt_free_iter(at);
	if (!table)
		return err_set(e, errno, "read /proc/self/mountinfo");
	mnt_unref_table(table);
	*dead = buf[0] && !lxcfs_answers(buf);
	return 0;
}

/* ---- one session ------------------------------------------------------------------------ */

struct renewal {
	int mounts[FILES_MAX];       /* detached clones, -EBADF: none */
	unsigned int old[FILES_MAX]; /* covers that are there */
};

/* How often each file is covered by an lxcfs, this one or one that died. */
static int count_old(pid_t init, struct renewal *w, struct err *e)
{
	struct libmnt_table *table;
	struct libmnt_iter *at;
	struct libmnt_fs *fs;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", init);
	table = mnt_new_table_from_file(path);
	if (!table)
		return err_set(e, errno, "read %s", path);
	at = mnt_new_iter(MNT_ITER_FORWARD);
	while (at && mnt_table_next_fs(table, at, &fs) == 0)
		for (int i = 0; i < FILES_MAX && plan_lxcfs_files[i]; i++)
			w->old[i] +=
				strcmp(mnt_fs_get_fstype(fs), FSTYPE) == 0 &&
				strcmp(mnt_fs_get_target(fs), plan_lxcfs_files[i]) == 0;
	mnt_free_iter(at);
	mnt_unref_table(table);
	return at ? 0 : err_set(e, ENOMEM, "read %s", path);
}

static int clone_new(const char *where, struct renewal *w, struct err *e)
{
	const struct mount_attr attr = { .attr_set =
						 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						 MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY };

	for (int i = 0; *where && i < FILES_MAX && plan_lxcfs_files[i]; i++) {
		char path[PATH_MAX];
		int len =
			snprintf(path, sizeof(path), "%s%s", where, plan_lxcfs_files[i]);

		if (len < 0 || (size_t)len >= sizeof(path))
			return err_set(e, ENAMETOOLONG, "open %s", where);
		w->mounts[i] = sys_clone_tree(AT_FDCWD, path, false, MS_PRIVATE);
		if (w->mounts[i] < 0 && errno == ENOENT)
			continue;
		if (w->mounts[i] < 0 || sys_mount_setattr(w->mounts[i], false, &attr) < 0)
			return err_set(e, errno, "clone %s", path);
	}
	return 0;
}

static int put_over(const char *file, int mount, struct err *e)
{
	_cleanup_close_ int place =
		sys_openat2(AT_FDCWD, file, O_PATH, 0, RESOLVE_NO_SYMLINKS);
	struct statfs fs;

	if (place < 0 && errno == ENOENT)
		return 0;
	if (place < 0 || fstatfs(place, &fs) < 0)
		return err_set(e, errno, "open %s inside", file);
	if (fs.f_type != PROC_SUPER_MAGIC && fs.f_type != SYSFS_MAGIC)
		return err_set(e, 0, "%s inside isn't the kernel's", file);
	return sys_attach(mount, place) < 0
		       ? err_set(e, errno, "mount on %s inside", file)
		       : 0;
}

/*
 * Should:   be in the session's mount namespace, and of the session in nothing else
 * Mustn't:  read a file there, or walk a path that somebody in the box may have made: these are
 *	     the kernel's own, without a symlink
 */
static int renew_inside(int init, const struct renewal *w, struct err *e)
{
	if (sys_setns(init, CLONE_NEWNS) < 0)
		return err_set(e, errno, "join the session's mounts");
	for (int i = 0; i < FILES_MAX && plan_lxcfs_files[i]; i++) {
		for (unsigned int n = 0; n < w->old[i]; n++)
			if (umount2(plan_lxcfs_files[i], MNT_DETACH | UMOUNT_NOFOLLOW) <
				0)
				return err_set(e, errno, "unmount %s inside",
					plan_lxcfs_files[i]);
		if (w->mounts[i] >= 0 &&
			put_over(plan_lxcfs_files[i], w->mounts[i], e) < 0)
			return -1;
	}
	return 0;
}

/* In a child: nobody else's mounts change, and there is no way back to take. */
static int renew_by_child(int init, const struct renewal *w, struct err *e)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int pair[2], status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "make a socket");
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid == 0) {
		struct err said = { 0 };

		(void)renew_inside(init, w, &said);
		(void)io_send(theirs, &said, sizeof(said), NULL, 0);
		_exit(0);
	}
	cleanup_close(&theirs);
	if (pid < 0)
		return err_set(e, errno, "fork");
	if (io_recv(ours, e, sizeof(*e), NULL, NULL) != 0)
		(void)err_set(e, 0, "the process that changes the mounts died");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return e->msg[0] ? -1 : 0;
}

int lxcfs_renew(const struct record *r, const char *where, struct err *e)
{
	struct find_held held = FIND_HELD_NONE;
	struct renewal w = { 0 };
	int result;

	for (int i = 0; i < FILES_MAX; i++)
		w.mounts[i] = -EBADF;
	if (find_hold(r, &held, e) < 0)
		return -1;
	result = count_old(r->init.pid, &w, e);
	if (result == 0)
		result = clone_new(where, &w, e);
	if (result == 0)
		result = renew_by_child(held.init, &w, e);
	for (int i = 0; i < FILES_MAX; i++)
		cleanup_close(&w.mounts[i]);
	find_release(&held);
	return result;
}
