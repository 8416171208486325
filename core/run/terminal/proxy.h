/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The process outside of a session that stands between a caller's stdio and a process inside,
 * which has a pty or pipes of the session's own.
 */
#pragma once

#include "core/base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct proxy {
	pid_t child; /* inside; ours to reap, and the leader of its process group; -1: @remote */
	int remote; /* a connection to the session, session_socket.h, whose command it is; else -EBADF */
	/* A terminal is at @remote: ours is raw, fds 0 and 1 of @stdio lead there, and it is told of sizes */
	bool far;
	int master;   /* of the pty, or -EBADF */
	int listener; /* for who looks at the pty, observe.h; -EBADF: nobody */
	int slave; /* kept open while the child lives, so that the master doesn't hang up */
	int stdio
		[3]; /* our ends of its pipes; -EBADF where it has the pty, or the caller's */
	unsigned int
		passed; /* of fds 0 to 2, bits of those that are the child's as they are */
};
#define PROXY_NONE                                                                       \
	{                                                                                \
		.child = -1, .remote = -EBADF, .master = -EBADF, .listener = -EBADF,     \
		.slave = -EBADF, .stdio = {                                              \
			-EBADF,                                                          \
			-EBADF,                                                          \
			-EBADF                                                           \
		}                                                                        \
	}

struct proxy_end {
	int status; /* as waitpid(2) gives it */
	int signal; /* 0, or what ended us before the child had ended */
};

/**
 * proxy_hold_signals() - Keep what proxy_run() is to hear until that
 * @ret_before:	the mask of before, for who doesn't get that far
 *
 * A command may have said something before who started it is told that it runs: what somebody sends us
 * after that is the command's.
 */
void proxy_hold_signals(sigset_t *ret_before);

/**
 * proxy_run() - Copy until the child has ended
 *
 * Should:   be called with nothing but this left to do: signal dispositions and the signal
 *	     mask are the proxy's afterwards
 * Mustn't:  leave a terminal raw, however it ends, SIGKILL excepted
 *
 * With a pty: the caller's terminal (fd 0) is raw meanwhile and the pty has its size; SIGTERM,
 * SIGHUP, SIGINT and SIGQUIT hang the pty up and end us; SIGTSTP stops us, with the terminal as
 * it was. With pipes these signals are the child's; the end of fd 0 becomes the end of its
 * standard input, and when nobody reads what we write, it gets SIGPIPE.
 *
 * What the child has written is passed on whole before this returns; what others that it
 * left behind still write is not waited for. The proxy's fds are closed. What is the child's as it
 * is, becomes /dev/null here once nothing can fail any more: nobody shall wait for our copies.
 *
 * Return: 0 or -1 with @e, also when something was lost, as on a disk that is full.
 */
int proxy_run(struct proxy *p, struct proxy_end *ret, struct err *e);

/* The exit status as a shell has it: the child's, or 128 and the signal. */
int proxy_exit_status(const struct proxy_end *end);
