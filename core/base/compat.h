/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What glibc has and musl hasn't, under glibc's names. With glibc there is nothing in it but names of types.
 * How far musl carries: docs/PORTING.md.
 */
#pragma once

#include <sys/resource.h>
#include <sys/time.h>

#ifdef __GLIBC__

/* What setrlimit(2) and setitimer(2) take first: enums for C with _GNU_SOURCE. */
typedef __rlimit_resource_t rlimit_resource;
typedef __itimer_which_t itimer_which;

#else

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

/* Of Linux 5.14, with one number for all machines. */
#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

/* MOUNT_ATTR_* and the like: linux/mount.h; what sys/mount.h of glibc has of it. */
typedef int rlimit_resource;
typedef int itimer_which;

/* musl's strerror(3) allocates nothing, and translates only where a locale was set. */
static inline const char *strerrordesc_np(int num)
{
	return strerror(num);
}

static inline const char *sigabbrev_np(int sig)
{
	static const char *const names[] = { [SIGHUP] = "HUP",
		[SIGINT] = "INT",
		[SIGQUIT] = "QUIT",
		[SIGILL] = "ILL",
		[SIGTRAP] = "TRAP",
		[SIGABRT] = "ABRT",
		[SIGBUS] = "BUS",
		[SIGFPE] = "FPE",
		[SIGKILL] = "KILL",
		[SIGUSR1] = "USR1",
		[SIGSEGV] = "SEGV",
		[SIGUSR2] = "USR2",
		[SIGPIPE] = "PIPE",
		[SIGALRM] = "ALRM",
		[SIGTERM] = "TERM",
		[SIGSTKFLT] = "STKFLT",
		[SIGCHLD] = "CHLD",
		[SIGCONT] = "CONT",
		[SIGSTOP] = "STOP",
		[SIGTSTP] = "TSTP",
		[SIGTTIN] = "TTIN",
		[SIGTTOU] = "TTOU",
		[SIGURG] = "URG",
		[SIGXCPU] = "XCPU",
		[SIGXFSZ] = "XFSZ",
		[SIGVTALRM] = "VTALRM",
		[SIGPROF] = "PROF",
		[SIGWINCH] = "WINCH",
		[SIGIO] = "POLL",
		[SIGPWR] = "PWR",
		[SIGSYS] = "SYS" };

	return sig > 0 && (size_t)sig < sizeof(names) / sizeof(names[0]) ? names[sig]
									 : NULL;
}

static inline int scandirat(int dir, const char *path, struct dirent ***ret,
	int (*keep)(const struct dirent *),
	int (*order)(const struct dirent **, const struct dirent **))
{
	char at[4096];
	int len = snprintf(at, sizeof(at), "/proc/self/fd/%d/%s", dir, path);

	if (len < 0 || (size_t)len >= sizeof(at)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return scandir(at, ret, keep, order);
}

/* @buf isn't used: the strings are musl's own, and last until the next call. */
static inline int fgetgrent_r(
	FILE *f, struct group *gr, char *buf, size_t size, struct group **ret)
{
	struct group *got;

	(void)buf;
	(void)size;
	*ret = NULL;
	errno = 0;
	got = fgetgrent(f);
	if (!got)
		return errno ? errno : ENOENT;
	*gr = *got;
	*ret = gr;
	return 0;
}

/* Its free(3) gives memory back by itself. */
static inline int malloc_trim(size_t pad)
{
	(void)pad;
	return 0;
}

#endif
