/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system calls that a session is refused, as data: a deny list, in groups that each have a
 * reason. core/run/enter/seccomp_make.c makes a program for the kernel of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When a call is refused. Bits of an argument above the 32nd count only where it is said. */
enum filter_test {
	FILTER_ALWAYS,
	FILTER_EQUAL,   /* the argument's low 32 bits are value */
	FILTER_ANY_BIT, /* it has one of value's bits; value's high half counts too */
	/* its low 32 bits have one that value hasn't; all ones, which only asks, may pass */
	FILTER_OTHER_BIT,
	FILTER_ABOVE, /* the argument is greater than value; all 64 bits of it */
};

struct filter_call {
	const char *name; /* as libseccomp knows it, of any architecture */
	int error;        /* what the caller gets as errno */
	enum filter_test test;
	unsigned int arg; /* from 0 */
	uint64_t value;
};

struct filter_group {
	const char *name; /* "@clock", as SystemCallFilter= has it */
	const char *why;
	/* part of the default list only as long as AllowUserNamespaces=no */
	bool unless_nested;
	/* the same, Root=no */
	bool unless_root;
	const struct filter_call *calls;
	size_t n_calls;
};

extern const struct filter_group filter_groups[];
extern const size_t filter_n_groups;

/* The group of that name, "@clock", or NULL. */
const struct filter_group *filter_group_find(const char *name);
