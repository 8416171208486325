/* SPDX-License-Identifier: BSD-3-Clause */
/* Copying between pipes, sockets and files without waiting for either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/run/terminal/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct relay relay;

/* Go on until it says that it is over. */
static enum relay_state finish(struct relay *r)
{
	for (int i = 0; i < 1000000; i++) {
		struct pollfd p = relay_wants(r);
		enum relay_state state;

		if (poll(&p, 1, 2000) <= 0)
			return RELAY_GOES;
		state = relay_go(r);
		if (state != RELAY_GOES)
			return state;
	}
	return RELAY_GOES;
}

#define BIG (3U << 20)

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 31 ^ i >> 8 ^ i >> 16);
}

/* A process that writes BIG bytes into an fd, in odd portions. */
static pid_t writer(int fd, const int *closed)
{
	static uint8_t all[BIG];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (; *closed >= 0; closed++)
		(void)close(*closed);
	for (size_t i = 0; i < BIG; i++)
		all[i] = byte_at(i);
	for (size_t at = 0, n; at < BIG; at += n) {
		ssize_t w = write(fd, all + at,
			at % 7777 + 1 < BIG - at ? at % 7777 + 1 : BIG - at);

		if (w <= 0)
			_exit(1);
		n = (size_t)w;
	}
	_exit(0);
}

/* A process that reads to the end, slowly at first, and says whether all came. */
static pid_t reader(int fd, const int *closed)
{
	pid_t pid = fork();
	uint8_t part[5000];
	size_t at = 0;
	ssize_t n;

	if (pid != 0)
		return pid;
	for (; *closed >= 0; closed++)
		(void)close(*closed);
	(void)usleep(20000);
	while ((n = read(fd, part, sizeof(part))) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (part[i] != byte_at(at++))
				_exit(2);
	_exit(at == BIG ? 0 : 3);
}

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void carries_all(int in[2], int out[2], bool own, bool splice)
{
	pid_t w = writer(in[1], (int[]){ in[0], out[0], out[1], -1 });
	pid_t r = reader(out[0], (int[]){ in[0], in[1], out[1], -1 });

	(void)close(in[1]);
	(void)close(out[0]);
	relay_begin(&relay, in[0], out[1], own);
	assert_int_equal(relay.splice, splice);
	assert_int_equal(finish(&relay), RELAY_ENDED);
	assert_false(relay_is_pending(&relay));
	(void)close(in[0]);
	(void)close(out[1]);
	assert_int_equal(status_of(w), 0);
	assert_int_equal(status_of(r), 0);
}

static void pipe_to_pipe(void **state)
{
	int in[2], out[2];

	(void)state;
	for (int own = 0; own <= 1; own++) {
		assert_int_equal(pipe(in), 0);
		assert_int_equal(pipe(out), 0);
		carries_all(in, out, own, true);
	}
}

static void socket_to_pipe_and_back(void **state)
{
	int in[2], out[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, in), 0);
	assert_int_equal(pipe(out), 0);
	carries_all(in, out, false, false);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, out), 0);
	carries_all(in, out, false, false);
}

static void pipe_to_an_appended_file(void **state)
{
	char path[] = "/tmp/nsshell-relay-XXXXXX";
	int file = mkostemp(path, O_APPEND), in[2];
	uint8_t got[64];

	(void)state;
	assert_true(file >= 0);
	(void)unlink(path);
	assert_int_equal(write(file, "before ", 7), 7);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(write(in[1], "after", 5), 5);
	(void)close(in[1]);
	relay_begin(&relay, in[0], file, false);
	assert_int_equal(finish(&relay), RELAY_ENDED);
	assert_int_equal(pread(file, got, sizeof(got), 0), 12);
	assert_memory_equal(got, "before after", 12);
	(void)close(in[0]);
	(void)close(file);
}

static void who_has_no_reader_is_told(void **state)
{
	int in[2], out[2];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	for (int own = 0; own <= 1; own++) {
		assert_int_equal(pipe(in), 0);
		assert_int_equal(pipe(out), 0);
		(void)close(out[0]);
		assert_int_equal(write(in[1], "x", 1), 1);
		relay_begin(&relay, in[0], out[1], own);
		relay.splice = own;
		assert_int_equal(finish(&relay), RELAY_CUT);
		assert_int_equal(relay.failed, 0);
		(void)close(in[0]);
		(void)close(in[1]);
		(void)close(out[1]);
	}
}

static void a_full_disk_is_an_error(void **state)
{
	int in[2], full = open("/dev/full", O_WRONLY);

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_true(full >= 0);
	assert_int_equal(write(in[1], "x", 1), 1);
	relay_begin(&relay, in[0], full, false);
	assert_int_equal(finish(&relay), RELAY_CUT);
	assert_int_equal(relay.failed, ENOSPC);
	(void)close(in[0]);
	(void)close(in[1]);
	(void)close(full);
}

static void a_shared_fd_stays_blocking(void **state)
{
	int in[2], out[2];

	(void)state;
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	relay_begin(&relay, in[0], out[1], false);
	assert_false(fcntl(out[1], F_GETFL) & O_NONBLOCK);
	assert_false(fcntl(in[0], F_GETFL) & O_NONBLOCK);
	for (int i = 0; i < 2; i++) {
		(void)close(in[i]);
		(void)close(out[i]);
	}
}

static void a_limit_is_what_is_there_now(void **state)
{
	int in[2], out[2];
	char got[16];

	(void)state;
	for (int splice = 0; splice <= 1; splice++) {
		assert_int_equal(pipe(in), 0);
		assert_int_equal(pipe(out), 0);
		assert_int_equal(write(in[1], "first", 5), 5);
		relay_begin(&relay, in[0], out[1], true);
		relay.splice = splice;
		relay_limit(&relay, true, 0);
		assert_int_equal(write(in[1], "later", 5), 5);
		assert_int_equal(finish(&relay), RELAY_ENDED);
		assert_int_equal(read(out[0], got, sizeof(got)), 5);
		assert_memory_equal(got, "first", 5);
		for (int i = 0; i < 2; i++) {
			(void)close(in[i]);
			(void)close(out[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipe_to_pipe),
		cmocka_unit_test(socket_to_pipe_and_back),
		cmocka_unit_test(pipe_to_an_appended_file),
		cmocka_unit_test(who_has_no_reader_is_told),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(a_shared_fd_stays_blocking),
		cmocka_unit_test(a_limit_is_what_is_there_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
