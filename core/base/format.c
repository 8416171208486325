/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/format.h"

#include <inttypes.h>
#include <stdio.h>

void format_bytes(uint64_t n, char *buf, size_t size)
{
	static const char units[] = "BKMGTPE";
	double x = (double)n;
	size_t unit = 0;

	for (; x >= 1023.95 && unit + 2 < sizeof(units); unit++)
		x /= 1024;
	if (unit == 0)
		(void)snprintf(buf, size, "%" PRIu64 "B", n);
	else
		(void)snprintf(buf, size, x < 9.95 ? "%.1f%c" : "%.0f%c", x, units[unit]);
}

void format_usec(uint64_t n, char *buf, size_t size)
{
	uint64_t ms = n / 1000, s = ms / 1000;

	if (s == 0)
		(void)snprintf(buf, size, "%" PRIu64 "ms", ms);
	else if (s < 60)
		(void)snprintf(buf, size, "%" PRIu64 ".%03" PRIu64 "s", s, ms % 1000);
	else if (s < 3600)
		(void)snprintf(buf, size, "%" PRIu64 "min %" PRIu64 "s", s / 60, s % 60);
	else
		(void)snprintf(
			buf, size, "%" PRIu64 "h %" PRIu64 "min", s / 3600, s / 60 % 60);
}
