/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes, times and other people's words as text. */
#include "nsshell/nsctl/sessions.h"

#include "core/base/format.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

void nsctl_bytes(uint64_t n, enum nsctl_numbers numbers, char *buf, size_t size)
{
	buf[0] = '\0';
	if (n == USAGE_UNKNOWN)
		return;
	if (n == PARSE_INFINITY) {
		(void)snprintf(buf, size, "infinity");
		return;
	}
	if (numbers == NSCTL_PLAIN)
		(void)snprintf(buf, size, "%" PRIu64, n);
	else
		format_bytes(n, buf, size);
}

void nsctl_usec(uint64_t n, enum nsctl_numbers numbers, char *buf, size_t size)
{
	uint64_t s = n / 1000000;

	buf[0] = '\0';
	if (n == USAGE_UNKNOWN)
		return;
	if (numbers == NSCTL_PLAIN)
		(void)snprintf(buf, size, "%" PRIu64 ".%03" PRIu64, s, n / 1000 % 1000);
	else if (s < 3600)
		(void)snprintf(buf, size, "%" PRIu64 ":%02" PRIu64 ".%02" PRIu64, s / 60,
			s % 60, n / 10000 % 100);
	else
		(void)snprintf(
			buf, size, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
}

void nsctl_time(uint64_t seconds, char *buf, size_t size)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	size_t n;

	buf[0] = '\0';
	if (seconds == 0 || !localtime_r(&t, &tm))
		return;
	n = strftime(buf, size, "%Y-%m-%dT%H:%M:%S%z", &tm);
	/* strftime() has no colon in the zone, ISO 8601's extended form does. */
	if (n >= 5 && n + 1 < size) {
		memmove(buf + n - 1, buf + n - 2, 3);
		buf[n - 2] = ':';
	}
}

void nsctl_printable(char *s)
{
	for (; *s; s++)
		if (*s < ' ' || *s > '~')
			*s = '?';
}
