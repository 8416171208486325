/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/terminal/utmp.h"

#include "core/base/cleanup.h"
#include "core/base/lock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>
#include <utmpx.h>

#define MARK '~' /* first in the ut_id of an entry of ours; three digits follow */

/* How long a lock is asked for. Who holds one as a rule does so for less than a millisecond; for ours
 * there is a queue where many log in at once, and each in it may have to wait for the other one. */
#define OURS_MS   2000
#define THEIRS_MS 200
#define TRIES     3 /* nobody else would ever correct an entry */
#define READ_MAX  32

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

	memset(u, 0, sizeof(*u));
	u->ut_pid = r->supervisor.pid;
	put(u->ut_line, sizeof(u->ut_line), r->line);
	(void)gettimeofday(&now, NULL);
	/* 32 bits of its own kind: unsigned in newer versions of glibc, for after 2038. */
	u->ut_tv.tv_sec = (__typeof__(u->ut_tv.tv_sec))now.tv_sec;
	u->ut_tv.tv_usec = (int32_t)now.tv_usec;
}

/* ---- locks ------------------------------------------------------------------------------ */

/*
 * Neither is insisted on: whoever may read utmp or wtmp, which is everybody, may keep a lock of it
 * for good. Without it it is still better to say who is in.
 */

/* Two logins mustn't take the same place. Return: fd to keep open meanwhile. */
static int lock_ours(void)
{
	struct err ignored;
	int fd = -EBADF;

	return lock_state("utmp.lock", OURS_MS, &fd, &ignored) == 0 ? fd : -EBADF;
}

/* As others do who write to it, getutent(3). */
static void lock_theirs(int fd)
{
	(void)lock_range(fd, THEIRS_MS);
}

/* ---- utmp and wtmp ---------------------------------------------------------------------- */

static void number(unsigned int n, struct utmpx *u)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

	u->ut_id[0] = MARK;
	for (size_t i = sizeof(u->ut_id) - 1; i > 0; i--, n /= 36)
		u->ut_id[i] = digits[n % 36];
}

/* Entries of logins that have ended are used again, so that utmp doesn't grow: readers read all of it. */
static bool is_place(const struct utmpx *old, const struct utmpx *u)
{
	if (u->ut_type == USER_PROCESS)
		return old->ut_id[0] == MARK && old->ut_type == DEAD_PROCESS;
	return old->ut_type == USER_PROCESS && old->ut_pid == u->ut_pid &&
	       memcmp(old->ut_line, u->ut_line, sizeof(u->ut_line)) == 0;
}

/* Return: 1 with @ret_at and the ut_id there; 0 with those of a new entry; -1. */
static int find_place(int fd, struct utmpx *u, off_t *ret_at)
{
	struct utmpx some[READ_MAX];
	unsigned int ours = 0;
	off_t at = 0;
	ssize_t len;

	while ((len = pread(fd, some, sizeof(some), at)) >= (ssize_t)sizeof(*some))
		for (size_t i = 0; i < (size_t)len / sizeof(*some); i++) {
			*ret_at = at;
			if (is_place(&some[i], u)) {
				memcpy(u->ut_id, some[i].ut_id, sizeof(u->ut_id));
				return 1;
			}
			ours += some[i].ut_id[0] == MARK;
			at += (off_t)sizeof(*some);
		}
	*ret_at = at;
	number(ours, u);
	return len < 0 ? -1 : 0;
}

/* pututxline(3) waits 10 s for a lock. Return: 0; -1 when it may go if it is tried again. */
static int try_store(struct utmpx *u)
{
	_cleanup_close_ int fd = open(_PATH_UTMP, O_RDWR | O_CLOEXEC);
	off_t at;
	int found;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	lock_theirs(fd);
	found = find_place(fd, u, &at);
	if (found < 0)
		return -1;
	if (found == 0 && u->ut_type == DEAD_PROCESS)
		return 0;
	return pwrite(fd, u, sizeof(*u), at) == (ssize_t)sizeof(*u) ? 0 : -1;
}

/* A part of an entry, as a full disk leaves it, is overwritten. Return: as try_store(). */
static int try_append(struct utmpx *u)
{
	_cleanup_close_ int fd = open(_PATH_WTMP, O_WRONLY | O_CLOEXEC);
	struct stat st;
	off_t end;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	lock_theirs(fd);
	if (fstat(fd, &st) < 0)
		return -1;
	end = st.st_size - st.st_size % (off_t)sizeof(*u);
	return pwrite(fd, u, sizeof(*u), end) == (ssize_t)sizeof(*u) ? 0 : -1;
}

static void insist(int (*try)(struct utmpx *), struct utmpx *u)
{
	for (int tries = 0; tries < TRIES; tries++)
		if (try(u) == 0)
			break;
}

/* ---- lastlog ---------------------------------------------------------------------------- */

/*
 * A file of the size of the largest uid, mostly holes. Not every host has one (Debian 13 has a
 * database of its own): where it isn't, none is made.
 */
static void note_last(const struct record *r)
{
	_cleanup_close_ int fd =
		open(_PATH_LASTLOG, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct lastlog last = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	last.ll_time = (__typeof__(last.ll_time))time(NULL);
	put(last.ll_line, sizeof(last.ll_line), r->line);
	put(last.ll_host, sizeof(last.ll_host), r->rhost);
	lock_theirs(fd);
	(void)!pwrite(fd, &last, sizeof(last), (off_t)r->uid * (off_t)sizeof(last));
}

/* ---- login and logout ------------------------------------------------------------------- */

void login_write(const struct record *r)
{
	_cleanup_close_ int locked = lock_ours();
	struct utmpx u;

	(void)locked; /* until the end of this */
	fill(&u, r);
	u.ut_type = USER_PROCESS;
	put(u.ut_user, sizeof(u.ut_user), r->user);
	put(u.ut_host, sizeof(u.ut_host), r->rhost);
	put_address(&u, r->rhost);
	insist(try_store, &u);
	insist(try_append, &u);
	note_last(r);
}

void login_clear(const struct record *r)
{
	_cleanup_close_ int locked = lock_ours();
	struct utmpx u;

	(void)locked; /* until the end of this */
	fill(&u, r);
	u.ut_type = DEAD_PROCESS;
	insist(try_store, &u);
	insist(try_append, &u);
}
