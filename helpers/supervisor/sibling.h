/* SPDX-License-Identifier: BSD-3-Clause */
/* What an account's sessions share by fd: each supervisor keeps it at the same number. */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"

/* The numbers; HELD_UPPER_FD is beside them. */
#define SIBLING_ROOTFS_FD 100
#define SIBLING_NET_FD    101

/**
 * sibling_reserve() - Take a number, for this process or a child
 *
 * Should:   be called before the sources of a box's mounts are opened: there may be any number of
 *	     them, and the kernel gives the lowest numbers that are free
 *
 * Return: 0 or -1 with @e.
 */
int sibling_reserve(int number, struct err *e);

/**
 * sibling_take() - A copy of another supervisor's fd, checked against its record (pidfd_getfd(2))
 * @kind, @ino:	the namespace that it must be: CLONE_NEW*, inode number
 * @ret:	O_CLOEXEC
 *
 * Return: 1 with @ret; 0 when the supervisor is gone; 2 when it holds something else there, or
 * nothing; -1 with errno.
 */
int sibling_take(const struct record *r, int number, int kind, uint64_t ino, int *ret);
