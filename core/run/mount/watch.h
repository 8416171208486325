/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hearing that root changes a directory of the host: by dnotify (F_NOTIFY in fcntl(2)), since root has
 * but 128 instances of inotify, and there may be more sessions. The fds lie in the rootfs' own clones:
 * they keep no file system of the host's from being unmounted there.
 */
#pragma once

#include "core/plan/plan.h"
#include "core/run/mount/refresh.h"

/* More directories than that below /etc, or deeper ones, aren't watched: the upper ones come first. */
#define CHANGES_MAX 384

/* Names that come, go or are replaced. */
#define CHANGES_NAMES (DN_CREATE | DN_DELETE | DN_RENAME)

struct changes {
	int fds[CHANGES_MAX];
	bool deep[CHANGES_MAX]; /* all that is below, too */
	size_t n;
};

/**
 * changes_watch() - Have SIGIO sent once for each directory that root changes from now on
 * @c:	zeroed, or watching: then it is done anew, with the directories that there are now
 *
 * Should:   be called with SIGIO blocked, by who can read root's directories
 *
 * A signal that is pending already is the same one: however much changes, nothing piles up. Where
 * the kernel has no dnotify nothing is heard. Takes about 1 ms for 150 directories.
 */
void changes_watch(
	struct changes *c, const struct plan *plan, const struct refresh *refresh);

/* The same directories once more, which costs next to nothing: not those that are new. */
void changes_watch_again(struct changes *c);
void changes_close(struct changes *c);
