/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "core/base/err.h"

/**
 * init_confine() - Leave process 1 the system calls that it makes from now on, and no other
 *
 * Should:   be called with no_new_privs set, by who starts no process any more: it would have them alone, too
 * Mustn't:  be followed by anything but waiting, reading, sending and closing what is open, signals, and the end
 *
 * Another call fails with EPERM. Return: 0 or -1 with @e.
 */
int init_confine(struct err *e);
