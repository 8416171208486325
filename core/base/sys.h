/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every system call that glibc 2.36 has no wrapper for, or whose wrapper we don't want,
 * in one place. All return what the kernel does: -1 and errno on failure; fds are
 * O_CLOEXEC and the caller's.
 */
#pragma once

#include "core/base/compat.h"

#include <linux/openat2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/types.h>

/* clone3(2), Linux 5.3, or clone(2) where a filter refuses that one; a child returns 0 on a copy of the caller's stack, as with
 * fork(2). */
struct sys_clone {
	uint64_t flags; /* CLONE_* */
	int cgroup;     /* CLONE_INTO_CGROUP (Linux 5.7): v2 directory fd; else -1 */
	int pidfd;      /* out: with CLONE_PIDFD */
	int exit_signal;
};
pid_t sys_clone3(struct sys_clone *args);

/* openat2(2), Linux 5.6; O_CLOEXEC is added. */
int sys_openat2(int dir, const char *path, uint64_t flags, mode_t mode, uint64_t resolve);

/* mount_setattr(2), Linux 5.12, on a mount fd itself, or its whole tree. */
int sys_mount_setattr(int mount, bool recursive, const struct mount_attr *attr);

/*
 * open_tree(2), Linux 5.2: a detached clone. @path "" means the fd itself.
 *
 * A clone begins in the peer group of what it was cloned from: what is mounted onto it would
 * be mounted on the host, too, and the other way round (mount_namespaces(7); systemd makes
 * every mount shared). So each caller says what the clone, and all below it, shall be:
 * MS_PRIVATE, nothing passes either way; or MS_SLAVE, nothing passes out, and it sees what
 * is mounted or unmounted below the source later. Linux 5.12.
 */
int sys_clone_tree(int dir, const char *path, bool recursive, uint64_t propagation);

/* The same, MS_PRIVATE, with MOUNT_ATTR_* set. */
int sys_clone_attr(int dir, const char *path, bool recursive, uint64_t attr);

/* move_mount(2), Linux 5.2: attach the detached mount on the place that @target is. */
int sys_attach(int mount, int target);

/* A new superblock through fsopen(2), Linux 5.2: begin, set, finish into a detached
 * mount. */
int sys_fs_open(const char *fstype);
int sys_fs_set(int fs, const char *key, const char *value);
int sys_fs_flag(int fs, const char *key);
int sys_fs_mount(int fs, uint64_t attr);

/* fspick(2), Linux 5.2: the superblock of the mount that @mount is the root of, and a remount of it
 * with what was set meanwhile; by the same fd again and again. */
int sys_fs_pick(int mount);
int sys_fs_reconfigure(int fs);

int sys_pivot_root(const char *new_root, const char *put_old);

/* setfsuid(2), setfsgid(2) with the proof that they worked. Return 0 or -1 (EPERM). */
int sys_setfsuid(uid_t uid);
int sys_setfsgid(gid_t gid);

/* setns(2) with a pidfd, Linux 5.8: all of @flags or none. */
int sys_setns(int fd, int flags);

int sys_pidfd_open(pid_t pid);
/* A copy of another process's fd, Linux 5.6. */
int sys_pidfd_getfd(int pidfd, int fd);
int sys_pidfd_signal(int pidfd, int sig);
/* Of who connected, or made the pair, Linux 6.5: before that -1 with ENOPROTOOPT. */
int sys_peer_pidfd(int sock);

/* close_range(2), Linux 5.9 */
int sys_close_range(unsigned int first, unsigned int last);
int sys_close_from(unsigned int first);
/* FD_CLOEXEC for all of them, Linux 5.11 */
int sys_cloexec_from(unsigned int first);

/*
 * Landlock, landlock(7). The version of its interface, 0 where the kernel has none; from 6 on
 * (Linux 6.12) abstract unix sockets can be scoped: a process and its children reach only those
 * that they, or processes scoped by them, have made.
 */
int sys_landlock_abi(void);
/* Needs no_new_privs or CAP_SYS_ADMIN in the own user namespace. Return: 0 or -1. */
int sys_scope_abstract_sockets(void);

/* The timer slack that init and its children begin with, in ns: PR_SET_TIMERSLACK(2const) */
#define SYS_TIMER_SLACK 50000UL

/* The timer slack in ns, of which prctl(3)'s int has no room for all. */
unsigned long sys_timer_slack(void);

/* set_mempolicy(2): from wherever there is some. Return: 0 or -1. */
int sys_default_mempolicy(void);

/* ioprio_set(2): by the nice value. Return: 0 or -1. */
int sys_default_ioprio(void);

/* quotactl_fd(2), Linux 5.14: @type is PRJQUOTA or the like, @id a uid, gid or project. Return: 0 or -1. */
int sys_quotactl(int fd, int cmd, int type, uint32_t id, void *arg);

/* A session keyring of one's own, keyctl(2). Return: 0, or -1; ENOSYS where there are none. */
int sys_new_session_keyring(void);
