/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/join_log.h"

#include "core/base/event.h"
#include "core/base/io.h"
#include "core/base/parse.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <syslog.h>

#define COMMAND_MAX 1024
/* Unix98 ptys have eight majors (Documentation/admin-guide/devices.txt). */
#define PTY_MAJOR  136
#define PTY_MAJORS 8
#define VC_MAJOR   4

static void name_of(uid_t uid, char *buf, size_t size)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		(void)snprintf(buf, size, "%s", pw->pw_name);
	else
		(void)snprintf(buf, size, "uid %u", uid);
}

/* Set once at login and kept through su and sudo; not set (-1) without the audit subsystem. */
static void login_of(pid_t pid, char *buf, size_t size)
{
	char path[32], text[16];
	uint32_t uid;

	(void)snprintf(path, sizeof(path), "/proc/%d/loginuid", (int)pid);
	if (io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (parse_u32(text, &uid) == 0 && uid != UINT32_MAX)
		name_of(uid, buf, size);
}

/* Its controlling terminal, proc_pid_stat(5) field 7. */
static void terminal_of(pid_t pid, char *buf, size_t size)
{
	char path[32], text[1024];
	const char *end;
	unsigned int number = 0, major, minor;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (io_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return;
	/* The name in field 2 may hold anything, ')' too. */
	end = strrchr(text, ')');
	if (!end || sscanf(end, ") %*c %*d %*d %*d %u", &number) != 1)
		return;
	major = number >> 8 & 0xfff;
	minor = (number & 0xff) | (number >> 12 & 0xfff00);
	if (major >= PTY_MAJOR && major < PTY_MAJOR + PTY_MAJORS)
		(void)snprintf(buf, size, "pts/%u", (major - PTY_MAJOR) << 20 | minor);
	else if (major == VC_MAJOR)
		(void)snprintf(buf, size, "%s%u", minor < 64 ? "tty" : "ttyS",
			minor < 64 ? minor : minor - 64);
}

void join_log_who(pid_t pid, uid_t uid, struct joinlog_who *ret)
{
	*ret = (struct joinlog_who){ .uid = uid };
	name_of(uid, ret->name, sizeof(ret->name));
	if (pid <= 0)
		return;
	login_of(pid, ret->login, sizeof(ret->login));
	terminal_of(pid, ret->tty, sizeof(ret->tty));
}

void join_log_observes(const struct joinlog_who *who, const struct record *r)
{
	char person[256];

	joinlog_person(who, person, sizeof(person));
	event_session(LOG_NOTICE, EVENT_OBSERVED, r, "%s observes the session of %s",
		person, r->user);
}

void join_log_joined(const struct joinlog_who *who, const struct record *r,
	const char *as, const char *const *command)
{
	char person[256], words[COMMAND_MAX];

	joinlog_person(who, person, sizeof(person));
	joinlog_command(command, words, sizeof(words));
	event_session(LOG_NOTICE, EVENT_JOINED, r,
		"%s joined the session of %s as %s: %s", person, r->user, as, words);
}

void join_log_left(const struct joinlog_who *who, const struct record *r,
	unsigned long seconds, int status)
{
	char person[256];

	joinlog_person(who, person, sizeof(person));
	event_session(LOG_INFO, EVENT_LEFT, r,
		"%s left the session of %s after %lu s, status %d", person, r->user,
		seconds, status);
}

void join_log_failed(const struct joinlog_who *who, const char *target,
	const char *const *command, const struct err *e)
{
	char person[256], words[COMMAND_MAX], quoted[128], why[sizeof(e->msg)];
	const char *one[] = { target, NULL };

	joinlog_person(who, person, sizeof(person));
	joinlog_command(command, words, sizeof(words));
	joinlog_command(one, quoted, sizeof(quoted));
	/* The asker's words are in it, and mustn't look like a line of somebody else's. */
	(void)snprintf(why, sizeof(why), "%s", e->msg);
	for (char *c = why; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	event_log(LOG_WARNING,
		record_id_is_valid(target)
			? &(const struct event){ EVENT_REFUSED, target, NULL }
			: &(const struct event){ EVENT_REFUSED, NULL, target },
		"%s didn't join %s (%s): %s", person, quoted, words, why);
}
