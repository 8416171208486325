/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking at a session's terminal: the proxy in front of its pty copies what it shows to who
 * connects to PATH_SESSIONS/ID.tty, which only root can reach. One way: what an observer sends
 * is a notice for the user, and nothing that it sends reaches the session.
 */
#pragma once

#include "core/base/err.h"

#include <poll.h>
#include <stddef.h>

#define OBSERVERS_MAX 4

struct observers {
	int listener; /* -EBADF: nobody can look */
	int fds[OBSERVERS_MAX];
};

/* Nobody looks yet; @listener becomes the observers', -EBADF for none. */
void observers_begin(struct observers *o, int listener);
void observers_end(struct observers *o);

/**
 * observers_wants() - What to wait for
 * @p:	gets 1 + OBSERVERS_MAX rows
 */
void observers_wants(const struct observers *o, struct pollfd *p);

/* After poll(2): let in who knocks; pass notices on to @terminal. */
void observers_heed(struct observers *o, const struct pollfd *p, int terminal);

/* Show what the terminal shows. Who can't follow is let go: the user waits for nobody. */
void observers_show(struct observers *o, const void *text, size_t size);

/* ---- the two ends of the socket ---------------------------------------------------------- */

/* Listen for a session; root's. Return: 0 or -1 with @e, EADDRINUSE where another login does. */
int observe_listen(const char *id, int *ret, struct err *e);

/**
 * observe_connect() - Begin to look
 * @notice:	for the user, or NULL
 *
 * Return: 0; 1 when the session has no terminal that can be looked at; -1 with @e.
 */
int observe_connect(const char *id, const char *notice, int *ret, struct err *e);

/* Tell the user; who doesn't take it isn't waited for. @notice: or NULL */
void observe_notify(int sock, const char *notice);

/**
 * observe_follow() - Copy to stdout until the terminal is gone
 *
 * Should:   be called with nothing but this left to do: signal handlers are its own afterwards
 * Mustn't:  leave what a terminal at stdout answered, or was typed, to whoever reads there next
 *
 * Return: 0 or -1 with @e.
 */
int observe_follow(int fd, struct err *e);
