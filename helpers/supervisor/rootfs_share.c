/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/rootfs_share.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/session/account_sessions.h"
#include "core/run/session/held.h"
#include "core/run/mount/refresh.h"
#include "core/run/mount/rootfs.h"
#include "helpers/supervisor/sibling.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

int holder_reserve(const struct plan *plan, struct err *e)
{
	if (plan->upper == UPPER_NONE)
		return 0;
	return sibling_reserve(
		plan->upper == UPPER_DISK ? SIBLING_ROOTFS_FD : HELD_UPPER_FD, e);
}

/*
 * The rootfs fd of a running sibling. Return: 1 with @ret; 0 when it has none, or is gone; 2 when it
 * doesn't hold what its record says; -1 with @e.
 */
static int sibling_rootfs(const struct record *r, int *ret, struct err *e)
{
	int found = r->holder == 0 ? 0
				   : sibling_take(r, SIBLING_ROOTFS_FD, CLONE_NEWNS,
					     r->holder, ret);

	return found < 0 ? err_set(e, errno,
				   "share the rootfs of the account's other sessions")
			 : found;
}

/*
 * What it was told to hold may still be mounted in its box. One that is ending lets go once nobody
 * is in there any more, and has said so in its record before. Return: 0, or -1 with @e.
 */
static int lost_rootfs(const struct session *s, const char *id, struct err *e)
{
	struct record now;
	int read = record_read_live(id, &now, e);

	if (read < 0)
		return -1;
	if (read == 1 || (read == 0 && now.state == RECORD_CLOSING))
		return 0;
	return err_set(e, 0,
		"session %s may have the upper of %s mounted, and can't be asked for it: end it first "
		"(nsctl stop %s)",
		id, s->plan->user, id);
}

/* The upper can only be mounted by one set of rules. Return: 1, or -1 with @e. */
static int same_rules(struct session *s, const struct record *r, struct err *e)
{
	if (r->rootfs == plan_rootfs_digest(s->plan))
		return 1;
	s->allow = false;
	return err_set(e, 0,
		"session %s of %s was opened with other groups, hidden paths or file systems of the "
		"host, and with Upper=disk all sessions of an account share one file system: end it "
		"first (nsctl stop %s)",
		r->id, s->plan->user, r->id);
}

/* Of one of the account's sessions, as sibling_rootfs(). */
static int ask_sibling(struct session *s, const char *id, int *ret, struct err *e)
{
	struct record r;
	int found;

	switch (record_read_live(id, &r, e)) {
	case 0:
		found = r.uid == s->plan->uid ? sibling_rootfs(&r, ret, e) : 0;
		if (found == 2)
			return lost_rootfs(s, id, e);
		if (found == 1)
			memcpy(s->record.changed, r.changed, sizeof(r.changed));
		return found == 1 ? same_rules(s, &r, e) : found;
	case 1:
		return 0;
	case 2:
		return err_wrap(e, "end session %s first, which may use the upper", id);
	default:
		return -1;
	}
}

/*
 * Two mounts of one upper corrupt it without a word: where it can't be told whether a sibling has
 * it, there is no login.
 *
 * Return: 1 when a running session of the account shares its rootfs; 0 when there is none; -1 with
 * @e.
 */
static int find_rootfs(struct session *s, int account_lock, int *ret, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	int found = 0;
	size_t n;

	if (account_sessions_ids(account_lock, &ids, &n, e) < 0)
		return -1;
	while (found == 0 && n-- > 0)
		if (strcmp(ids[n], s->plan->id) != 0)
			found = ask_sibling(s, ids[n], ret, e);
	return found;
}

static int hold_here(struct session *s, struct err *e)
{
	_cleanup_close_ int ns =
		openat(s->proc, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (ns < 0 || fstat(ns, &st) < 0 || dup3(ns, s->holder, O_CLOEXEC) < 0)
		return err_set(e, errno, "hold the account's rootfs");
	s->record.holder = st.st_ino;
	return 0;
}

/* Upper=disk: the one of the account's other sessions, where there is any. */
static int share_rootfs(struct session *s, int account_lock, struct err *e)
{
	_cleanup_close_ int ns = -EBADF;
	int found = find_rootfs(s, account_lock, &ns, e);

	if (found < 0)
		return -1;
	if (found > 0 && sys_setns(ns, CLONE_NEWNS) < 0)
		return err_set(e, errno, "join the account's rootfs");
	if (found == 0 && rootfs_build(s->plan, s->proc, s->record.changed, e) < 0)
		return -1;
	if (hold_here(s, e) < 0 || refresh_hold(s->plan, &s->refresh, e) < 0)
		return -1;
	return found > 0 ? refresh_now(&s->refresh, e) : 0;
}

/* Upper=tmpfs: for who looks at what is written, until the session is over. */
static int hold_upper(struct session *s, struct err *e)
{
	_cleanup_close_ int upper =
		open("/upper", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	/* Each part of the host is read-only, or live. */
	if (upper < 0 && errno == ENOENT) {
		cleanup_close(&s->holder);
		return 0;
	}
	if (upper < 0 || fstat(upper, &st) < 0 || dup3(upper, s->holder, O_CLOEXEC) < 0)
		return err_set(e, errno, "hold what the session writes");
	s->record.upper = st.st_ino;
	return 0;
}

int holder_take(struct session *s, int account_lock, struct err *e)
{
	if (s->plan->upper == UPPER_DISK)
		return share_rootfs(s, account_lock, e);
	if (rootfs_build(s->plan, s->proc, s->record.changed, e) < 0 ||
		(s->plan->upper == UPPER_TMPFS && hold_upper(s, e) < 0))
		return -1;
	return refresh_hold(s->plan, &s->refresh, e);
}
