/* SPDX-License-Identifier: BSD-3-Clause */
/* When a session's overlays are to look anew at the host. */
#include "helpers/supervisor/follow.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000)

static const struct plan plan = { .id = "follow000000", .user = "nobody" };
static struct session session = { .plan = &plan, .renew = RENEW_NONE };
static struct follow f;

/* ---- in the place of core/run/mount/watch.c, which needs the host's state directory ---- */

static struct {
	bool heard, is_free; /* of a change; nobody watches */
	unsigned int listens, watches;
} host;

void changes_listen(struct changes *c)
{
	(void)c;
	host.listens++;
}

bool changes_heard(struct changes *c)
{
	(void)c;
	return host.heard;
}

void changes_watch(struct changes *c)
{
	if (host.is_free)
		c->watches = 100;
	host.watches++;
}

void changes_tell(struct changes *c)
{
	(void)c;
}

void changes_close(struct changes *c)
{
	*c = CHANGES_NONE;
}

/* -------------------------------------------------------------------------------------- */

static int begun(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	host.heard = true;
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
	struct follow none = FOLLOW_NONE;

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

/* The watcher of all went away: somebody else does it, and no overlay is looked at for it. */
static void who_watches_is_replaced_without_a_look(void **state)
{
	(void)state;
	host.heard = false;
	host.is_free = true;
	f.files.due = 60000 * MS;
	follow_hear(&f, SIGIO, 7000 * MS);
	assert_true(f.files.due == 60000 * MS && f.changes.watches == 100);
	assert_true(host.listens == 1 && host.watches == 1);
}

/* dpkg(1) at work: the others are told ten times a second, and nothing is lost. */
static void a_storm_is_passed_on_now_and_then(void **state)
{
	struct pollfd p;

	(void)state;
	f.files.due = 60000 * MS;
	f.changes.watches = 100;
	follow_wants(&f, 7000 * MS, &p);
	assert_int_equal(p.fd, 100);
	follow_pass_on(&f, 7000 * MS);
	follow_wants(&f, 7050 * MS, &p);
	assert_int_equal(p.fd, -1);
	assert_in_range(follow_timeout(&f, 7050 * MS), 49, 52);
	follow_wants(&f, 7101 * MS, &p);
	assert_int_equal(p.fd, 100);
}

/* What changes while a look goes on is heard of by it, or after it. */
static void a_look_listens_first(void **state)
{
	(void)state;
	session.refresh.n = 0; /* nothing that could fail */
	follow_go(&f, 6000 * MS);
	assert_true(host.listens == 1 && host.watches == 1);
	follow_hear(&f, SIGIO, 6100 * MS);
	follow_go(&f, 8000 * MS);
	assert_true(host.listens == 2 && host.watches == 1);
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
	assert_true(f.changes.dir < 0 && f.changes.watches < 0);
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
		cmocka_unit_test_setup(who_watches_is_replaced_without_a_look, begun),
		cmocka_unit_test_setup(a_storm_is_passed_on_now_and_then, begun),
		cmocka_unit_test_setup(a_look_listens_first, begun),
		cmocka_unit_test_setup(what_fails_is_not_tried_again, begun),
	};

	return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
