/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A child that may come to wait for a file system that never answers (FUSE, NFS), and so has nothing of its parent's: no lock,
 * no lease, nobody's terminal. One that can't even be killed is noted, and no other one is made for that account until it is gone.
 */
#pragma once

#include "core/run/mount/resolve.h"

/* What a child does once, in our mount namespace. @run: 0 or more, or -1 with @e. */
struct look_job {
	int (*run)(void *arg, struct err *e);
	void *arg;
	int patience_ms; /* 0: 2000; -1: its end is waited for, and it needs no leave of look_is_free() */
};

/**
 * look_run() - Have it done by a child of its own
 * @keep:	fds that it needs; all others above 2 are closed in it
 *
 * Where a lock is held, not for longer than those 2 s: others wait longer for a lock.
 *
 * Return: as @run; -1 with @e, ETIMEDOUT: as with look_give_up().
 */
int look_run(const struct look_job *job, const struct resolve_as *as, const int *keep,
	size_t n, struct err *e);

/* Fork a child that talks with its parent, each over its own end @sock. Return: as fork(2), -1 with errno. */
pid_t look_fork(int *sock);

/**
 * look_alone() - Be a child that may come to wait, of who doesn't wait for it
 *
 * Of the parent's fds it keeps @sock and @keep, and /dev/null for 0 to 2. Before it is made
 * look_is_free() says whether there may be one of the account's, and look_give_up() ends it.
 *
 * Return: 0; 1 where 0 to 2 are the parent's still, as there is no /dev/null; -1: so are other fds.
 */
int look_alone(int sock, const int *keep, size_t n);

/* Return: 0; -1 with @e, ETIMEDOUT, while one of the account's that was given up isn't gone. */
int look_is_free(const struct resolve_as *as, struct err *e);

/* Takes 200 ms at most. Return: -1 with @e, ETIMEDOUT: what doesn't answer. */
int look_give_up(const struct resolve_as *as, pid_t pid, struct err *e);

/* Return: -1 with @e, ECHILD: the child couldn't be had, or died, and nothing is known of the path. */
int look_no_child(const struct resolve_as *as, int num, struct err *e);

/* In a child: when a directory was made, by statx(2). Return: seconds since 1970, 0: not known. */
uint64_t look_birth(const char *path);

/* What look_is_free() has open. */
void look_once_end(void);
