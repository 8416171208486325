/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/ioprio.h>
#include <linux/landlock.h>
#include <linux/keyctl.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12 has headers of Linux 6.1. */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#ifndef __GLIBC__
/* musl 1.2.3 has no wrapper for it. */
#define close_range(...) ((int)syscall(SYS_close_range, __VA_ARGS__))
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

int sys_peer_pidfd(int sock)
{
	socklen_t size = sizeof(int);
	int fd;

	return getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) < 0 ? -1 : fd;
}

int sys_close_range(unsigned int first, unsigned int last)
{
	return close_range(first, last, 0);
}

int sys_close_from(unsigned int first)
{
	return close_range(first, ~0U, 0);
}

int sys_cloexec_from(unsigned int first)
{
	return close_range(first, ~0U, CLOSE_RANGE_CLOEXEC);
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

int sys_default_mempolicy(void)
{
	return (int)syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
}

int sys_default_ioprio(void)
{
	return (int)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0);
}
