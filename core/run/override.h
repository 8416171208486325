/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits that an admin has set for an account while it has sessions, PATH_ACCOUNTS/UID.set:
 * "KEY=VALUE" lines over what the config says. They go with the account's last session.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"

#include <sys/types.h>

/**
 * override_read() - The account's lines
 * @ret:	added to; nothing where there are none, or for who may not read them
 *
 * Return: 0 or -1 with @e.
 */
int override_read(uid_t uid, struct strlist *ret, struct err *e);

/* Replace them, in one step; an empty list removes the file. Return: 0 or -1 with @e. */
int override_write(uid_t uid, const struct strlist *lines, struct err *e);

/* The account's last session has gone. */
void override_remove(uid_t uid);
