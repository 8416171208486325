/* SPDX-License-Identifier: BSD-3-Clause */
/* What is left below a process that looks after something. */
#pragma once

#include <stdbool.h>

/*
 * Kill all children; with PR_SET_CHILD_SUBREAPER who lost its parent is one, too, a moment later. They are
 * the caller's to reap. Return: whether there was any.
 */
bool children_kill(void);
