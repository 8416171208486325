/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a login program hands down to the programs that it executes: of the fds that it has from
 * its own caller, root's shell say, some lead out of the box.
 */
#pragma once

#include "core/base/err.h"

#include <stdbool.h>

/**
 * handed_is_harmless() - Whether an fd may go into a box as 0, 1 or 2, besides a terminal
 *
 * Pipes, sockets of users (unix and internet, none that is raw), files, and /dev/null, zero, full,
 * random and urandom. No directory, no O_PATH (CVE-2024-21626), no namespace, no other device.
 */
bool handed_is_harmless(int fd);

/**
 * handed_close_on_exec() - Mark what isn't to go into a box
 *
 * Should:   run in the login program while /proc is still the host's
 * Mustn't:  close anything: the login program and other modules may still use it
 *
 * Above 2 all but pipes and sockets as above; of 0 to 2 what is neither harmless nor a terminal.
 *
 * Return: 0 or -1 with @e.
 */
int handed_close_on_exec(struct err *e);
