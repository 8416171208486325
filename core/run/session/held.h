/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session's supervisor keeps open for others of root's, each at a number of its own. */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"

/* Upper=tmpfs: the directory with what is written, "0" over plan.overlays[0] and so on. */
#define HELD_UPPER_FD 102

/**
 * held_take() - A copy of a supervisor's fd (pidfd_getfd(2))
 * @r:		of a session, which may be over by now
 * @ret:	O_CLOEXEC
 *
 * What it is of, the caller has to check against the record.
 *
 * Return: 1 with @ret; 0 when the supervisor is gone; 2 when it holds nothing there; -1 with errno.
 */
int held_take(const struct record *r, int number, int *ret);

/**
 * held_upper() - Take the directory with what a session wrote with Upper=tmpfs
 *
 * It is mounted nowhere, and goes with the session: whoever has it open keeps its memory.
 *
 * Return: 1 with @ret, O_PATH; 0 when the session has none, or is over; -1 with @e.
 */
int held_upper(const struct record *r, int *ret, struct err *e);
