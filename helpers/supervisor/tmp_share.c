/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/tmp_share.h"

#include "core/base/event.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/session/account_sessions.h"
#include "core/run/mount/rootfs.h"
#include "core/run/mount/safe_path.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/statfs.h>
#include <syslog.h>

/* The old root lies over the new one for a moment while the other session begins (pivot_root(2)). */
#define TRIES      200
#define PAUSE_USEC 2000

static bool is_tmpfs(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && st.f_type == TMPFS_MAGIC;
}

/* All of them, or none: -1 with errno. */
static int clone_from(const struct plan *plan, const struct tree *t, struct stage *stage)
{
	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct plan_op *op = &plan->ops[i];
		_cleanup_close_ int place = -EBADF;

		if (!op->shared)
			continue;
		place = tree_open(t, op->target);
		if (place >= 0 && !is_tmpfs(place)) {
			errno = ENOENT;
			return -1;
		}
		if (place < 0)
			return -1;
		/* Whole, as what is bound below it is locked there; those are covered again. */
		stage->sources[i].mount = sys_clone_tree(place, "", true, MS_PRIVATE);
		if (stage->sources[i].mount < 0)
			return -1;
	}
	return 0;
}

static void forget(const struct plan *plan, struct stage *stage)
{
	for (size_t i = 0; i < plan->n_ops; i++)
		if (plan->ops[i].shared)
			cleanup_close(&stage->sources[i].mount);
}

/* Before it has pivoted, a session has its root where everybody stages it. */
static int clone_here(const struct plan *plan, struct stage *stage)
{
	const char *const roots[] = { ROOTFS_ROOT, "/" };
	int r = -1;

	for (size_t i = 0; r < 0 && i < 2; i++) {
		_cleanup_close_ int root =
			open(roots[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		const struct tree t = { .root = root };

		if (root < 0)
			continue;
		r = clone_from(plan, &t, stage);
		if (r < 0)
			forget(plan, stage);
	}
	return r;
}

/* Return: 0; 1 when the session is gone; -1 with @e. */
static int take_from(
	struct session *s, const struct record *r, struct stage *stage, struct err *e)
{
	_cleanup_close_ int here =
		openat(s->proc, "thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int init = sys_pidfd_open(r->init.pid);
	int taken = -1, went = -1, num = 0;

	if (here < 0)
		return err_set(e, errno, "remember the host's mounts");
	for (int tries = 0; init >= 0 && taken < 0 && tries < TRIES; tries++) {
		if (tries > 0)
			clock_pause(PAUSE_USEC);
		went = sys_setns(init, CLONE_NEWNS);
		taken = went < 0 ? -1 : clone_here(s->plan, stage);
		num = errno;
		if (went == 0 && sys_setns(here, CLONE_NEWNS) < 0)
			return err_set(e, errno, "go back to the host's mounts");
		if (went < 0)
			break;
	}
	if (taken == 0)
		return 0;
	if (init < 0 || (went < 0 && num == ESRCH))
		return 1;
	return err_set(e, num, "share /tmp with session %s of %s", r->id, s->plan->user);
}

/*
 * As take_from(); 1, too, for one that has a /tmp of its own, and with @differs where other things are
 * bound or hidden in it: these would come along.
 */
static int ask(struct session *s, const char *id, struct stage *stage, bool *differs,
	struct err *e)
{
	struct record r;
	int read = record_read_live(id, &r, e);

	if (read == 1)
		return 1;
	if (read == 2)
		return err_wrap(
			e, "end session %s first, which may have the account's /tmp", id);
	if (read < 0)
		return -1;
	if (r.tmp == 0 || r.uid != s->plan->uid || r.state == RECORD_CLOSING ||
		r.init.pid <= 0)
		return 1;
	if (r.tmp != s->record.tmp) {
		*differs = true;
		return 1;
	}
	return take_from(s, &r, stage, e);
}

int tmp_share(struct session *s, int account_lock, struct stage *stage, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	bool differs = false;
	int r = 1;
	size_t n;

	if (account_sessions_ids(account_lock, &ids, &n, e) < 0)
		return -1;
	while (r == 1 && n-- > 0)
		if (strcmp(ids[n], s->plan->id) != 0)
			r = ask(s, ids[n], stage, &differs, e);
	if (r == 1 && differs)
		event_log(LOG_NOTICE, EVENT_OF(EVENT_NOTE, s->plan),
			"session %s has not the /tmp of %s's other sessions: what the rules bind or "
			"hide in it has changed",
			s->plan->id, s->plan->user);
	return r < 0 ? -1 : 0;
}
