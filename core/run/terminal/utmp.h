/* SPDX-License-Identifier: BSD-3-Clause */
/* Login and logout on the host, utmp(5), wtmp(5) and lastlog(8): `who` and `last` stay true there. */
#pragma once

#include "core/run/session/record.h"

/**
 * login_write() - Record that the session began
 *
 * r->line is the terminal's name where one was lent, else that of one of the host's that stands for
 * the session's (helpers/supervisor/presence.h), else "ns/" and the id. The pid is the supervisor's, which `who` looks for. utmp keeps a place
 * for as many logins as there were at once. Takes three seconds at most, also where somebody keeps
 * utmp locked.
 */
void login_write(const struct record *r);

/* The session has ended; where utmp has no entry of it, only wtmp says so. */
void login_clear(const struct record *r);
