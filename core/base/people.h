/* SPDX-License-Identifier: BSD-3-Clause */
/* Which uids are people's, as login.defs(5) has it, and not the system's. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* UID_MIN and UID_MAX, both of them people's. */
struct people {
	uid_t min, max;
};

/* What useradd(8) takes where nothing else is said. */
#define PEOPLE_USUAL ((struct people){ 1000, 60000 })

/**
 * people_parse() - UID_MIN and UID_MAX in the text of login.defs(5)
 * @text:	changed
 *
 * As shadow's programs read it: the last line of a name holds, a "#" begins a comment, a number
 * may be decimal, octal or hexadecimal. What isn't said, or is no number, is as usual.
 */
void people_parse(char *text, struct people *ret);

/* The same of the host's /etc/login.defs; one that can't be read is an empty one. */
void people_read(struct people *ret);

bool people_has(const struct people *p, uid_t uid);
