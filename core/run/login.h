/* SPDX-License-Identifier: BSD-3-Clause */
/* Login and logout on the host, utmp(5) and wtmp(5): `who` and `last` stay true there. */
#pragma once

#include "core/run/record.h"

/**
 * login_write() - Record that the session began
 *
 * The line is the terminal's name where one was lent, else "ns/" and the end of the id:
 * the session's own ptys are not the host's. The pid is @pid, which `who` looks for.
 */
void login_write(const struct record *r, pid_t pid);
void login_clear(const struct record *r);
