/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Letting a session stand still, and who may let it go on: one that root has paused, its own
 * user can't resume. PATH_SESSIONS/ID.paused says whose pause it is, and orders those who come
 * at once.
 */
#pragma once

#include "core/base/err.h"
#include "core/run/session/record.h"

#include <stdbool.h>

enum pause_by {
	PAUSE_ROOT,
	PAUSE_OWN, /* the session's own user */
};

/**
 * pause_session() - Freeze all processes of a session
 *
 * See freeze_set() for how long it may take. What root pauses is root's from then on, what is
 * paused already stays whose it was. Root waits for one pause of the user's at most, a second of its
 * user's for none. Return: 0 or -1 with @e; EBUSY where somebody else is at it.
 */
int pause_session(const struct record *r, enum pause_by by, struct err *e);

/* Resume it. Return: 0 or -1 with @e; EPERM where it isn't @by's to resume. */
int pause_resume(const struct record *r, enum pause_by by, struct err *e);

/* Whether it is paused, by root. */
bool pause_is_roots(const struct record *r);
