/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program of the host's that is run outside, as the account, for somebody in a box. What is between the two is
 * copied by the worker: the box has pipes of its own, no terminal of the host's, and no fd of the program's.
 *
 *	worker		root without a capability but CAP_KILL; copies, counts, ends it
 *	 └─ program	the account, in a session of its own; a setuid bit of the program counts
 */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/plan/command.h"
#include "core/run/terminal/pty.h"

#include <sys/resource.h>
#include <sys/types.h>

/* Terminals of the host's that an account may have at once. */
#define HOST_PTYS_MAX 64

struct host_run {
	const struct command *command;
	const struct account *account; /* as the host has it now */
	const gid_t *groups;           /* of its, those that it gets */
	size_t n_groups;
	const char *const *argv; /* ended by NULL */
	const char *term;        /* as it was asked for, whatever it is */
	int input;               /* its fd 0; -EBADF: a pipe or terminal */
	unsigned int on_pty;     /* bit N: fd N is the terminal */
	struct pty_manner manner;
	struct rlimit limits[RLIMIT_NLIMITS];
};

struct host_running {
	pid_t pid;
	int out[3]; /* for who asked: what to write its input into, and its output, to be handed out and closed */
	int far[3]; /* our ends of these */
	int near[3]; /* our ends of the program's: pipes, or the terminal's master */
	int master;  /* of them, the terminal; -EBADF: none */
	unsigned int on_pty;
};
#define HOST_RUNNING_NONE                                                                \
	{                                                                                \
		.out = { -EBADF, -EBADF, -EBADF }, .far = { -EBADF, -EBADF, -EBADF },    \
		.near = { -EBADF, -EBADF, -EBADF }, .master = -EBADF                     \
	}

struct host_end {
	int status;      /* as waitpid(2) gives it */
	const char *why; /* we ended it; NULL: we didn't */
};

/**
 * host_start() - Start it
 * @ret:	HOST_RUNNING_NONE, or filled on success; for host_follow()
 *
 * Should:   be called by a worker in the host's namespaces, whose bounding set of capabilities is the host's,
 *	     with CAP_SETUID, CAP_SETGID and CAP_CHOWN
 * Mustn't:  let it run as root, but by the program's own bit; nor have an fd, a variable, a limit, a directory, a
 *	     key or a signal mask of ours, nor of who asks
 *
 * Return: 0; -1 with @e, also where it couldn't be executed.
 */
int host_start(const struct host_run *in, struct host_running *ret, struct err *e);

/**
 * host_follow() - Copy until it has ended, or is ended
 * @sock:	to who asked; -EBADF: is gone already
 *
 * Who asked and hangs up has its terminal hung up, or its pipes closed, and SIGHUP sent. What it left running
 * stays, but where it was ended for its time, its output or the session's end: then all goes that it started.
 *
 * Closes what @r has. The worker may do nothing more afterwards but answer.
 */
void host_follow(
	struct host_running *r, int sock, const struct command *c, struct host_end *ret);
