/* SPDX-License-Identifier: BSD-3-Clause */
/* The system calls that are left to process 1 of a session. */
#include "helpers/init/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static bool is_refused(long r)
{
	return r == -1 && errno == EPERM;
}

/* All that would be of use to who has taken it over. */
static int others(void)
{
	static char *const none[] = { NULL };

	if (!is_refused(open("/etc/passwd", O_RDONLY)) ||
		!is_refused(execve("/bin/true", none, none)) ||
		!is_refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) ||
		!is_refused(socket(AF_UNIX, SOCK_STREAM, 0)) ||
		!is_refused(unlink("/nsshell-not-there")) ||
		!is_refused(prctl(PR_SET_DUMPABLE, 1)) ||
		!is_refused(syscall(SYS_getpid)))
		return 1;
	return 0;
}

/* What it lives by. */
static int own(int sock)
{
	const struct timespec moment = { .tv_nsec = 1 };
	struct pollfd p = { .fd = sock, .events = POLLOUT };
	struct timespec now;
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (poll(&p, 1, -1) != 1 || sendmsg(sock, &m, 0) != 1 ||
		recvmsg(sock, &m, MSG_DONTWAIT) != 1 || read(sock, &byte, 1) != 0 ||
		nanosleep(&moment, NULL) < 0 ||
		clock_gettime(CLOCK_MONOTONIC, &now) < 0 ||
		waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD || kill(0, 0) < 0 ||
		close(sock) < 0)
		return 2;
	return 0;
}

static int confined(int sock)
{
	struct err e;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || init_confine(&e) < 0)
		return 3;
	return others() + own(sock);
}

static void what_init_needs_and_nothing_else(void **state)
{
	int pair[2], status = -1;
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(write(pair[1], "y", 1), 1);
	assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
	pid = fork();
	if (pid == 0)
		/* Not _exit(2): a sanitizer has more to do there than the filter lets it. */
		(void)syscall(SYS_exit_group, confined(pair[0]));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_init_needs_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
