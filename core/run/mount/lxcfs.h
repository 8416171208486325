/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of lxcfs(1) in running sessions: bound anew after it was restarted, taken away when it died. */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"

#include <limits.h>
#include <stdbool.h>

struct libmnt_fs;

/**
 * lxcfs_is() - Whether a mount is the host's lxcfs
 *
 * Any user may mount a FUSE file system of any name (fusermount3(1), -o subtype=). The kernel has
 * whose it is, user_id=, and fusermount3 lets nobody choose that: only root's is believed.
 */
bool lxcfs_is(struct libmnt_fs *fs);

/**
 * lxcfs_find() - Where lxcfs is mounted
 * @buf:	its mount point; "" where there is none
 * @dead:	whether it is mounted and doesn't answer, as lxcfs_answers() has it
 *
 * Return: 0 or -1 with @e.
 */
int lxcfs_find(char buf[PATH_MAX], bool *dead, struct err *e);

/**
 * lxcfs_answers() - Whether a mount of it answers
 *
 * One that has died doesn't (FUSE says ENOTCONN), nor does one that has no control groups (lxcfs
 * says EIO), nor one that hangs: after a second that is taken for granted, and a process is left
 * behind which waits on. Until it ends, which it does when lxcfs goes on or its mount goes, nobody
 * asks again, and the answer comes at once.
 */
bool lxcfs_answers(const char *where);

/**
 * lxcfs_renew() - Have a session show the files of the lxcfs that runs now
 * @where:	of lxcfs_find(); "": the session's own /proc and /sys show again
 *
 * Return: 0 or -1 with @e.
 */
int lxcfs_renew(const struct record *r, const char *where, struct err *e);
