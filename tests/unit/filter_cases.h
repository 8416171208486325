/* SPDX-License-Identifier: BSD-3-Clause */
/* The cases that each rule of a filter is tried with, through any door into a kernel. */
#pragma once

#include "tests/unit/filter_plan.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/personality.h>

/* What no kernel answers to any of these: a refusal is seen to be the filter's. */
#define MARK EOWNERDEAD

struct door {
	const char *name;
	uint32_t arch;
	long (*call)(long nr, uint64_t a, uint64_t b, uint64_t c);
	bool wide; /* arguments have 64 bits */
};

static int failures;

static inline void expect(
	const struct door *d, const struct filter_call *c, bool refused, uint64_t value)
{
	int nr = seccomp_syscall_resolve_name_arch(d->arch, c->name);
	uint64_t args[] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
	long r;

	if (nr < 0)
		return; /* not on this architecture */
	if (c->test != FILTER_ALWAYS)
		args[c->arg] = value;
	r = d->call(nr, args[0], args[1], args[2]);
	if ((r == -MARK) == refused)
		return;
	failures++;
	(void)dprintf(2, "# %s, %s: %s with 0x%llx gave %ld\n", d->name,
		refused ? "refused" : "allowed", c->name, (unsigned long long)value, r);
}

static inline void try_equal(const struct door *d, const struct filter_call *c)
{
	expect(d, c, true, c->value);
	if (d->wide) /* CVE-2019-10063 */
		expect(d, c, true, c->value | 1ULL << 40);
	expect(d, c, false, c->value ^ 0x8000);
}

static inline void try_bits(const struct door *d, const struct filter_call *c)
{
	for (unsigned int bit = 0; bit < 32; bit++)
		if (c->value >> bit & 1)
			expect(d, c, true, 1ULL << bit);
	/* Allowed ones make children, and are tried apart. */
	if (strcmp(c->name, "unshare") == 0)
		expect(d, c, false, CLONE_FILES | CLONE_FS);
}

static inline void try_other_bits(const struct door *d, const struct filter_call *c)
{
	const uint64_t all = UINT32_MAX;

	for (unsigned int bit = 0; bit < 32; bit++) {
		expect(d, c, !(c->value >> bit & 1), 1ULL << bit);
		expect(d, c, true, all & ~(1ULL << bit));
		if (bit < 31)
			expect(d, c, true, 1ULL << 31 | 1ULL << bit);
	}
	if (d->wide) {
		expect(d, c, true, 1ULL << 40 | READ_IMPLIES_EXEC);
		expect(d, c, false, 1ULL << 40);
	}
	expect(d, c, false, all);
	expect(d, c, false, c->value);
	expect(d, c, false, 0);
}

static inline void try_rule(const struct door *d, const struct filter_call *c)
{
	switch (c->test) {
	case FILTER_ALWAYS:
		expect(d, c, true, 0);
		break;
	case FILTER_EQUAL:
		try_equal(d, c);
		break;
	case FILTER_ANY_BIT:
		try_bits(d, c);
		break;
	case FILTER_OTHER_BIT:
		try_other_bits(d, c);
		break;
	case FILTER_ABOVE:
		expect(d, c, true, c->value + 1);
		if (d->wide)
			expect(d, c, true, c->value | 1ULL << 40);
		expect(d, c, false, c->value);
		break;
	}
}
