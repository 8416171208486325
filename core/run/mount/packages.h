/* SPDX-License-Identifier: BSD-3-Clause */
/* Which packages the host's root has, by what its package manager keeps: enough to see that others came. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* In words, a line: "/var/lib/dpkg/status SIZE TIME"; "no list of packages" where it is of none that is known. */
void packages_describe(char *ret, size_t size);

/* Whether some are being installed, upgraded or removed just now, by dpkg and what runs it, or by rpm. */
bool packages_are_changing(void);
