/* SPDX-License-Identifier: BSD-3-Clause */
/* The records of the caller's own sessions. */
#include "nsshell/own.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/record.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int tell(const struct record *r, bool alive)
{
	char head[64], text[RECORD_TEXT_MAX];
	int len = record_format(r, text, sizeof(text));

	if (len < 0)
		return -1;
	(void)snprintf(head, sizeof(head), OWN_LIST_HEAD, alive, len);
	return io_write_all(STDOUT_FILENO, head, strlen(head)) < 0 ||
			       io_write_all(STDOUT_FILENO, text, (size_t)len) < 0
		       ? -1
		       : 0;
}

static int tell_all(const struct record *r, const bool *alive, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tell(&r[i], alive[i]) < 0)
			return -1;
	return io_write_all(STDOUT_FILENO, OWN_LIST_END, sizeof(OWN_LIST_END) - 1);
}

/* Own ones to the front. Return: how many. */
static size_t sift(
	const struct door_before *caller, struct record *all, bool *alive, size_t n)
{
	struct err ignored;
	size_t own = 0;

	for (size_t i = 0; i < n; i++) {
		if (!own_is(caller, &all[i]))
			continue;
		all[own] = all[i];
		alive[own] = record_is_alive(all[own].id, &ignored) == 1;
		own++;
	}
	return own;
}

int own_list(const struct door_before *caller, int argc, char **argv)
{
	_cleanup_free_ struct record *all = NULL;
	_cleanup_free_ bool *alive = NULL;
	size_t n = 0, bad = 0;
	struct err e = { 0 };
	int r;

	(void)argv;
	r = argc == 2 ? record_list(&all, &n, &bad, &e)
		      : err_set(&e, 0, "list takes nothing");
	if (r == 0) {
		alive = calloc(n + 1, sizeof(*alive));
		r = alive ? 0 : err_set(&e, ENOMEM, "list sessions");
	}
	if (r == 0 && alive)
		n = sift(caller, all, alive, n);
	/* Whoever doesn't read keeps a process of their own waiting. */
	own_leave_root((void *)(uintptr_t)caller);
	if (r == 0 && alive && tell_all(all, alive, n) < 0)
		r = err_set(&e, errno, "tell of sessions");
	if (r == 0)
		return 0;
	(void)dprintf(STDERR_FILENO, "nsshell-own: %s\n", e.msg);
	return OWN_FAILED;
}
