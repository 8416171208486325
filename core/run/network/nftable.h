/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the table of Network=private is there: the little that a login asks which makes no link. */
#pragma once

#include <stdbool.h>

/* True where the kernel says that there is none, or knows of no tables. Needs CAP_NET_ADMIN; takes some microseconds. */
bool nftable_is_gone(void);
