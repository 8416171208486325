/* SPDX-License-Identifier: BSD-3-Clause */
/* Share=account: finding the session that a login joins. */
#include "helpers/supervisor.h"

#include "core/base/cleanup.h"
#include "core/run/family.h"
#include "core/run/kin.h"
#include "helpers/join_socket.h"
#include "core/run/record.h"
#include "helpers/ticket.h"

#include <syslog.h>

/*
 * Return: 1 when the session took it; 0 when that is none that runs, or is on its way out: a record
 * that a crash left mustn't keep anybody out; 0 also where the account has other groups or rules
 * since; -1 with @e when it can't be told, or fails.
 */
static int offer(const struct plan *plan, const char *id, int sock, struct err *e)
{
	struct record r;
	int read = record_read_live(id, &r, e), sent;
	struct err ticket;

	if (read != 0)
		return read < 0 ? -1 : 0;
	if (!r.share || r.uid != plan->uid || r.rootfs != plan_rootfs_digest(plan) ||
		r.rules != plan_rules_digest(plan) ||
		(r.state != RECORD_OPEN && r.state != RECORD_LINGERING))
		return 0;
	sent = join_socket_send(r.id, sock, e);
	if (sent == 0 && ticket_move(plan, r.init.pid, &ticket) < 0)
		syslog(LOG_WARNING, "session %s: %s", r.id, ticket.msg);
	return sent < 0 ? -1 : sent == 0;
}

int supervisor_hand_over(
	const struct plan *plan, int sock, int *ret_family, struct err *e)
{
	const struct kin k = kin_of_plan(plan);
	_cleanup_close_ int family = -EBADF;
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	int taken = 0;
	size_t n;

	if (family_lock(plan->uid, FAMILY_PATIENCE_MS, &family, e) != 0 ||
		kin_check(family, &k, e) < 0 || family_ids(family, &ids, &n, e) < 0)
		return -1;
	while (taken == 0 && n-- > 0)
		taken = offer(plan, ids[n], sock, e);
	if (taken < 0)
		return err_wrap(e, "look for the account's session");
	if (taken > 0)
		return 1;
	*ret_family = take_fd(&family);
	return 0;
}
