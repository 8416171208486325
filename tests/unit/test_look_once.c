/* SPDX-License-Identifier: BSD-3-Clause */
/* What a child that may never end keeps of its parent's: a lock, above all, would be held as long. */
#include "core/run/mount/look_once.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HIGHEST 900

/* Its exit status: 0, or what it found wrong. */
static int alone(int sock, const int *keep, size_t n)
{
	int r;

	for (int fd = 3; fd <= HIGHEST; fd++)
		if (dup2(0, fd) != fd)
			return 1;
	r = look_alone(sock, keep, n);
	if (r != 0)
		return 2;
	for (int fd = 0; fd <= HIGHEST; fd++) {
		bool kept = fd < 3 || fd == sock;

		for (size_t i = 0; i < n; i++)
			kept = kept || keep[i] == fd;
		if (kept != (fcntl(fd, F_GETFD) >= 0))
			return 3;
	}
	return 0;
}

static int status_of(int sock, const int *keep, size_t n)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(alone(sock, keep, n));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void keeps_what_it_is_told(void **state)
{
	(void)state;
	assert_int_equal(status_of(3, NULL, 0), 0);
	assert_int_equal(status_of(HIGHEST, NULL, 0), 0);
	assert_int_equal(status_of(40, (const int[]){ 3 }, 1), 0);
	assert_int_equal(status_of(5, (const int[]){ 700, 4, 6 }, 3), 0);
	assert_int_equal(status_of(5, (const int[]){ -1, 7, 7 }, 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
