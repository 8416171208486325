/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/login.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>
#include <utmpx.h>

#define MARK '~' /* first in the ut_id of an entry of ours; three digits follow */

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
	struct timeval now;
	char line[sizeof(u->ut_line) + 1];

	memset(u, 0, sizeof(*u));
	u->ut_pid = r->supervisor.pid;
	if (strncmp(r->lent.path, "/dev/", 5) == 0)
		(void)snprintf(line, sizeof(line), "%.31s", r->lent.path + 5);
	else
		(void)snprintf(line, sizeof(line), "ns/%s", r->id);
	put(u->ut_line, sizeof(u->ut_line), line);
	(void)gettimeofday(&now, NULL);
	u->ut_tv.tv_sec = (int32_t)now.tv_sec;
	u->ut_tv.tv_usec = (int32_t)now.tv_usec;
}

/* ---- a place in utmp -------------------------------------------------------------------- */

/* Two logins mustn't take the same place. Without the lock it is still better to say who is in. */
static int lock(void)
{
	int fd = open(PATH_RUN, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)flock(fd, LOCK_EX);
	return fd;
}

static void number(unsigned int n, struct utmpx *u)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

	u->ut_id[0] = MARK;
	for (size_t i = sizeof(u->ut_id) - 1; i > 0; i--, n /= 36)
		u->ut_id[i] = digits[n % 36];
}

static bool is_of(const struct utmpx *u, const struct utmpx *one)
{
	return u->ut_type == USER_PROCESS && u->ut_pid == one->ut_pid &&
	       memcmp(u->ut_line, one->ut_line, sizeof(u->ut_line)) == 0;
}

/* Tried again where a lock or a read failed: what isn't read is overwritten, or left. The place
 * in the file stays (glibc 2.36); its end leaves errno alone. */
static const struct utmpx *next(void)
{
	const struct utmpx *u = NULL;

	for (int tries = 0; tries < 3; tries++) {
		errno = 0;
		u = getutxent();
		if (u || errno == 0)
			break;
	}
	return u;
}

/* One that ended is used again: who asks for the users of the host reads the whole file. */
static void find_free(struct utmpx *ret)
{
	const struct utmpx *u;
	unsigned int n = 0;

	setutxent();
	while ((u = next())) {
		if (u->ut_id[0] != MARK)
			continue;
		n++;
		if (u->ut_type != DEAD_PROCESS)
			continue;
		memcpy(ret->ut_id, u->ut_id, sizeof(u->ut_id));
		return;
	}
	number(n, ret);
}

static bool find_own(struct utmpx *ret)
{
	const struct utmpx *u;

	setutxent();
	while ((u = next()))
		if (is_of(u, ret)) {
			memcpy(ret->ut_id, u->ut_id, sizeof(u->ut_id));
			return true;
		}
	return false;
}

/* Tried again: nobody else would ever correct it. */
static void store(const struct utmpx *u)
{
	bool done = false;

	for (int tries = 0; !done && tries < 3; tries++) {
		setutxent();
		done = pututxline(u) != NULL;
	}
}

/* ---- login and logout ------------------------------------------------------------------- */

void login_write(const struct record *r)
{
	_cleanup_close_ int locked = lock();
	struct utmpx u;

	(void)locked; /* until the end of this */
	fill(&u, r);
	u.ut_type = USER_PROCESS;
	put(u.ut_user, sizeof(u.ut_user), r->user);
	put(u.ut_host, sizeof(u.ut_host), r->rhost);
	put_address(&u, r->rhost);
	find_free(&u);
	store(&u);
	endutxent();
	updwtmpx("/var/log/wtmp", &u);
}

void login_clear(const struct record *r)
{
	_cleanup_close_ int locked = lock();
	struct utmpx u;

	(void)locked; /* until the end of this */
	fill(&u, r);
	u.ut_type = DEAD_PROCESS;
	if (find_own(&u))
		store(&u);
	endutxent();
	updwtmpx("/var/log/wtmp", &u);
}
