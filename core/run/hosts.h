/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's hosts(5). */
#pragma once

#include "core/base/arena.h"

/**
 * hosts_read() - The text of /etc/hosts
 *
 * Return: the text, of @arena; NULL where there is none, or none that can be taken along: no regular
 * file, more than 1 MiB, or with a 0 in it.
 */
const char *hosts_read(struct arena *arena);
