/* SPDX-License-Identifier: BSD-3-Clause */
/* Files below PATH_STATE in which something is given out for good, a line an account. */
#pragma once

#include "core/base/err.h"

#include <stdbool.h>

/**
 * ledger_open() - Open one, with @write a new one where there is none
 * @ret_fd:	O_CLOEXEC, the caller's; closing it unlocks
 *
 * Return: 0; 1 when there is none, or without @write who asks may not read it; -1 with @e.
 */
int ledger_open(const char *path, bool write, int *ret_fd, struct err *e);

/**
 * ledger_read() - Lock it (@how as in flock(2)), and read it whole
 * @ret:	to free(), without a 0 byte but the last
 *
 * Return: 0 or -1 with @e.
 */
int ledger_read(int fd, const char *path, int how, char **ret, struct err *e);

/* One more line, with its line break, or none of it. Return: 0 or -1 with @e. */
int ledger_append(int fd, const char *path, const char *line, struct err *e);
