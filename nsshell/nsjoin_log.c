/* SPDX-License-Identifier: BSD-3-Clause */
/* Who joins whom, for the host's log. */
#include "nsshell/nsjoin.h"

#include "core/base/io.h"
#include "core/base/parse.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define COMMAND_MAX 1024

static void name_of(uid_t uid, char *buf, size_t size)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		(void)snprintf(buf, size, "%s", pw->pw_name);
	else
		(void)snprintf(buf, size, "uid %u", uid);
}

/* Set once at login and kept through su and sudo; not set (-1) without the audit subsystem. */
static void login_of(char *buf, size_t size)
{
	char text[16];
	uint32_t uid;

	if (io_read_text(AT_FDCWD, "/proc/self/loginuid", text, sizeof(text)) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (parse_u32(text, &uid) == 0 && uid != UINT32_MAX)
		name_of(uid, buf, size);
}

void nsjoin_who(uid_t uid, struct joinlog_who *ret)
{
	char path[64];

	*ret = (struct joinlog_who){ .uid = uid };
	name_of(ret->uid, ret->name, sizeof(ret->name));
	login_of(ret->login, sizeof(ret->login));
	for (int fd = 0; fd <= 2 && !ret->tty[0]; fd++)
		if (ttyname_r(fd, path, sizeof(path)) == 0)
			(void)snprintf(ret->tty, sizeof(ret->tty), "%.63s",
				strncmp(path, "/dev/", 5) == 0 ? path + 5 : path);
}

static void describe(const struct nsjoin_request *q, char *person, size_t person_size,
	char *command, size_t command_size)
{
	joinlog_person(&q->who, person, person_size);
	joinlog_command(q->command, command, command_size);
}

void nsjoin_log_joined(const struct nsjoin_request *q, const struct record *r)
{
	char person[256], command[COMMAND_MAX];

	describe(q, person, sizeof(person), command, sizeof(command));
	if (q->observe) {
		syslog(LOG_NOTICE, "session %s: %s observes the session of %s", r->id,
			person, r->user);
		return;
	}
	syslog(LOG_NOTICE, "session %s: %s joined the session of %s as %s: %s", r->id,
		person, r->user,
		q->root ? "root of the box"
		: q->as ? q->as
			: r->user,
		command);
}

void nsjoin_log_left(const struct nsjoin_request *q, const struct record *r,
	unsigned long seconds, int status)
{
	char person[256];

	joinlog_person(&q->who, person, sizeof(person));
	syslog(LOG_INFO, "session %s: %s left the session of %s after %lu s, status %d",
		r->id, person, r->user, seconds, status);
}

void nsjoin_log_failed(const struct nsjoin_request *q, const struct err *e)
{
	char person[256], command[COMMAND_MAX], target[128], why[sizeof(e->msg)];
	const char *words[] = { q->target, NULL };

	describe(q, person, sizeof(person), command, sizeof(command));
	joinlog_command(words, target, sizeof(target));
	/* The asker's words are in it, and mustn't look like a line of somebody else's. */
	(void)snprintf(why, sizeof(why), "%s", e->msg);
	for (char *c = why; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	syslog(LOG_WARNING, "%s didn't join %s (%s): %s", person, target, command, why);
}
