/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/landlock.h>
#include <linux/keyctl.h>
#include <linux/quota.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
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
#define close_range(...)   ((int)syscall(SYS_close_range, __VA_ARGS__))
#endif

/* The kernel's struct clone_args up to cgroup; glibc 2.36 has only part of it. */
struct kernel_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
		set_tid, set_tid_size, cgroup;
};

/* What clone(2) has no room for, or another place. */
#define CLONE_WITH_CLONE3 (~(uint64_t)UINT32_MAX | CLONE_PIDFD | CSIGNAL)

pid_t sys_clone3(struct sys_clone *args)
{
	struct kernel_clone_args k = {
		.flags = args->flags,
		.pidfd = (uint64_t)(uintptr_t)&args->pidfd,
		.exit_signal = (uint64_t)args->exit_signal,
	};
	pid_t pid;

	if (args->cgroup >= 0) {
		k.flags |= CLONE_INTO_CGROUP;
		k.cgroup = (uint64_t)args->cgroup;
	}
	pid = (pid_t)syscall(SYS_clone3, &k, sizeof(k));
	/* A filter answers so, as it can't look at what is asked. */
	if (pid < 0 && errno == ENOSYS && (k.flags & CLONE_WITH_CLONE3) == 0)
		pid = (pid_t)syscall(
			SYS_clone, k.flags | k.exit_signal, NULL, NULL, NULL, NULL);
	return pid;
}

int sys_openat2(int dir, const char *path, uint64_t flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve
	};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

int sys_mount_setattr(int mount, bool recursive, const struct mount_attr *attr)
{
	struct mount_attr copy = *attr;
	unsigned int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);

	return mount_setattr(mount, "", flags, &copy, sizeof(copy));
}

int sys_clone_tree(int dir, const char *path, bool recursive, uint64_t propagation)
{
	const struct mount_attr attr = { .propagation = propagation };
	unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
			     (recursive ? AT_RECURSIVE : 0);
	int tree = open_tree(dir, path, flags), saved;

	/* Recursive in any case: a mount may have come in between the two calls. */
	if (tree < 0 || sys_mount_setattr(tree, true, &attr) == 0)
		return tree;
	saved = errno;
	(void)close(tree);
	errno = saved;
	return -1;
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

/* The calls return the old id and no error: asking with an invalid id tells what holds
 * now. */
int sys_setfsuid(uid_t uid)
{
	(void)setfsuid(uid);
	if ((uid_t)setfsuid((uid_t)-1) == uid)
		return 0;
	errno = EPERM;
	return -1;
}

int sys_setfsgid(gid_t gid)
{
	(void)setfsgid(gid);
	if ((gid_t)setfsgid((gid_t)-1) == gid)
		return 0;
	errno = EPERM;
	return -1;
}

int sys_setns(int fd, int flags)
{
	return setns(fd, flags);
}

int sys_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int sys_pidfd_getfd(int pidfd, int fd)
{
	return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}

int sys_pidfd_signal(int pidfd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

int sys_close_from(unsigned int first)
{
	return close_range(first, ~0U, 0);
}

int sys_landlock_abi(void)
{
	long abi = syscall(
		SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

int sys_scope_abstract_sockets(void)
{
	/* As linux/landlock.h has it from Linux 6.12 on. */
	const struct {
		uint64_t access_fs, access_net, scoped;
	} rules = { .scoped = 1ULL << 0 };
	int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	int r = fd < 0 ? -1 : (int)syscall(SYS_landlock_restrict_self, fd, 0);
	int saved = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return r;
}

int sys_new_session_keyring(void)
{
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ? -1 : 0;
}

unsigned long sys_timer_slack(void)
{
	return (unsigned long)syscall(SYS_prctl, PR_GET_TIMERSLACK, 0, 0, 0, 0);
}

int sys_default_ioprio(void)
{
	return (int)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0);
}

int sys_quotactl(int fd, int cmd, int type, uint32_t id, void *arg)
{
	/* A command is an int whose top bit QCMD() shifts into the sign. */
	return (int)syscall(
		SYS_quotactl_fd, fd, QCMD((unsigned)cmd, (unsigned)type), id, arg);
}
