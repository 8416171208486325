/* SPDX-License-Identifier: BSD-3-Clause */
/* Where an account's group is while it has sessions: its slice may have changed meanwhile. */
#pragma once

#include "core/base/err.h"

#include <stddef.h>
#include <sys/types.h>

/**
 * place_find() - The group of an account, as the records of its sessions have it
 * @buf:	gets "nsshell/1000"
 *
 * Return: 0; 1 when no session of its own is in a group, or for who may not read records; -1
 * with @e when that can't be told.
 */
int place_find(uid_t uid, char *buf, size_t size, struct err *e);
