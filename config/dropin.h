/* SPDX-License-Identifier: BSD-3-Clause */
/* The drop-in that nsctl set keeps for an account: CONFIG.d/90-nsctl-NAME.conf. */
#pragma once

#include "core/base/err.h"
#include "core/base/strlist.h"

#include <stddef.h>

/* Where an account's drop-in is. Return: 0; -1 with @e for a name that makes no file's. */
int dropin_path(
	const char *config, const char *user, char *buf, size_t size, struct err *e);

/**
 * dropin_read() - The lines below [User NAME] of the account's drop-in
 * @config:	path of nsshell.conf, NULL for the compiled-in one
 * @ret:	"KEY=VALUE" each, added to; none where there is no file
 *
 * Return: 0 or -1 with @e.
 */
int dropin_read(const char *config, const char *user, struct strlist *ret, struct err *e);

/**
 * dropin_write() - Replace the drop-in in one step; no lines: remove it
 *
 * Mode 0644. A reader sees the old one or the new one, whole. The directory is made if need be.
 * Return: 0 or -1 with @e.
 */
int dropin_write(
	const char *config, const char *user, const struct strlist *lines, struct err *e);
