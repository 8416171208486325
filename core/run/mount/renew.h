/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bind shows the file that was at its source when it was made: of a daemon that is started anew it
 * has the socket, or the directory, that nobody listens in any more. And a mask below a bind lies on what
 * was there, and goes where the host moves that. What is put there while a session lasts is looked
 * for by a child of the supervisor's, and mounted in the old one's place, or masked.
 */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Directories that are watched for one session; what changes in others is found all the same, later. */
#define RENEW_WATCHES_MAX 64
/* New masks for one session: who moves what they lie on could have any number of them. */
#define RENEW_MASKS_MAX 256
/* How long a look may take, which nobody waits for. */
#define RENEW_PATIENCE_S 10
/* What is sent for a change; a standard signal, so that there is one of them at most. */
#define RENEW_SIGNAL SIGURG

struct renew {
	int root, user,
		mnt; /* the box's: its "/", O_PATH, and its namespaces; -EBADF: nothing is renewed */
	pid_t child; /* who looks; also one that was killed, and isn't gone yet; 0: nobody */
	int sock;    /* readable when it has looked; -EBADF while nobody does */
	int watched[RENEW_WATCHES_MAX], found[RENEW_WATCHES_MAX];
	size_t n_watched, n_found;
	size_t n_masks;
	uint64_t spent_usec; /* of CPU, by the child that looked last */
};
#define RENEW_NONE                                                                       \
	{                                                                                \
		.root = -EBADF, .user = -EBADF, .mnt = -EBADF, .sock = -EBADF            \
	}

/* Whether a session has anything that is renewed. */
bool renew_is_wanted(const struct plan *plan);

/**
 * renew_hold() - Have hold of a box, so that binds can be renewed there
 * @proc:	the host's /proc
 * @init:	a child of ours that has entered the box's root
 * @ret:	RENEW_NONE, or on success filled: close with renew_end()
 *
 * Should:   run with CAP_SYS_PTRACE, which renewing doesn't take
 *
 * Return: 0 or -1 with @e.
 */
int renew_hold(int proc, pid_t init, struct renew *ret, struct err *e);

/**
 * renew_begin() - Look, in a child: for where another file of the same type is at a source that is
 * renewed, and for what a mask doesn't lie on any more
 *
 * The way is the resolver's (resolve_path()), of the account's groups as they were at the login; what
 * it refuses isn't taken, and what is gone stays as it was. In the box nothing is made and no link is
 * followed. A bind is renewed only where it is a mount still: where its user has moved that nothing
 * is mounted. A mask is put on whatever is at its place, RENEW_MASKS_MAX times.
 *
 * Should:   run with CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID and CAP_DAC_OVERRIDE, in the host's mount
 *	     namespace, with RENEW_SIGNAL blocked
 *
 * Return: 0; -1 with @e when there is no child, EBUSY while the one before isn't gone, or as look_is_free().
 */
int renew_begin(struct renew *r, const struct plan *plan, struct err *e);

/**
 * renew_hear() - Take what the child says; when the socket can be read
 *
 * Once it has looked RENEW_SIGNAL is sent for the first change in each directory that is on the way to
 * a source. The fds of those keep no file system of the host's from being unmounted there.
 *
 * Return: 0 while there is more to come; 1 when it is done, and all is well; 2 when it died; -1
 * with @e: what couldn't be mounted.
 */
int renew_hear(struct renew *r, struct err *e);

/* Hear of changes once more, as changes_watch_again(). */
void renew_watch_again(struct renew *r);

/* It takes too long: no other begins before this one is gone. Return: -1 with @e, as look_give_up(). */
int renew_give_up(struct renew *r, const struct plan *plan, struct err *e);
void renew_end(struct renew *r, const struct plan *plan);
