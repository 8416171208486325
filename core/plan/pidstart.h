/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the process ids of a session begin. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/**
 * pidstart_choose() - Away from the account's other sessions
 * @others:	where theirs began; changed (sorted); 0 is none
 * @max:	kernel.pid_max
 * @luck:	any number, for where there is nobody to keep away from
 *
 * A pid in a lock file of the home, left by another session, is then no process of this one, as long
 * as neither makes more processes than lie between them. The middle of the widest gap, in a ring.
 *
 * Return: the id before the first; 0: as the kernel has it.
 */
uint32_t pidstart_choose(uint32_t *others, size_t n, uint32_t max, uint32_t luck);
