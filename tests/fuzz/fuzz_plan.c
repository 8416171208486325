/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A plan as nsshell-planner sends it. What can be taken can be sent again, and is the same then; its digests
 * go through all of it.
 */
#include "core/plan/plan_check.h"
#include "core/plan/plan_wire.h"
#include "tests/fuzz/fuzz.h"

/* Whatever it says, to hold it against an account comes to an end. */
static void hold_against(const struct plan *p)
{
	static gid_t groups[] = { 5 };
	static char name[] = "u", home[] = "/h", shell[] = "/bin/sh", *names[] = { NULL };
	static const struct id_range range = { 100000, 65536 };
	const struct account a = { name, 1000, 5, home, shell, groups, names, 1 };
	const struct policy policy = { 0 };
	const struct plan_login login = { .id = "aaaaaaaaaaaa",
		.service = "sshd",
		.rhost = "",
		.tty = "",
		.said = "" };
	const struct plan_host host = { 0 };
	const struct plan_input in = { &a, &policy, &login, &host, &range, 1, &range, 1,
		NULL, NULL, 0 };
	struct err e = { 0 };

	must(plan_check(p, &in, NULL, 0, &e) == 0 || e.msg[0]);
}

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
		hold_against(p);
	} else {
		must(e.msg[0]);
	}
	arena_clear(&a);
	free(p);
	return 0;
}
