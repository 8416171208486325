/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strict parsing of what somebody else wrote. Every function takes a whole string, gives
 * 0 and the value, or -EINVAL (not of the form) or -ERANGE (too large) and leaves *ret
 * alone. No leading blanks, no sign, no trailing text. None looks at the locale.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* "infinity" in sizes, counts and time spans; the number itself is refused with -ERANGE.
 */
#define PARSE_INFINITY UINT64_MAX

/* Decimal digits only. */
int parse_u64(const char *s, uint64_t *ret);
int parse_u32(const char *s, uint32_t *ret);

/* yes, no, true, false, on, off, 1, 0 as in systemd.syntax(7), lower case only */
int parse_bool(const char *s, bool *ret);

/* Bytes: "512", "2G", "1.5G" is refused; K M G T are powers of 1024; "infinity". */
int parse_size(const char *s, uint64_t *ret);

/* A count or "infinity". */
int parse_count(const char *s, uint64_t *ret);

/*
 * Microseconds: "90" (seconds), "5min", "1h 30min", "2d", "infinity". Units as in
 * systemd.time(7): us ms s m h d w M y and their longer names; a month is 30.4375 days
 * and a year 365.25. A number without a unit stands alone.
 */
int parse_timespan(const char *s, uint64_t *ret);

/* Whether one of a text's lines is this one, as in what sd_notify(3) sends. */
bool parse_has_line(const char *text, const char *line);

/* "150%" gives 150; a percentage of 0 is refused. */
int parse_percent(const char *s, uint32_t *ret);
