/* SPDX-License-Identifier: BSD-3-Clause */
/* Locks that somebody else has: waited for as long as was said, and told with their holder. */
#include "core/base/lock.h"

#include "core/base/cleanup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define WAIT_MS 60

static long ms_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int make_directory(char *path)
{
	int dir;

	assert_non_null(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	return dir;
}

static void a_lock_of_somebody_is_waited_for_as_long_as_said(void **state)
{
	char path[] = "/tmp/nsshell-lock.XXXXXX", holder[32];
	_cleanup_close_ int dir = make_directory(path), first = -EBADF, second = -EBADF;
	struct err e = { 0 };
	long begun;

	(void)state;
	assert_int_equal(lock_named(dir, "DIR", "name", 0, &first, &e), 0);
	assert_int_equal(lock_named(dir, "DIR", "name", 0, &second, &e), 1);
	begun = ms_now();
	assert_int_equal(lock_named(dir, "DIR", "name", WAIT_MS, &second, &e), 1);
	assert_in_range(ms_now() - begun, WAIT_MS, 20000);
	assert_int_equal(e.num, ETIMEDOUT);
	(void)snprintf(holder, sizeof(holder), "process %d (test_lock)", getpid());
	assert_non_null(strstr(e.msg, "DIR/name"));
	assert_non_null(strstr(e.msg, holder));
	assert_int_equal(second, -EBADF);
	(void)unlinkat(dir, "name", 0);
	(void)rmdir(path);
}

static void a_file_that_went_under_its_lock_is_made_anew(void **state)
{
	char path[] = "/tmp/nsshell-lock.XXXXXX";
	_cleanup_close_ int dir = make_directory(path), first = -EBADF, second = -EBADF;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(lock_named(dir, "DIR", "name", 0, &first, &e), 0);
	assert_int_equal(unlinkat(dir, "name", 0), 0);
	assert_int_equal(lock_named(dir, "DIR", "name", 0, &second, &e), 0);
	(void)unlinkat(dir, "name", 0);
	(void)rmdir(path);
}

static void a_range_that_a_reader_has_is_waited_for_as_long_as_said(void **state)
{
	struct flock some = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	char path[] = "/tmp/nsshell-lock.XXXXXX", name[64];
	_cleanup_close_ int ours = mkostemp(path, O_CLOEXEC), theirs = -EBADF;
	long begun = ms_now();

	(void)state;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", ours);
	theirs = open(name, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fcntl(theirs, F_OFD_SETLK, &some), 0);
	assert_int_equal(lock_range(ours, WAIT_MS), 1);
	assert_in_range(ms_now() - begun, WAIT_MS, 20000);
	cleanup_close(&theirs);
	assert_int_equal(lock_range(ours, 0), 0);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_of_somebody_is_waited_for_as_long_as_said),
		cmocka_unit_test(a_file_that_went_under_its_lock_is_made_anew),
		cmocka_unit_test(a_range_that_a_reader_has_is_waited_for_as_long_as_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
