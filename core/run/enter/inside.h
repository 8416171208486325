/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether we stand in a box, for programs that are the same file inside and outside. */
#pragma once

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a session's mark is here: a file of root's, in a directory that only root may write. */
bool inside_session(void);

/* Its id, "" where there is none. */
void inside_session_id(char *id, size_t size);

/* Whether it is that session. */
bool inside_is(const char *id);

/* Fail with why sessions can't be reached from in here. Return: -1. */
int inside_no_way(struct err *e);
