/* SPDX-License-Identifier: BSD-3-Clause */
/* Share=account: finding the session that a login joins. */
#include "helpers/supervisor/supervisor.h"

#include "core/base/event.h"
#include "core/base/cleanup.h"
#include "core/run/session/account_sessions.h"
#include "core/run/ids/kin.h"
#include "helpers/supervisor/join_socket.h"
#include "core/run/session/record.h"
#include "helpers/supervisor/ticket.h"

#include <string.h>
#include <syslog.h>

/* Tried already: one that hung up may not have said in its record yet that it ends. */
#define TRIED_MAX 16

struct tried {
	char ids[TRIED_MAX][PLAN_ID_LEN + 1];
	size_t n;
};

static bool was_tried(const struct tried *t, const char *id)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->ids[i], id) == 0)
			return true;
	return false;
}

/* An admin would wonder. */
static int cant_share(const struct plan *plan, const char *id, const char *why)
{
	event_session(LOG_NOTICE, EVENT_NOTE, plan,
		"%s has another box than session %s: %s", plan->user, id, why);
	return 0;
}

/* Return: 1 when the login can join it; 0 when it can't; -1 with @e when it can't be told. */
static int is_joinable(
	const struct plan *plan, const char *id, struct record *ret, struct err *e)
{
	int read = record_read_live(id, ret, e);

	if (read == 2)
		return cant_share(plan, id, e->msg);
	if (read != 0)
		return read < 0 ? -1 : 0;
	if (!ret->share || ret->uid != plan->uid || ret->state == RECORD_CLOSING)
		return 0;
	return (ret->rootfs == plan_rootfs_digest(plan) &&
		       ret->rules == plan_rules_digest(plan)) ||
	       cant_share(plan, id,
		       "that was opened with other groups, rules or file systems of the host");
}

/*
 * One that a crash left mustn't keep anybody out, nor one that was opened with other groups or rules.
 * One that is only being opened can be joined: under the account's lock it listens already.
 */
static int find(const struct plan *plan, const struct tried *t, int *ret_account_lock,
	struct record *ret, struct err *e)
{
	const struct kin k = kin_of_plan(plan);
	_cleanup_close_ int account_lock = -EBADF;
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	int found = 0;
	size_t n;

	if (account_sessions_lock(plan->uid, ACCOUNT_LOCK_MS, &account_lock, e) != 0 ||
		kin_check(account_lock, &k, e) < 0 ||
		account_sessions_ids(account_lock, &ids, &n, e) < 0)
		return -1;
	while (found == 0 && n-- > 0)
		if (!was_tried(t, ids[n]))
			found = is_joinable(plan, ids[n], ret, e);
	if (found < 0)
		return err_wrap(e, "look for the account's session");
	if (found == 0)
		*ret_account_lock = take_fd(&account_lock);
	return found;
}

/* Return: 1 when it took the login; 0 when it is on its way out; -1 with @e. */
static int offer(const struct plan *plan, const struct record *r, int sock, struct err *e)
{
	int sent = join_socket_send(r->id, sock, e);
	struct err ticket;

	if (sent == 0 && ticket_move(plan, r->init.pid, &ticket) < 0)
		event_session(LOG_WARNING, EVENT_NOTE, r, "%s", ticket.msg);
	return sent < 0 ? -1 : sent == 0;
}

int supervisor_hand_over(
	const struct plan *plan, int sock, int *ret_account_lock, struct err *e)
{
	struct tried tried = { 0 };
	struct record r;
	int found, taken = 0;

	while (taken == 0) {
		found = find(plan, &tried, ret_account_lock, &r, e);
		if (found <= 0)
			return found;
		/* With no lock: it answers once it has time, and its user may have it wait. */
		taken = offer(plan, &r, sock, e);
		if (taken == 0 && tried.n == TRIED_MAX)
			return err_set(e, 0, "%d sessions of %s ended meanwhile",
				TRIED_MAX, plan->user);
		if (taken == 0)
			(void)snprintf(
				tried.ids[tried.n++], sizeof(tried.ids[0]), "%s", r.id);
	}
	return taken < 0 ? err_wrap(e, "look for the account's session") : 1;
}
