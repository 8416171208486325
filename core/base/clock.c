/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/clock.h"

uint64_t clock_usec(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

uint64_t clock_ms(void)
{
	return clock_usec() / 1000;
}

void clock_pause(uint64_t usec)
{
	const struct timespec t = { .tv_sec = (time_t)(usec / 1000000),
		.tv_nsec = (long)(usec % 1000000) * 1000 };

	(void)nanosleep(&t, NULL);
}
