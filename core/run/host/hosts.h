/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's hosts(5). */
#pragma once

#include "core/base/arena.h"

#include <stdbool.h>

/**
 * hosts_read() - The text of /etc/hosts
 * @ret_too_large:	out, whether it has more than can be taken along
 *
 * Return: the text, of @arena; NULL where there is none, or none that can be taken along: no regular
 * file, more than 8 MiB, or with a 0 in it.
 */
const char *hosts_read(struct arena *arena, bool *ret_too_large);
