/* SPDX-License-Identifier: BSD-3-Clause */
/* What a pattern finds, and that it tells of a look that failed. */
#include "core/run/mount/resolve.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static char base[] = "/tmp/nsshell-resolve-XXXXXX";
static struct resolve_as me = { .name = "me" };

static int count(void *arg, const char *path)
{
	(*(int *)arg)++;
	return strstr(path, "/key-") ? 0 : -1;
}

static void in_base(char *buf, size_t size, const char *name)
{
	(void)snprintf(buf, size, "%s/%s", base, name);
}

static int make(void **state)
{
	char path[64];

	(void)state;
	me.uid = getuid();
	me.gid = getgid();
	if (!mkdtemp(base))
		return -1;
	for (int i = 0; i < 3; i++) {
		char name[8];
		FILE *f;

		(void)snprintf(name, sizeof(name), "key-%d", i);
		in_base(path, sizeof(path), name);
		f = fopen(path, "we");
		if (!f || fclose(f) != 0)
			return -1;
	}
	return 0;
}

static int take_away(void **state)
{
	char path[64], name[8];

	(void)state;
	for (int i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "key-%d", i);
		in_base(path, sizeof(path), name);
		(void)unlink(path);
	}
	return rmdir(base);
}

static void all_that_match_are_found(void **state)
{
	char pattern[64];
	struct err e;
	int n = 0;

	(void)state;
	in_base(pattern, sizeof(pattern), "key-*");
	assert_int_equal(resolve_pattern(pattern, &me, count, &n, &e), 0);
	assert_int_equal(n, 3);
}

static void nothing_there_is_no_failure(void **state)
{
	struct err e;
	int n = 0;

	(void)state;
	assert_int_equal(resolve_pattern("/nonexistent/key-*", &me, count, &n, &e), 0);
	assert_int_equal(n, 0);
}

/* What it would hide is there, and would be open. */
static void without_fds_it_fails(void **state)
{
	struct rlimit old, none;
	char pattern[64];
	struct err e = { 0 };
	int n = 0, r;

	(void)state;
	in_base(pattern, sizeof(pattern), "key-*");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){ 3, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = resolve_pattern(pattern, &me, count, &n, &e);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(r, -1);
	assert_int_equal(e.num, EMFILE);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_match_are_found),
		cmocka_unit_test(nothing_there_is_no_failure),
		cmocka_unit_test(without_fds_it_fails),
	};

	return cmocka_run_group_tests_name("resolve", tests, make, take_away);
}
