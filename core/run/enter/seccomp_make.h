/* SPDX-License-Identifier: BSD-3-Clause */
/* From the rules of a plan to a program of the kernel's, through libseccomp. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

/**
 * filter_export() - Make the program and write it to a file
 * @fd:	for writing, empty
 *
 * It holds for the machine's own calls and those of its 32-bit door (i386, arm); a call by
 * any other door, x32 for one, is answered ENOSYS. Takes about 1 ms.
 *
 * Return: 0 or -1 with @e, also for a call that this libseccomp doesn't know.
 */
int filter_export(const struct plan_filter *rules, int fd, struct err *e);

/**
 * filter_export_for() - The same as a machine of another architecture makes it
 * @arch:	SCMP_ARCH_*, seccomp_arch_add(3)
 */
int filter_export_for(
	uint32_t arch, const struct plan_filter *rules, int fd, struct err *e);

/**
 * filter_make() - The program of a plan, made when it is wanted for the first time
 * @ret_key:	names it until the host goes down, for filter_open(); 0: the plan has no rules
 * @ret_fd:	O_CLOEXEC, the caller's; -EBADF for none
 *
 * Return: 0 or -1 with @e.
 */
int filter_make(
	const struct plan_filter *rules, uint64_t *ret_key, int *ret_fd, struct err *e);
