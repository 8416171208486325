/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hearing that root changes the host. One supervisor watches for all of them: the one that holds the
 * lock, by one inotify(7) instance, of which root has but 128. What it hears it passes on by the time of
 * change of one file, and whoever wants to know has dnotify (F_NOTIFY in fcntl(2)) tell of that file's
 * directory. A thousand sessions with watches of their own would each be woken, and walk the kernel's list
 * of all the others', for every directory.
 */
#pragma once

#include "core/base/err.h"

#include <fcntl.h>
#include <stdbool.h>
#include <time.h>

/* Names that come, go or are replaced: dnotify's. */
#define CHANGES_NAMES (DN_CREATE | DN_DELETE | DN_RENAME)

struct changes {
	int dir;  /* PATH_CHANGES */
	int told; /* the file; its time of change is when somebody last heard something */
	int lock; /* whose holder watches */
	int watches; /* inotify; held with @lock. To be polled for POLLIN, then changes_tell() */
	struct timespec last; /* of @told, as it was seen last */
};

#define CHANGES_NONE                                                                     \
	(struct changes)                                                                 \
	{                                                                                \
		.dir = -EBADF, .told = -EBADF, .lock = -EBADF, .watches = -EBADF         \
	}

/**
 * changes_listen() - Have SIGIO sent once, when somebody heard of a change, or watches no more
 * @c:	CHANGES_NONE, or listening: then it does so anew
 *
 * Should:   be called with SIGIO blocked, and before the look that what is heard is the reason for
 *
 * Where the kernel has no dnotify, or the state directory can't be opened, nothing is heard.
 */
void changes_listen(struct changes *c);

/* Whether something was heard since the last call; where that can't be told it was. */
bool changes_heard(struct changes *c);

/**
 * changes_watch() - Watch for all, if nobody does, or go on with the directories that there are now
 *
 * Should:   run in the host's mount namespace, by who can read root's directories
 *
 * Takes about 1 ms for 150 directories where it watches, else one system call. A watcher that was
 * killed is replaced by the next caller.
 */
void changes_watch(struct changes *c);

/* What the watches have is taken, and everybody who listens is told. */
void changes_tell(struct changes *c);

/* Others are told that nobody watches, if this one did. */
void changes_close(struct changes *c);
