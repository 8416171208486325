/* SPDX-License-Identifier: BSD-3-Clause */
/* Mounts and quotas: apart from sys.c, so that programs that make none have none of it. */
#include "core/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __GLIBC__
/* musl 1.2.3 has no wrapper for them. */
#define mount_setattr(...) ((int)syscall(SYS_mount_setattr, __VA_ARGS__))
#define open_tree(...)     ((int)syscall(SYS_open_tree, __VA_ARGS__))
#define move_mount(...)    ((int)syscall(SYS_move_mount, __VA_ARGS__))
#define fsopen(...)        ((int)syscall(SYS_fsopen, __VA_ARGS__))
#define fsconfig(...)      ((int)syscall(SYS_fsconfig, __VA_ARGS__))
#define fspick(...)        ((int)syscall(SYS_fspick, __VA_ARGS__))
#define fsmount(...)       ((int)syscall(SYS_fsmount, __VA_ARGS__))
#endif

int sys_mount_setattr(int mount, bool recursive, const struct mount_attr *attr)
{
	struct mount_attr copy = *attr;
	unsigned int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

	return mount_setattr(mount, "", flags, &copy, sizeof(copy));
}

static int clone_with(
	int dir, const char *path, bool recursive, const struct mount_attr *attr)
{
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
			     (recursive ? AT_RECURSIVE : 0);
	int tree = open_tree(dir, path, flags), saved;

	/* Recursive in any case: a mount may have come in between the two calls. */
	if (tree < 0 || sys_mount_setattr(tree, true, attr) == 0)
		return tree;
	saved = errno;
	(void)close(tree);
	errno = saved;
	return -1;
}

int sys_clone_tree(int dir, const char *path, bool recursive, uint64_t propagation)
{
	return clone_with(
		dir, path, recursive, &(struct mount_attr){ .propagation = propagation });
}

int sys_clone_attr(int dir, const char *path, bool recursive, uint64_t attr)
{
	return clone_with(dir, path, recursive,
		&(struct mount_attr){ .attr_set = attr, .propagation = MS_PRIVATE });
}

int sys_attach(int mount, int target)
{
	return move_mount(
		mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int sys_fs_open(const char *fstype)
{
	return fsopen(fstype, FSOPEN_CLOEXEC);
}

int sys_fs_set(int fs, const char *key, const char *value)
{
	return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0);
}

int sys_fs_flag(int fs, const char *key)
{
	return fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);
}

int sys_fs_pick(int mount)
{
	return fspick(mount, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
}

int sys_fs_reconfigure(int fs)
{
	return fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

int sys_fs_mount(int fs, uint64_t attr)
{
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)attr);
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

int sys_quotactl(int fd, int cmd, int type, uint32_t id, void *arg)
{
	/* A command is an int whose top bit QCMD() shifts into the sign. */
	return (int)syscall(
		SYS_quotactl_fd, fd, QCMD((unsigned)cmd, (unsigned)type), id, arg);
}
