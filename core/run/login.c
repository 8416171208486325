/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/login.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>
#include <sys/time.h>
#include <utmpx.h>

static void put(char *field, size_t size, const char *text)
{
	size_t len = strnlen(text, size);

	memset(field, 0, size);
	memcpy(field, text, len);
}

static void put_address(struct utmpx *u, const char *rhost)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, rhost, &v4) == 1)
		memcpy(u->ut_addr_v6, &v4, sizeof(v4));
	else
		(void)inet_pton(AF_INET6, rhost, u->ut_addr_v6);
}

static void fill(struct utmpx *u, const struct record *r)
{
	const char *tail = r->id + PLAN_ID_LEN - sizeof(u->ut_id);
	struct timeval now;
	char line[sizeof(u->ut_line) + 1];

	memset(u, 0, sizeof(*u));
	if (strncmp(r->lent.path, "/dev/", 5) == 0)
		(void)snprintf(line, sizeof(line), "%.31s", r->lent.path + 5);
	else
		(void)snprintf(line, sizeof(line), "ns/%s", r->id);
	put(u->ut_line, sizeof(u->ut_line), line);
	put(u->ut_id, sizeof(u->ut_id), tail);
	(void)gettimeofday(&now, NULL);
	u->ut_tv.tv_sec = (int32_t)now.tv_sec;
	u->ut_tv.tv_usec = (int32_t)now.tv_usec;
}

/* Tried again: nobody else would ever correct it. */
static void store(const struct utmpx *u)
{
	bool done = false;

	for (int tries = 0; !done && tries < 3; tries++) {
		setutxent();
		done = pututxline(u) != NULL;
		endutxent();
	}
	updwtmpx("/var/log/wtmp", u);
}

void login_write(const struct record *r, pid_t pid)
{
	struct utmpx u;

	fill(&u, r);
	u.ut_type = USER_PROCESS;
	u.ut_pid = pid;
	put(u.ut_user, sizeof(u.ut_user), r->user);
	put(u.ut_host, sizeof(u.ut_host), r->rhost);
	put_address(&u, r->rhost);
	store(&u);
}

void login_clear(const struct record *r)
{
	struct utmpx u;

	fill(&u, r);
	u.ut_type = DEAD_PROCESS;
	store(&u);
}
