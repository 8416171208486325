/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the ids below an account's box are its alone. */
#pragma once

#include "core/run/ids/subid.h"

/**
 * subid_check_alone() - Refuse ranges that somebody else has, too
 *
 * Compared with the lines of subuid(5) and subgid(5) that are of other names, with the ids of
 * passwd(5) and group(5), and with the ranges that nsshell gave to other accounts. What a
 * directory service has besides these files isn't seen. Two names of one uid are one account.
 *
 * Should:   run outside: it may ask NSS
 *
 * Return: 0 or -1 with @e.
 */
int subid_check_alone(const struct account *a, const struct subid *s, struct err *e);
