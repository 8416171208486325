/* SPDX-License-Identifier: BSD-3-Clause */
/* nsshell's own small programs, and what they say. */
#include "core/run/host/program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *const head[] = { (char *)"/usr/bin/head", (char *)"-c", (char *)"2000000",
	(char *)"/dev/zero" };

/* More than there is room for, and more than a pipe takes: who waits for its end must hear it out. */
static void one_that_says_much_is_heard_to_its_end(void **state)
{
	const struct strlist words = { (char **)(uintptr_t)head, 4 };
	struct err e = { 0 };
	char *said;

	(void)state;
	if (access(head[0], X_OK) < 0)
		skip();
	(void)alarm(60);
	assert_int_equal(program_run(&words, NULL, 0, "no answer", &e), 0);
	assert_int_equal(program_read(&words, &said, "no answer", &e), 0);
	free(said);
	(void)alarm(0);
}

static void what_failed_is_what_it_said(void **state)
{
	static char *const sh[] = { (char *)"/bin/sh", (char *)"-c",
		(char *)"echo why; exit 1" };
	const struct strlist words = { (char **)(uintptr_t)sh, 3 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(program_run(&words, NULL, 0, "no answer", &e), -1);
	assert_non_null(strstr(e.msg, "why"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_says_much_is_heard_to_its_end),
		cmocka_unit_test(what_failed_is_what_it_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
