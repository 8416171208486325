/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers for people. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* "512B", "1.5K", "34M", "2.0G": powers of 1024, two digits at least. */
void format_bytes(uint64_t n, char *buf, size_t size);

/* Microseconds as "850ms", "1.234s", "5min 12s", "3h 20min". */
void format_usec(uint64_t n, char *buf, size_t size);
