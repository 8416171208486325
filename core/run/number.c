/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/number.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "core/plan/netpool.h"
#include "core/plan/numbers.h"
#include "core/run/ledger.h"

#include <sys/file.h>

static int look(int fd, int how, const struct account *a, uint32_t max, uint32_t *ret,
	struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (ledger_read(fd, PATH_ADDRESSES, how, &text, e) < 0)
		return -1;
	r = numbers_find(text, a->uid, a->name, max, ret, e);
	return r < 0 ? err_wrap(e, "read %s", PATH_ADDRESSES) : r;
}

static int give(
	int fd, const struct account *a, uint32_t max, uint32_t *ret, struct err *e)
{
	char line[64 + ACCOUNT_NAME_MAX];
	uint32_t number;
	int r = look(fd, LOCK_EX, a, max, &number, e);

	if (r < 0)
		return -1;
	if (r == 0 && number == 0)
		return err_set(e, 0,
			"no address is left for %s: give [Network] a larger Pool=, or remove lines of "
			"deleted accounts from %s",
			a->name, PATH_ADDRESSES);
	(void)snprintf(line, sizeof(line), "%u %u %.255s\n", a->uid, number, a->name);
	if (r == 0 && ledger_append(fd, PATH_ADDRESSES, line, e) < 0)
		return -1;
	*ret = number;
	return 0;
}

int number_find(const struct account *a, const struct policy *policy, bool allocate,
	uint32_t *ret, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct netpool pool;
	uint32_t number;
	const char *why;
	int r;

	/* With another account's network it is that account's, and nobody else's to be given. */
	const struct account other = { .name = policy->network.name,
		.uid = policy->network.uid };

	*ret = 0;
	if (!policy_has_address(policy))
		return 0;
	if (policy->network.kind == NETWORK_USER) {
		a = &other;
		allocate = false;
	}
	if (netpool_parse(policy->pool, &pool, &why) < 0)
		return err_set(e, 0, "Pool=%s: %s", policy->pool, why);
	r = ledger_open(PATH_ADDRESSES, allocate, &fd, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	/* Most have one: those wait for nobody who also only looks. */
	r = look(fd, LOCK_SH, a, netpool_max(&pool), &number, e);
	if (r == 1)
		*ret = number;
	if (r != 0 || !allocate)
		return r < 0 ? -1 : 0;
	return give(fd, a, netpool_max(&pool), ret, e);
}
