/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Locks of files, flock(2) and fcntl_locking(2). None is waited for without end: whoever can open
 * a file can lock it for good, and who holds one may be kept from going on.
 */
#pragma once

#include "core/base/err.h"

#include <sys/types.h>

/* What nsctl and the like give another process of nsshell's, in milliseconds. */
#define LOCK_PATIENCE_MS 10000

/**
 * lock_file() - Take a lock of an open file
 * @how:	LOCK_SH or LOCK_EX
 * @ms:		how long to try; 0: once
 *
 * Return: 0; 1 when somebody else had it all that time; -1 with errno.
 */
int lock_file(int fd, int how, unsigned int ms);

/* Who has a lock of lock_file()'s of that file, as proc_locks(5) has it; 0 where nobody is seen to. */
pid_t lock_holder(int fd);

/* As lock_file(), what getutent(3) and others take of a whole file: F_OFD_SETLK, Linux 3.15. */
int lock_range(int fd, unsigned int ms);

/**
 * lock_named() - Take the lock that a file of a state directory of ours is, and make the file
 * @directory:	its path, for messages
 * @ret_fd:	O_CLOEXEC; closing it unlocks
 *
 * Such files are 0600: nobody but root can open one, or hold its lock. They may be removed under
 * their lock: what is returned is what the name stands for.
 *
 * Return: 0; 1 with @e, whose num is ETIMEDOUT and whose text names the holder, when somebody else
 * had it all that time; -1 with @e.
 */
int lock_named(int dir, const char *directory, const char *name, unsigned int ms,
	int *ret_fd, struct err *e);

/* The same in PATH_RUN, which is made if need be. */
int lock_state(const char *name, unsigned int ms, int *ret_fd, struct err *e);
