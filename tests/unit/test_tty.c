/* SPDX-License-Identifier: BSD-3-Clause */
/* A lent terminal, and who has it when it is to be given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/run/terminal/tty.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int master, terminal;
static struct record_tty lent;
static uid_t owner; /* not always who opened it: devpts has an option for that */

/* Nobody else's as long as the test runs, which needs no root: only the mode shows who has been there. */
static int lend(void **state)
{
	char name[64];
	struct err e;

	(void)state;
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0 ||
		ptsname_r(master, name, sizeof(name)) != 0)
		return -1;
	terminal = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0 || tty_remember(terminal, name, &lent, &e) < 0)
		return -1;
	owner = lent.uid;
	lent.mode = 0600;
	return fchmod(terminal, 0622);
}

static int hang_up(void **state)
{
	(void)state;
	cleanup_close(&terminal);
	cleanup_close(&master);
	return 0;
}

static bool is_back(void)
{
	struct stat st;

	assert_int_equal(fstat(terminal, &st), 0);
	return (st.st_mode & 0777) == 0600;
}

static void give_back(int fd, uid_t uid, const struct idmap *ids)
{
	struct err e;

	assert_int_equal(tty_give_back(fd, &lent, uid, ids, &e), 0);
}

static void it_is_given_back(void **state)
{
	(void)state;
	give_back(terminal, owner, NULL);
	assert_true(is_back());
}

static void by_its_path_too(void **state)
{
	(void)state;
	give_back(-1, owner, NULL);
	assert_true(is_back());
}

static void another_user_keeps_it(void **state)
{
	const struct idmap box = { .n = 1, .extents = { { 0, owner + 1, 65536 } } };

	(void)state;
	give_back(terminal, owner + 1, NULL);
	give_back(terminal, owner + 1, &box);
	give_back(-1, owner + 1, NULL);
	assert_false(is_back());
}

static void root_of_the_box_keeps_it_from_nobody(void **state)
{
	const struct idmap box = { .n = 1, .extents = { { 0, owner, 65536 } } };

	(void)state;
	give_back(terminal, owner + 1, &box);
	assert_true(is_back());
}

static void another_device_is_left_alone(void **state)
{
	(void)state;
	lent.rdev++;
	give_back(terminal, owner, NULL);
	give_back(-1, owner, NULL);
	assert_false(is_back());
}

#define story(f) cmocka_unit_test_setup_teardown(f, lend, hang_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(it_is_given_back),
		story(by_its_path_too),
		story(another_user_keeps_it),
		story(root_of_the_box_keeps_it_from_nobody),
		story(another_device_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
