/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/reconcile.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/strlist.h"
#include "core/base/sys.h"
#include "core/plan/netpool.h"
#include "core/run/cgroup/cgroup.h"
#include "core/run/session/account_sessions.h"
#include "core/run/cgroup/freeze.h"
#include "core/run/terminal/utmp.h"
#include "core/run/cgroup/limits_override.h"
#include "core/run/host/program.h"
#include "core/run/network/number.h"
#include "core/run/session/lent.h"
#include "core/run/session/session_socket.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* A killed process leaves its cgroup when it is reaped: wait for that, in small steps. */
#define REMOVE_TRIES    100
#define REMOVE_PAUSE_MS 20
/* And a login that just went in lets go of the account's lock. */
#define LOCK_MS 1000

static void kill_init(const struct record_process *init)
{
	_cleanup_close_ int pidfd = io_process_hold(init->pid, init->start);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd < 0)
		return;
	(void)sys_pidfd_signal(pidfd, SIGKILL);
	(void)poll(&p, 1, REMOVE_TRIES * REMOVE_PAUSE_MS);
}

static int empty_cgroup(const struct record *r, struct err *e)
{
	enum plan_cgroup_kind kind = r->cgroup[0] ? cgroup_kind() : PLAN_CGROUP_NONE;

	for (int i = 0; i < REMOVE_TRIES; i++) {
		if (cgroup_kill(kind, r->cgroup, 0) == 0 &&
			cgroup_remove(kind, r->cgroup, e) == 0)
			return 0;
		clock_pause(REMOVE_PAUSE_MS * 1000);
	}
	return cgroup_remove(kind, r->cgroup, e);
}

/* Records of older versions name no number. */
static bool is_of_before(const struct record *r)
{
	return r->number == 0 && strncmp(r->network, "private ", 8) == 0;
}

/* Whether no other session has the network of @r: one of the account, or of another that shares it. */
static bool is_networks_last(const struct record *r)
{
	_cleanup_free_ struct record *all = NULL;
	struct err ignored;
	size_t n, bad;

	/* Who can't be seen may have it. */
	if (record_list(&all, &n, &bad, &ignored) < 0 || bad > 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].id, r->id) != 0 &&
			(all[i].number == r->number ||
				(all[i].uid == r->uid && is_of_before(&all[i]))))
			return false;
	return true;
}

/* @number: NULL: of all */
static int run_net(const char *what, const char *number, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist words = { 0 };

	/* Without it there was no link. */
	if (access(PATH_NET, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (strlist_add(&words, PATH_NET) < 0 || strlist_add(&words, what) < 0 ||
		(number && strlist_add(&words, number) < 0))
		return err_set(e, ENOMEM, "take the account's link away");
	return program_run(&words, NULL, 0, "nsshell-net didn't answer", e) < 0
		       ? err_wrap(e, "take the account's link away")
		       : 0;
}

/*
 * The namespace is gone, or is just going: with it go link, published ports and rules. Who shared it
 * hasn't the lock of whose it is, and takes away only what is of no link any more.
 */
static int close_network(const struct record *r, struct err *e)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", r->number);
	return run_net(
		strncmp(r->network, "user:", 5) == 0 ? "sweep" : "close", number, e);
}

/*
 * The account's group goes with its last session, which the account's lock makes certain. @swept: so has its link, and
 * what was of it.
 */
static int leave_account(
	const struct record *r, int account_lock, bool swept, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	size_t n;

	if (account_sessions_ids(account_lock, &ids, &n, e) < 0)
		return -1;
	if (n == 0 || (n == 1 && strcmp(ids[0], r->id) == 0)) {
		cgroup_remove_account(
			r->cgroup[0] ? cgroup_kind() : PLAN_CGROUP_NONE, r->cgroup);
		override_remove(r->uid);
	}
	if (r->number > 0 && !swept && is_networks_last(r) && close_network(r, e) < 0)
		return -1;
	return account_sessions_drop(account_lock, r->uid, r->id, e);
}

/* All that is the session's alone. */
static int take_away(
	const struct record *r, int terminal, const struct idmap *ids, struct err *e)
{
	struct err next;
	int result = 0;

	/* A paused session neither hears nor, on cgroup v1, dies. */
	freeze_thaw(r->cgroup[0] ? cgroup_kind() : PLAN_CGROUP_NONE, r->cgroup);
	kill_init(&r->init);
	if (empty_cgroup(r, e) < 0)
		result = -1;
	if (lent_return(terminal, r, ids, result ? &next : e) < 0)
		result = -1;
	if (r->logged_in)
		login_clear(r);
	if (session_socket_remove(r->uid, r->id, result ? &next : e) < 0)
		result = -1;
	return result;
}

int reconcile_end(
	const struct record *r, int terminal, const struct idmap *ids, struct err *e)
{
	_cleanup_close_ int account_lock = -EBADF;
	struct err next;
	int result = take_away(r, terminal, ids, e);

	if (account_sessions_lock(
		    r->uid, ACCOUNT_LOCK_MS, &account_lock, result ? &next : e) != 0 ||
		leave_account(r, account_lock, false, result ? &next : e) < 0)
		return -1;
	return result;
}

/* The caller may be another account's login: one that hangs with this account's lock mustn't stop all others. */
static int lock_account(const struct record *r, int *ret, struct err *e)
{
	int held = account_sessions_lock(r->uid, LOCK_MS, ret, e);

	return held <= 0
		       ? held
		       : err_wrap(e,
				 "a login of the account holds its lock; the host's next "
				 "login, or \"nsctl gc\", tries again");
}

static int end_with_account_lock(const struct record *r, bool swept, struct err *e)
{
	_cleanup_close_ int account_lock = -EBADF;
	struct err next;
	int result;

	if (lock_account(r, &account_lock, e) < 0)
		return -1;
	result = take_away(r, -1, NULL, e);
	if (leave_account(r, account_lock, swept, result ? &next : e) < 0)
		return -1;
	return result;
}

/* One whose record's lock we get has no supervisor any more. */
static int end_orphan(const char *id, bool swept, size_t *n, struct err *e)
{
	_cleanup_close_ int lock = -EBADF;
	int held = record_lock(id, 0, &lock, e), read;
	struct record r;

	if (held != 0)
		return held < 0 ? -1 : 0;
	/* Somebody else may have ended it. */
	read = record_read(id, &r, e);
	if (read < 0 || read == 1)
		return read < 0 ? -1 : record_remove(id, e);
	if (end_with_account_lock(&r, swept, e) < 0)
		return err_wrap(e, "session %s of %s", id, r.user);
	(*n)++;
	return record_remove(id, e);
}

/* Whether it had a link that is gone, as it is a moment after the namespace's last process. */
static bool has_lost_link(const char *id)
{
	static const char links[] = "/proc/sys/net/ipv4/conf/" NETPOOL_LINK;
	char path[sizeof(links) + 16];
	struct record r;
	struct err ignored;

	if (record_read(id, &r, &ignored) != 0 || r.number == 0)
		return false;
	(void)snprintf(path, sizeof(path), "%s%u", links, r.number);
	return access(path, F_OK) < 0 && errno == ENOENT;
}

/*
 * Of many sessions' links that are gone all goes at once: for each by itself every record would be read, and a program
 * run. *@lost becomes true of those that nothing is left of.
 */
static void sweep_links(char (*ids)[PLAN_ID_LEN + 1], size_t n, bool *lost)
{
	struct err ignored;
	size_t many = 0;

	for (size_t i = 0; i < n; i++) {
		lost[i] = has_lost_link(ids[i]);
		many += lost[i];
	}
	if (many < 2 || run_net("sweep", NULL, &ignored) < 0)
		memset(lost, false, n * sizeof(*lost));
}

static bool is_among(char (*ids)[PLAN_ID_LEN + 1], size_t n, const char *id)
{
	while (n > 0 && strcmp(ids[n - 1], id) != 0)
		n--;
	return n > 0;
}

/* Each login does: of a thousand sessions that live it asks for their locks, and no more. */
int reconcile_all(size_t *ret_n, struct err *e)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	_cleanup_free_ bool *lost = NULL;
	struct err next;
	int result = 0;
	size_t n, dead = 0;

	*ret_n = 0;
	if (record_traces(&ids, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int alive = record_is_alive(ids[i], result ? &next : e);

		if (alive < 0)
			result = -1;
		else if (alive == 0 && !is_among(ids, dead, ids[i]))
			memmove(ids[dead++], ids[i], sizeof(*ids));
	}
	lost = calloc(dead + 1, sizeof(*lost));
	if (!lost)
		return err_set(e, ENOMEM, "end sessions that nobody supervises");
	sweep_links(ids, dead, lost);
	for (size_t i = 0; i < dead; i++)
		if (end_orphan(ids[i], lost[i], ret_n, result ? &next : e) < 0)
			result = -1;
	if (*ret_n > 0)
		number_sweep();
	return result;
}
