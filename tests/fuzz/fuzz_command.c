/* SPDX-License-Identifier: BSD-3-Clause */
/* What an account writes into the memfd of a SESSION_RUN. */
#include "core/run/session/session_command.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session_command c = { 0 };
	struct err e = { 0 };
	size_t n = 0, words = 0;

	if (session_command_parse((const char *)data, size, &c, &e) < 0) {
		must(e.msg[0]);
		return 0;
	}
	must(c.directory[0] == '/' && c.home[0] == '/' && *c.file && c.argv[0] &&
		c.head.on_pty <= 7);
	for (; c.argv[words]; words++)
		n += strlen(c.argv[words]) + 1;
	must(words == c.head.n_argv);
	for (words = 0; c.env[words]; words++)
		n += strlen(c.env[words]) + 1;
	must(words == c.head.n_env);
	n += strlen(c.directory) + 1 + strlen(c.home) + 1 + strlen(c.file) + 1;
	if (c.group)
		n += strlen(c.group) + 1;
	must(n + sizeof(c.head) == size);
	session_command_clear(&c);
	return 0;
}
