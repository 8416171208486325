/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ptys: one of a session's own devpts for the processes inside, and the terminal outside that
 * it is shown on. The two never meet: bytes are copied between them (CVE-2016-10124,
 * CVE-2016-8649).
 */
#pragma once

#include "core/base/err.h"

#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>

/* What a terminal is like; plain numbers, so that they may go in. */
struct pty_manner {
	struct termios modes;
	struct winsize size;
};

/* isatty(3), that doesn't take a failure for a no. Return: 1, 0, or -1 with errno. */
int pty_is_terminal(int fd);

/* Ask a terminal. Return: 0 or -1 with errno. */
int pty_ask(int terminal, struct pty_manner *ret);

/**
 * pty_open() - A fresh pty of the devpts that is at /dev/pts here
 * @owner:	of the terminal, as an id of here
 * @ret_master, @ret_slave:	O_CLOEXEC, the caller's; neither becomes its controlling terminal
 *
 * Should:   run inside the session, as root of the box
 * Mustn't:  take what only looks like a devpts
 *
 * TIOCGPTPEER needs Linux 4.13. Return: 0 or -1 with @e.
 */
int pty_open(uid_t owner, const struct pty_manner *manner, int *ret_master,
	int *ret_slave, struct err *e);

/*
 * One that is shown on another of the same session: what both are told would appear twice. Its mode says so (S_ISVTX),
 * which mesg(1) keeps. Should be called by its owner. Return: 0 or -1 with errno.
 */
int pty_mark_shown(int slave);
bool pty_is_shown(mode_t mode);

/* ---- the terminal outside ---------------------------------------------------------------- */

struct pty_terminal {
	int fd;      /* of our own: non-blocking without changing what others share */
	bool shared; /* it couldn't be opened anew: @fd is the caller's description */
	bool quiet; /* raw, but Ctrl-C is a signal still, and what is shown is not changed */
	bool raw; /* as far as we know */
	struct pty_manner before;
};
#define PTY_TERMINAL_NONE                                                                \
	{                                                                                \
		.fd = -EBADF                                                             \
	}

/**
 * pty_take() - Make a terminal raw
 * @terminal:	fd of it; @ret->fd is another one of the same
 *
 * Return: 0 or -1 with @e.
 */
int pty_take(int terminal, struct pty_terminal *ret, struct err *e);

/* The same without echo and lines only; in the background it waits for pty_retake(). */
int pty_take_quiet(int terminal, struct pty_terminal *ret, struct err *e);

/* Raw again, after pty_restore() and a stop; the shell may have changed the modes meanwhile. */
void pty_retake(struct pty_terminal *t);

/*
 * What was shown raw may have asked the terminal things: what that answers comes a moment later, and would be typed into the
 * shell that comes after us. Read, as long as it comes, and thrown away. To be called before pty_restore().
 */
void pty_throw_away(const struct pty_terminal *t);

/* The modes of before, unless somebody else is in the foreground by now. */
void pty_restore(struct pty_terminal *t);

/* pty_restore(), and close. */
void pty_release(struct pty_terminal *t);

/* Give the window's size to the pty. */
void pty_resize(const struct pty_terminal *t, int master);
