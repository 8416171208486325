/* SPDX-License-Identifier: BSD-3-Clause */
/* Where an account's group is while it has sessions: its slice may have changed meanwhile. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * place_find() - The group of an account, as the records of its sessions have it
 * @buf:	gets "nsshell/1000"
 *
 * Return: whether it has a session in a group; false for who may not read records.
 */
bool place_find(uid_t uid, char *buf, size_t size);
