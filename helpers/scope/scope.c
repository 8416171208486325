/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-scope: asks systemd for an account's scope. A program of its own, so that no login
 * but an account's first loads a D-Bus library. Root's; started by the helper and by nsctl:
 *
 *	nsshell-scope start UNIT PID SLICE DESCRIPTION [LIMIT...] [-- [LIMIT OF THE SLICE...]]
 *	nsshell-scope set UNIT LIMIT...
 *
 * What failed is said on standard output, without a line break.
 */
#include "core/base/parse.h"
#include "helpers/scope/bus.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int usage(struct err *e)
{
	return err_set(e, 0, "nsshell-scope is started by nsshell, and by nobody else");
}

static int start(size_t n, char **words, struct err *e)
{
	struct scope_request q = { 0 };
	uint32_t pid;

	if (n < 4 || parse_u32(words[1], &pid) < 0 || pid == 0)
		return usage(e);
	q = (struct scope_request){
		.unit = words[0],
		.pid = (pid_t)pid,
		.slice = words[2],
		.description = words[3],
		.limits = words + 4,
	};
	while (4 + q.n_limits < n && strcmp(words[4 + q.n_limits], "--") != 0)
		q.n_limits++;
	if (4 + q.n_limits < n) {
		q.slice_limits = words + 4 + q.n_limits + 1;
		q.n_slice_limits = n - 4 - q.n_limits - 1;
	}
	return scope_bus_start(&q, e);
}

static int run(int argc, char **argv, struct err *e)
{
	size_t n = (size_t)argc;

	if (getuid() != 0 || geteuid() != 0 || argc < 3)
		return usage(e);
	/* The last resort, where the library itself would wait for ever. */
	(void)alarm(SCOPE_PATIENCE_S + 5);
	if (strcmp(argv[1], "start") == 0)
		return start(n - 2, argv + 2, e);
	if (strcmp(argv[1], "set") == 0)
		return scope_bus_set(argv[2], argv + 3, n - 3, e);
	return usage(e);
}

int main(int argc, char **argv)
{
	struct err e;

	if (run(argc, argv, &e) == 0)
		return 0;
	(void)fputs(e.msg, stdout);
	return 1;
}
