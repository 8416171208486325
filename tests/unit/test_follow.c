/* SPDX-License-Identifier: BSD-3-Clause */
/* When a session's overlays are to look anew at the host. */
#include "helpers/supervisor/follow.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MS UINT64_C(1000)

static const struct plan plan = { .id = "follow000000", .user = "nobody" };
static struct session session = { .plan = &plan, .renew = RENEW_NONE };
static struct follow f;

static int begun(void **state)
{
	(void)state;
	session.refresh = (struct refresh){ .fs = { -EBADF }, .n = 1 };
	follow_begin(&f, &session, 5000 * MS);
	return 0;
}

static void a_session_without_overlays_never_looks(void **state)
{
	(void)state;
	session.refresh.n = 0;
	follow_begin(&f, &session, 5000 * MS);
	follow_hear(&f, SIGIO, 5000 * MS);
	assert_int_equal(follow_timeout(&f, 6000 * MS), -1);
}

static void before_the_first_login_there_is_nothing_to_do(void **state)
{
	struct follow none = { 0 };

	(void)state;
	assert_int_equal(follow_timeout(&none, 5000 * MS), -1);
	follow_hear(&none, SIGIO, 5000 * MS);
	follow_hear(&none, RENEW_SIGNAL, 5000 * MS);
	follow_go(&none, 6000 * MS);
	assert_int_equal(follow_timeout(&none, 6000 * MS), -1);
}

/* What changes in /run, say, is none of the overlays'. */
static void binds_and_files_are_heard_of_apart(void **state)
{
	(void)state;
	f.files.due = f.binds.due = 60000 * MS;
	follow_hear(&f, RENEW_SIGNAL, 7000 * MS);
	assert_true(f.files.due == 60000 * MS);
	assert_in_range(follow_timeout(&f, 7000 * MS), 249, 801);
	f.binds.due = 60000 * MS;
	follow_hear(&f, SIGIO, 7000 * MS);
	assert_true(f.binds.due == 60000 * MS);
}

static void the_first_look_waits_for_a_session_that_stays(void **state)
{
	(void)state;
	assert_in_range(follow_timeout(&f, 5000 * MS), 900, 1001);
	assert_int_equal(follow_timeout(&f, 6000 * MS), 0);
}

static void changes_without_end_put_nothing_off(void **state)
{
	(void)state;
	f.files.due = 60000 * MS;
	follow_hear(&f, SIGIO, 7000 * MS);
	follow_hear(&f, SIGIO, 7200 * MS);
	follow_hear(&f, SIGIO, 7240 * MS);
	assert_int_equal(follow_timeout(&f, 7250 * MS), 0);
}

static void looks_are_apart(void **state)
{
	(void)state;
	f.files.free = 9000 * MS;
	follow_hear(&f, SIGIO, 7000 * MS);
	assert_in_range(follow_timeout(&f, 7000 * MS), 1900, 2001);
}

/* Hear of a change, look when it is time. Return: how long that took, in ms. */
static int heard_and_looked(uint64_t *now)
{
	int wait;

	follow_hear(&f, SIGIO, *now);
	wait = follow_timeout(&f, *now);
	*now += (uint64_t)wait * MS;
	follow_go(&f, *now);
	return wait;
}

static void while_changes_go_on_looks_are_ever_further_apart(void **state)
{
	static const int seconds[] = { 1, 2, 4, 8, 8 };
	uint64_t now = 6000 * MS;

	(void)state;
	session.refresh.n = 0; /* nothing that could fail */
	follow_go(&f, now);
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++)
		assert_in_range(heard_and_looked(&now), seconds[i] * 1000 - 1,
			seconds[i] * 1000 + 100);
	now += 20000 * MS;
	assert_in_range(heard_and_looked(&now), 249, 260);
}

/* Overlays that can't be remounted: once, and no fd is kept. */
static void what_fails_is_not_tried_again(void **state)
{
	(void)state;
	follow_go(&f, 5500 * MS);
	assert_in_range(follow_timeout(&f, 5500 * MS), 400, 501);
	follow_go(&f, 6000 * MS);
	follow_hear(&f, SIGIO, 6000 * MS);
	assert_int_equal(follow_timeout(&f, 9000 * MS), -1);
	assert_int_equal(f.changes.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_session_without_overlays_never_looks, begun),
		cmocka_unit_test(before_the_first_login_there_is_nothing_to_do),
		cmocka_unit_test_setup(binds_and_files_are_heard_of_apart, begun),
		cmocka_unit_test_setup(
			the_first_look_waits_for_a_session_that_stays, begun),
		cmocka_unit_test_setup(changes_without_end_put_nothing_off, begun),
		cmocka_unit_test_setup(looks_are_apart, begun),
		cmocka_unit_test_setup(
			while_changes_go_on_looks_are_ever_further_apart, begun),
		cmocka_unit_test_setup(what_fails_is_not_tried_again, begun),
	};

	return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
