/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session's login as the host sees it: utmp(5), wtmp(5) and lastlog(8) as soon as it has a
 * terminal, and a terminal of the host's in its name, so that wall(1) and shutdown(8) reach it.
 */
#pragma once

#include "helpers/supervisor/session.h"

#include <poll.h>

struct presence {
	struct session *session;
	bool due;   /* the first terminal is waited for */
	bool begun; /* a login is in, not su */
	bool lent;  /* it is the one that the session's terminal was lent to */
	int master; /* of the host's terminal; -EBADF for none */
	int slave;  /* kept open: else the master hangs up after each who writes to it */
};

#define PRESENCE_NONE ((struct presence){ .master = -EBADF, .slave = -EBADF })

/**
 * presence_begin() - A login went in
 *
 * Tells the host at once where it has a terminal, never where its service is no login (su, cron),
 * and else waits for the first terminal: sshd asks PAM before it knows whether there will be one. Who
 * gets SIGIO then calls presence_look(); it must be blocked.
 */
void presence_begin(struct presence *p, struct session *s);

/* Another login joined: the first one may have been su. @caller: its login program, as the host has it. */
void presence_another(struct presence *p, pid_t caller);
void presence_look(struct presence *p);

void presence_wants(const struct presence *p, struct pollfd *ret);
/* Show the session's terminals what was written to the host's. */
void presence_relay(const struct presence *p);
