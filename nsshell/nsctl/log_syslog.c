/* SPDX-License-Identifier: BSD-3-Clause */
/* The files that a syslog daemon writes. */
#include "nsshell/nsctl/log.h"

#include "core/base/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A stamp later than this is one of the year before. */
#define TOMORROW (24 * 3600)

/* "2024-05-01T13:45:00.123456+02:00 " */
static char *stamp_iso(char *line, uint64_t *ret_usec)
{
	struct tm tm = { 0 };
	char *rest = strptime(line, "%Y-%m-%dT%H:%M:%S", &tm);
	uint64_t usec = 0, unit = 100000;
	long offset = 0;
	time_t t;

	if (!rest)
		return NULL;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			usec += (uint64_t)(*rest - '0') * unit;
	if (*rest == '+' || *rest == '-') {
		unsigned int h = 0, m = 0;

		if (sscanf(rest + 1, "%2u:%2u", &h, &m) != 2 &&
			sscanf(rest + 1, "%2u%2u", &h, &m) != 2)
			return NULL;
		offset = (long)(h * 3600 + m * 60) * (*rest == '+' ? 1 : -1);
	}
	rest += strcspn(rest, " ");
	t = timegm(&tm);
	*ret_usec = (uint64_t)(t - offset) * 1000000 + usec;
	return *rest == ' ' ? rest + 1 : NULL;
}

/* "Nov 22 13:10:11 ", local time without a year */
static char *stamp_traditional(char *line, int64_t now, uint64_t *ret_usec)
{
	time_t at = (time_t)now, t;
	struct tm tm = { 0 }, today;
	char *rest;

	if (!localtime_r(&at, &today))
		return NULL;
	rest = strptime(line, "%b %d %H:%M:%S ", &tm);
	if (!rest)
		return NULL;
	tm.tm_year = today.tm_year;
	tm.tm_isdst = -1;
	t = mktime(&tm);
	if (t > at + TOMORROW) {
		tm.tm_year--;
		tm.tm_isdst = -1;
		t = mktime(&tm);
	}
	*ret_usec = (uint64_t)t * 1000000;
	return rest;
}

int log_parse_line(char *line, int64_t now, uint64_t *ret_usec, char **tag, char **text)
{
	char *rest = stamp_iso(line, ret_usec), *colon, *end;

	if (!rest)
		rest = stamp_traditional(line, now, ret_usec);
	/* The host's name */
	rest = rest ? strchr(rest, ' ') : NULL;
	if (!rest)
		return -1;
	*tag = rest + 1;
	colon = strstr(*tag, ": ");
	if (!colon)
		return -1;
	*text = colon + 2;
	end = *tag + strcspn(*tag, "[:");
	*end = '\0';
	return 0;
}

static int read_file(
	const char *path, struct log *l, const struct log_filter *f, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_file_ FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
	_cleanup_free_ char *line = NULL;
	char *tag, *text;
	size_t size = 0;
	uint64_t usec;

	if (!in)
		return errno == ENOENT ? 1 : err_set(e, errno, "read %s", path);
	while (getline(&line, &size, in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (log_parse_line(line, time(NULL), &usec, &tag, &text) == 0)
			(void)log_take(l, f, usec, tag, text);
	}
	return 0;
}

int log_read_syslog(
	struct log *l, const struct log_filter *f, const char *file, struct err *e)
{
	/* Debian's and Red Hat's names, yesterday's files first; a host that has auth.log writes
	 * the same lines nowhere else but to syslog. */
	static const char *const sets[][3] = {
		{ "/var/log/auth.log", "/var/log/secure", "/var/log/messages" },
		{ "/var/log/kern.log", "/var/log/messages", NULL },
	};
	int found = 1;

	l->proven = false;
	if (file)
		return read_file(file, l, f, e) == 0
			       ? 0
			       : (errno == ENOENT ? err_set(e, ENOENT, "read %s", file)
						  : -1);
	for (size_t set = 0; set < 2; set++) {
		for (size_t i = 0; i < 3 && sets[set][i]; i++) {
			char old[64];
			int r;

			(void)snprintf(old, sizeof(old), "%s.1", sets[set][i]);
			if (read_file(old, l, f, e) < 0)
				return -1;
			r = read_file(sets[set][i], l, f, e);
			if (r < 0)
				return -1;
			if (r == 0) {
				found = 0;
				break;
			}
		}
	}
	return found;
}

int log_read(struct log *l, const struct log_filter *f, struct err *e)
{
	int r;

	if (geteuid() != 0)
		return log_read_own(l, f, e);
	r = log_read_journal(l, f, NULL, e);
	if (r == 0 && l->n > 0)
		return 0;
	if (r < 0)
		return -1;
	/* No journal, or one that nobody writes to. */
	return log_read_syslog(l, f, NULL, e) < 0 ? -1 : (r == 0 ? 0 : l->n == 0);
}
