/* SPDX-License-Identifier: BSD-3-Clause */
/* Share=account: finding the session that a login joins. */
#include "helpers/supervisor.h"

#include "core/base/cleanup.h"
#include "core/run/family.h"
#include "helpers/join_socket.h"
#include "core/run/record.h"

int supervisor_hand_over(
	const struct plan *plan, int sock, int *ret_family, struct err *e)
{
	_cleanup_close_ int family = -EBADF;
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	struct record r;
	size_t n;

	if (family_lock(plan->uid, true, &family, e) != 0 ||
		family_ids(family, &ids, &n, e) < 0)
		return -1;
	while (n-- > 0) {
		struct err ignored;

		if (record_read(ids[n], &r, &ignored) != 0 || !r.share ||
			r.uid != plan->uid)
			continue;
		if (r.state != RECORD_OPEN && r.state != RECORD_LINGERING)
			continue;
		if (record_is_alive(r.id, &ignored) == 1 &&
			join_socket_send(r.id, sock, &ignored) == 0)
			return 1;
	}
	*ret_family = take_fd(&family);
	return 0;
}
