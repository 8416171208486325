/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session's processes on the host may for the hours that it lasts. */
#pragma once

#include "core/base/err.h"

#include <stdint.h>

/**
 * session_caps() - Of what we hold, what ending a session takes: kill, chown a terminal, write root's files; what
 *		    looking anew at the host's files takes, renew_begin() and refresh_now(); and what it takes to start
 *		    a command in the session, enter_session()
 *
 * Return: 0 or -1 with @e.
 */
int session_caps(uint64_t *ret, struct err *e);
