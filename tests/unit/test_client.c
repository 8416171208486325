/* SPDX-License-Identifier: BSD-3-Clause */
/* What a login program takes from the helper, and hands to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "helpers/client/client.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#ifndef AF_XDP
#define AF_XDP 44
#endif

static int ours, theirs;

static int pair(void **state)
{
	int both[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both) < 0)
		return -1;
	ours = both[0];
	theirs = both[1];
	return 0;
}

static int unpair(void **state)
{
	(void)state;
	cleanup_close(&ours);
	cleanup_close(&theirs);
	return 0;
}

/* The lowest number that is free: the same again where nothing was left open. */
static int next_fd(void)
{
	_cleanup_close_ int fd = fcntl(ours, F_DUPFD_CLOEXEC, 0);

	return fd;
}

static void answer(uint32_t magic)
{
	const struct proto_reply reply = { .magic = magic, .kind = PROTO_MOVE };
	const int fds[] = { ours, theirs, ours };

	assert_int_equal(io_send(theirs, &reply, sizeof(reply), fds, 3), 0);
}

static void what_comes_with_an_answer_is_the_caller_s(void **state)
{
	struct proto_reply reply;
	int fds[IO_FDS_MAX], before = next_fd();
	struct err e;
	size_t n = 0;

	(void)state;
	answer(PROTO_MAGIC);
	assert_int_equal(client_reply(ours, &reply, fds, &n, &e), 0);
	assert_int_equal(n, 3);
	assert_int_not_equal(next_fd(), before);
	while (n > 0)
		cleanup_close(&fds[--n]);
	assert_int_equal(next_fd(), before);
}

static void what_comes_from_another_version_is_closed(void **state)
{
	struct proto_reply reply;
	int fds[IO_FDS_MAX], before = next_fd();
	struct err e;
	size_t n = 0;

	(void)state;
	answer(PROTO_MAGIC + 1);
	assert_int_equal(client_reply(ours, &reply, fds, &n, &e), -1);
	assert_non_null(strstr(e.msg, "different versions"));
	assert_non_null(strstr(e.msg, "log in again"));
	assert_int_equal(n, 0);
	assert_int_equal(next_fd(), before);
}

/* Asks with @fd as standard input; 1 and 2 are none. Return: whether a terminal went along. */
static bool asks_with(int fd)
{
	const struct proto_request q = { .magic = PROTO_MAGIC, .kind = PROTO_OPEN };
	int kept[3], fds[IO_FDS_MAX], r;
	struct proto_request heard;
	struct err e = { 0 };
	size_t n = 0;

	for (int i = 0; i < 3; i++) {
		kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
		assert_int_equal(dup2(i == 0 ? fd : ours, i), i);
	}
	r = client_request(ours, &q, &e);
	for (int i = 0; i < 3; i++) {
		(void)dup2(kept[i], i);
		cleanup_close(&kept[i]);
	}
	assert_string_equal(e.msg, "");
	assert_int_equal(r, 0);
	assert_int_equal(io_recv(theirs, &heard, sizeof(heard), fds, &n), 0);
	for (size_t i = 0; i < n; i++)
		cleanup_close(&fds[i]);
	return n > 0;
}

static void a_terminal_goes_along(void **state)
{
	_cleanup_close_ int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_true(asks_with(master));
	assert_false(asks_with(null));
	assert_false(asks_with(ours));
}

/* "Operation not supported" is its word for what no socket can do. */
static void a_socket_of_any_kind_is_no_terminal(void **state)
{
	_cleanup_close_ int sock = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	(void)state;
	if (sock < 0) {
		print_message("# no AF_XDP here, or not root\n");
		skip();
	}
	assert_false(isatty(sock));
	assert_int_equal(errno, EOPNOTSUPP);
	assert_false(asks_with(sock));
}

/* ---- waiting ------------------------------------------------------------------------- */

static void a_helper_that_hangs_is_given_up_and_killed(void **state)
{
	_cleanup_close_ int sock = -EBADF;
	struct proto_reply reply;
	int fds[IO_FDS_MAX];
	struct err e;
	size_t n = 0;
	pid_t pid;

	(void)state;
	/* Any program that says nothing will do. */
	assert_int_equal(client_spawn("/bin/sleep", "1000", &sock, &pid, &e), 0);
	assert_int_equal(client_set_patience(sock, 1, &e), 0);
	assert_int_equal(client_reply(sock, &reply, fds, &n, &e), -1);
	assert_int_equal(e.num, ETIMEDOUT);
	assert_int_equal(kill(pid, 0), 0);
	client_reap(pid, true);
	assert_int_equal(kill(pid, 0), -1);
}

static void a_helper_that_ends_is_no_helper_that_hangs(void **state)
{
	_cleanup_close_ int sock = -EBADF;
	struct proto_reply reply;
	int fds[IO_FDS_MAX];
	struct err e;
	size_t n = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(client_spawn("/bin/sleep", "0", &sock, &pid, &e), 0);
	assert_int_equal(client_reply(sock, &reply, fds, &n, &e), -1);
	assert_int_equal(e.num, 0);
	assert_non_null(strstr(e.msg, "ended without an answer"));
	assert_non_null(strstr(e.msg, "log in again"));
	client_reap(pid, false);
}

static void each_wait_for_a_helper_has_its_bound(void **state)
{
	_cleanup_close_ int sock = -EBADF;
	struct timeval patience = { 0 };
	socklen_t size = sizeof(patience);
	struct err e;
	pid_t pid;

	(void)state;
	assert_int_equal(client_spawn("/bin/sleep", "0", &sock, &pid, &e), 0);
	assert_int_equal(getsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, &size), 0);
	assert_int_equal(patience.tv_sec, CLIENT_PATIENCE_S);
	client_reap(pid, false);
}

/* A login program that keeps what getpwnam(3) and getgrgid(3) gave it, as atd does. */
static void the_caller_s_account_stays_what_it_looked_up(void **state)
{
	const struct passwd *p = getpwnam("root");
	const struct group *g = getgrgid(0);

	(void)state;
	assert_non_null(p);
	assert_non_null(g);
	client_preload("root");
	assert_string_equal(p->pw_name, "root");
	assert_int_equal(p->pw_uid, 0);
	assert_int_equal(g->gr_gid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_caller_s_account_stays_what_it_looked_up),
		cmocka_unit_test_setup_teardown(
			what_comes_with_an_answer_is_the_caller_s, pair, unpair),
		cmocka_unit_test_setup_teardown(
			what_comes_from_another_version_is_closed, pair, unpair),
		cmocka_unit_test_setup_teardown(a_terminal_goes_along, pair, unpair),
		cmocka_unit_test_setup_teardown(
			a_socket_of_any_kind_is_no_terminal, pair, unpair),
		cmocka_unit_test(a_helper_that_hangs_is_given_up_and_killed),
		cmocka_unit_test(a_helper_that_ends_is_no_helper_that_hangs),
		cmocka_unit_test(each_wait_for_a_helper_has_its_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
