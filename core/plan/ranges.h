/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell's own subordinate ranges, for accounts that subuid(5) has none for: "UID START COUNT
 * NAME" a line, '#' begins a comment line. A uid that is another account's by now gets a range of
 * its own; lines of older versions have no name and are whoever's has the uid. Pure: core/run/ids/subid.h has the file.
 */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"

/* 0x70000000 to 0x7ffdffff is left free by systemd's "Users, Groups, UIDs and GIDs". */
#define RANGES_FIRST 0x70000000U
#define RANGES_END   0x7fbe0000U

/* What is behind it: the ids of nsshell-planner, each that of one process, by its pid, of which Linux has 4194304 at most. */
#define RANGES_PLANNERS RANGES_END
#define RANGES_PIDS     0x400000U

/**
 * ranges_find() - An account's range, or the place for a new one
 * @text:	changed
 * @ret:	the account's range, where it has a line
 * @next:	the first id behind every range in the file, where it has none
 * @e:		says which line isn't of the form, or lies outside of what is nsshell's
 *
 * Return: 1 where there is a line, 0 where there is none, -1 with @e.
 */
int ranges_find(char *text, uid_t uid, const char *name, struct id_range *ret,
	uint32_t *next, struct err *e);
