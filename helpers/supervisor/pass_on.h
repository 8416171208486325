/* SPDX-License-Identifier: BSD-3-Clause */
/* From one program of a session's to the next: plain data and the plan, in a memfd. Both are of one build, or refuse. */
#pragma once

#include "core/base/err.h"
#include "core/plan/plan.h"

#include <stddef.h>
#include <stdint.h>

/* The first member of what is passed on. Its place and size never change. */
struct pass_on {
	char version[32];
	uint32_t size, layout; /* of the whole, and of the plan, wire_layout() */
};

/**
 * pass_on_write() - What @head begins, and the plan
 * @head:	filled
 * @size:	of the whole
 * @ret:	the memfd, which an exec keeps
 *
 * Return: 0 or -1 with @e.
 */
int pass_on_write(struct pass_on *head, size_t size, const struct plan *plan, int *ret,
	struct err *e);

/**
 * pass_on_read() - The other way round; once in the life of a process
 * @fd:		closed
 * @plan:	filled, never freed
 *
 * Return: 0; -1 with @e, where @head may have been filled nevertheless.
 */
int pass_on_read(
	int fd, struct pass_on *head, size_t size, struct plan *plan, struct err *e);
