/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/ids/kin.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/run/ids/privs.h"
#include "core/run/mount/look.h"
#include "core/run/mount/look_once.h"
#include "core/run/session/account_sessions.h"
#include "core/run/session/record.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int kin_is(const char *noted, const char *user, uid_t uid, struct err *e)
{
	return strcmp(noted, user) == 0 ? 1 : account_has_uid(noted, uid, e);
}

int kin_home_born(const struct kin *k, uint64_t *ret, struct err *e)
{
	static struct {
		char *home;
		uint64_t born;
		uid_t uid;
	} asked;
	const struct resolve_as as = { k->user, k->uid, k->gid, k->groups, k->n_groups };

	if (asked.home && asked.uid == k->uid && strcmp(asked.home, k->home) == 0) {
		*ret = asked.born;
		return 0;
	}
	if (look_born(k->home, &as, ret, e) < 0)
		return -1;
	free(asked.home);
	asked.home = strdup(k->home);
	asked.uid = k->uid;
	asked.born = *ret;
	return 0;
}

int kin_note_age(const struct kin *k, int dir, const char *name, struct err *e)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	uint64_t born;

	if (kin_home_born(k, &born, e) < 0)
		return -1;
	if (born <= (uint64_t)time(NULL))
		return 0;
	times[1].tv_sec = (time_t)born;
	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0
		       ? err_set(e, errno, "set the time of %s", name)
		       : 0;
}

#define SECOND UINT64_C(1000000)

/*
 * When a process began, in microseconds since 1970 as today's clock has it: that may have been set since. Who is
 * held up between two clocks looks again.
 */
static uint64_t begun(const struct record_process *p)
{
	uint64_t tick = SECOND / (uint64_t)sysconf(_SC_CLK_TCK), up, now;

	do {
		up = clock_of(CLOCK_BOOTTIME);
		now = clock_of(CLOCK_REALTIME);
	} while (clock_of(CLOCK_BOOTTIME) - up > SECOND / 100);
	return now - (up - p->start * tick);
}

/*
 * The very home that it began with is no younger, whatever two clocks say: that of this host may have been set since, and a file
 * server has its own. What is a whole second began no later than it says, ticks and the time of files are a few milliseconds behind.
 */
static bool is_older(const struct record *r, uint64_t home_born)
{
	if (r->home_born != 0 && r->home_born == home_born)
		return false;
	return home_born * SECOND > begun(&r->supervisor) + SECOND / 10;
}

/* Return: 0, or -1 with @e when the session is another account's. */
static int check(
	const struct record *r, const struct kin *k, uint64_t home_born, struct err *e)
{
	int is = kin_is(r->user, k->user, k->uid, e);

	if (is < 0)
		return -1;
	if (is == 0)
		return err_set(e, 0,
			"uid %u is %s's now, and session %s of %s still runs with it: end that first "
			"(nsctl stop %s), or give %s another uid",
			k->uid, k->user, r->id, r->user, r->id, k->user);
	if (is_older(r, home_born))
		return err_set(e, 0,
			"session %s is older than the home directory of %s, and so another's of that "
			"name: end it first (nsctl stop %s)",
			r->id, r->user, r->id);
	return 0;
}

struct had {
	const struct record *r;
	const struct account *a;
};

/* In a child. */
static int is_its_own(void *arg, struct err *e)
{
	const struct had *h = arg;

	if (privs_look_as(h->a->uid, h->a->gid, h->a->groups, h->a->n_groups, e) < 0)
		return -1;
	return !is_older(h->r, look_birth(h->a->home));
}

int kin_has(const struct record *r, uid_t uid, struct err *e)
{
	_cleanup_(account_clear) struct account a = { 0 };
	const struct had had = { r, &a };
	const struct look_job job = { is_its_own, (void *)(uintptr_t)&had,
		LOOK_PATIENCE_S * 1000 };
	struct resolve_as as;
	int has = r->uid == uid ? account_read(r->user, &a, e) : 1;

	if (has != 0 || a.uid != uid)
		return has < 0 ? -1 : 0;
	as = (struct resolve_as){ a.name, a.uid, a.gid, a.groups, a.n_groups };
	return look_run(&job, &as, NULL, 0, e);
}

int kin_check(int account_lock, const struct kin *k, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	uint64_t home_born;
	size_t n;

	if (account_sessions_ids(account_lock, &ids, &n, e) < 0)
		return -1;
	if (n > 0 && kin_home_born(k, &home_born, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct record r;
		int read = record_read_live(ids[i], &r, e);

		/* One that can't be read is nobody's to share. */
		if (read < 0 || (read == 0 && check(&r, k, home_born, e) < 0))
			return -1;
	}
	return 0;
}

int kin_check_early(const struct kin *k, struct err *e)
{
	_cleanup_close_ int account_lock = -EBADF;

	if (account_sessions_look(k->uid, &account_lock, e) < 0)
		return -1;
	return account_lock < 0 ? 0 : kin_check(account_lock, k, e);
}
