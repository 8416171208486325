/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/lent.h"

#include "core/base/cleanup.h"
#include "core/base/lock.h"
#include "core/run/terminal/tty.h"

#include <errno.h>
#include <string.h>

/* It is held for a look at the records. */
#define ORDER_MS 2000

/* Whose record is looked for. */
static bool is_owners(const struct record *r, const struct record_tty *lent)
{
	return r->uid == lent->uid;
}

static bool is_open(const struct record *r, const struct record_tty *lent)
{
	(void)lent;
	return r->state == RECORD_OPEN;
}

/* Of the sessions that run, one that has been lent the same terminal. What can't be read isn't that. */
static bool find(const struct record_tty *lent,
	bool (*is)(const struct record *r, const struct record_tty *lent),
	struct record *ret)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	struct err ignored;
	size_t n;

	if (lent->rdev == 0 || record_ids(&ids, &n, &ignored) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (record_read_live(ids[i], ret, &ignored) == 0 &&
			ret->lent.rdev == lent->rdev &&
			strcmp(ret->lent.path, lent->path) == 0 && is(ret, lent))
			return true;
	return false;
}

void lent_order(int *ret)
{
	struct err ignored;

	if (lock_state("tty.lock", ORDER_MS, ret, &ignored) != 0)
		*ret = -EBADF;
}

int lent_remember(int fd, const char *path, struct record_tty *ret, struct err *e)
{
	struct record other;

	if (tty_remember(fd, path, ret, e) < 0)
		return -1;
	/* No session is root's. */
	if (ret->uid != 0 && find(ret, is_owners, &other))
		*ret = other.lent;
	return 0;
}

int lent_return(int fd, const struct record *r, const struct idmap *ids, struct err *e)
{
	_cleanup_close_ int order = -EBADF;
	struct record_tty lent = r->lent;
	struct record other;

	if (lent.rdev != 0)
		lent_order(&order);
	if (find(&lent, is_open, &other))
		lent.uid = other.uid;
	return tty_give_back(fd, &lent, r->uid, ids, e);
}
