/* SPDX-License-Identifier: BSD-3-Clause */
/* What time it is, and waiting a moment. */
#pragma once

#include <stdint.h>
#include <time.h>

/* In microseconds: CLOCK_REALTIME's are since 1970. */
static inline uint64_t clock_of(clockid_t which)
{
	struct timespec t;

	(void)clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Of CLOCK_MONOTONIC, which nobody sets. */
uint64_t clock_usec(void);
uint64_t clock_ms(void);

/* A signal ends it earlier. */
void clock_pause(uint64_t usec);
