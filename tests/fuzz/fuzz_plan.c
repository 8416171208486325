/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A plan as nsshell-planner sends it. What can be taken can be sent again, and is the same then; its digests
 * go through all of it.
 */
#include "core/plan/plan_wire.h"
#include "tests/fuzz/fuzz.h"

static void go_through(const struct plan *p)
{
	(void)plan_rules_digest(p);
	(void)plan_rootfs_digest(p);
	(void)plan_tmp_digest(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan *p = calloc(1, sizeof(*p));
	struct arena a = { 0 };
	struct err e = { 0 };
	void *again = NULL;
	size_t n = 0;

	must(p);
	if (wire_take(&plan_wire, data, size, &a, p, &e) == 0) {
		must(wire_put(&plan_wire, p, &again, &n, &e) == 0);
		must(n == size && memcmp(again, data, n) == 0);
		free(again);
		go_through(p);
	} else {
		must(e.msg[0]);
	}
	arena_clear(&a);
	free(p);
	return 0;
}
