/* SPDX-License-Identifier: BSD-3-Clause */
/* The records of the caller's own sessions. */
#include "nsshell/own.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/record.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int tell(const struct record *r)
{
	char head[64], text[RECORD_TEXT_MAX];
	struct err ignored;
	int len = record_format(r, text, sizeof(text));

	if (len < 0)
		return -1;
	(void)snprintf(head, sizeof(head), OWN_LIST_HEAD,
		record_is_alive(r->id, &ignored) == 1, len);
	return io_write_all(STDOUT_FILENO, head, strlen(head)) < 0 ||
			       io_write_all(STDOUT_FILENO, text, (size_t)len) < 0
		       ? -1
		       : 0;
}

int own_list(const struct door_before *caller, int argc, char **argv)
{
	_cleanup_free_ struct record *all = NULL;
	size_t n = 0, bad = 0;
	struct err e = { 0 };

	(void)argv;
	if (argc != 2)
		(void)err_set(&e, 0, "list takes nothing");
	else if (record_list(&all, &n, &bad, &e) == 0)
		for (size_t i = 0; i < n && !e.msg[0]; i++)
			if (all[i].uid == caller->uid && tell(&all[i]) < 0)
				(void)err_set(&e, errno, "tell of sessions");
	if (!e.msg[0] &&
		io_write_all(STDOUT_FILENO, OWN_LIST_END, sizeof(OWN_LIST_END) - 1) == 0)
		return 0;
	(void)dprintf(
		STDERR_FILENO, "nsshell-own: %s\n", e.msg[0] ? e.msg : "can't write");
	return OWN_FAILED;
}
