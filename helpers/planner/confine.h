/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "core/base/err.h"

/**
 * confine() - Prove that there is nothing to lose, and give up what is left
 *
 * Should:   be what nsshell-planner begins with, started with ids of its own and one fd
 * Mustn't:  leave it a capability, a way to another id, or a system call but to read files, use memory and talk
 *	     over its socket: none to make a process, a socket or a file, to execute, or to signal
 *
 * Return: 0 or -1 with @e.
 */
int confine(struct err *e);
