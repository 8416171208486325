/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking at terminals: who shows isn't held up, and who looks is led nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/run/terminal/observe.h"
#include "core/run/terminal/observe_inside.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- a directory that looks like /proc/PID of a session's init ------------------------------ */

static char base[] = "/tmp/nsshell-observe-XXXXXX";
static int proc = -1;

static const char *in_box(const char *name)
{
	static char path[108];

	(void)snprintf(path, sizeof(path), "%s/root/run/nsshell/%s", base, name);
	return path;
}

static int setup(void **state)
{
	static const char *const directories[] = { "root", "root/run",
		"root/run/nsshell" };
	char path[108];

	(void)state;
	(void)snprintf(base, sizeof(base), "/tmp/nsshell-observe-XXXXXX");
	if (!mkdtemp(base))
		return -1;
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", base, directories[i]);
		if (mkdir(path, 0755) < 0)
			return -1;
	}
	proc = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return proc < 0 ? -1 : 0;
}

static void remove_all(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("/bin/rm", "rm", "-rf", path, (char *)NULL);
		_exit(1);
	}
	(void)waitpid(pid, NULL, 0);
}

static int teardown(void **state)
{
	(void)state;
	(void)close(proc);
	remove_all(base);
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(listen(fd, OBSERVERS_MAX), 0);
	return fd;
}

/* A terminal that came up @ago seconds ago. */
static int terminal(const char *number, long ago)
{
	struct timespec when[2] = { { .tv_sec = time(NULL) - ago } };
	char name[64];
	int fd;

	(void)snprintf(name, sizeof(name), "terminals/%s", number);
	fd = listen_at(in_box(name));
	when[1] = when[0];
	assert_int_equal(utimensat(AT_FDCWD, in_box(name), when, 0), 0);
	return fd;
}

static int look(int *fd, unsigned int *number, size_t *n)
{
	struct err e = { 0 };

	*fd = -1;
	return observe_inside_connect(proc, NULL, fd, number, n, &e);
}

static void shows_none(enum observe_inside_found expected)
{
	unsigned int number;
	size_t n;
	int fd;

	assert_int_equal(look(&fd, &number, &n), expected);
	assert_int_equal(fd, -1);
}

/* ---- from outside ------------------------------------------------------------------------ */

static void the_newest_terminal_that_listens_is_shown(void **state)
{
	int old, young, gone, fd;
	unsigned int number;
	size_t n;

	(void)state;
	assert_int_equal(mkdir(in_box("terminals"), 0700), 0);
	old = terminal("3", 100);
	young = terminal("12", 50);
	gone = terminal("7", 1);
	(void)close(gone);
	assert_int_equal(look(&fd, &number, &n), OBSERVE_INSIDE_CONNECTED);
	assert_int_equal(number, 12);
	assert_int_equal(n, 3);
	(void)close(fd);
	(void)close(young);
	assert_int_equal(look(&fd, &number, &n), OBSERVE_INSIDE_CONNECTED);
	assert_int_equal(number, 3);
	(void)close(fd);
	(void)close(old);
	shows_none(OBSERVE_INSIDE_NONE);
}

static void a_box_without_record_has_no_directory(void **state)
{
	(void)state;
	shows_none(OBSERVE_INSIDE_OFF);
}

static void what_is_no_socket_of_a_terminal_is_passed_over(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(mkdir(in_box("terminals"), 0700), 0);
	assert_int_equal(mkfifo(in_box("terminals/1"), 0600), 0);
	assert_int_equal(mkdir(in_box("terminals/2"), 0700), 0);
	fd = listen_at(in_box("elsewhere"));
	assert_int_equal(symlink("../elsewhere", in_box("terminals/3")), 0);
	(void)close(listen_at(in_box("terminals/4")));
	(void)close(terminal("x5", 0));
	(void)close(terminal("-5", 0));
	shows_none(OBSERVE_INSIDE_NONE);
	(void)close(fd);
}

static void no_link_is_followed_on_the_way(void **state)
{
	unsigned int number;
	char path[108];
	size_t n;
	int fd;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/out", base);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(symlink(path, in_box("terminals")), 0);
	assert_int_equal(look(&fd, &number, &n), -1);
	assert_int_equal(unlink(in_box("terminals")), 0);
	assert_int_equal(symlink("../nsshell", in_box("terminals")), 0);
	assert_int_equal(look(&fd, &number, &n), -1);
}

static void nobody_waits_for_who_lets_nobody_in(void **state)
{
	unsigned int number;
	int deaf, fds[64];
	size_t n, i = 0;

	(void)state;
	assert_int_equal(mkdir(in_box("terminals"), 0700), 0);
	deaf = terminal("1", 0);
	while (i < 64 && look(&fds[i], &number, &n) == OBSERVE_INSIDE_CONNECTED)
		i++;
	assert_in_range(i, 1, 63);
	while (i-- > 0)
		(void)close(fds[i]);
	(void)close(deaf);
}

/* ---- in the proxy ------------------------------------------------------------------------ */

static int come(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void heed(struct observers *o, int terminal_fd)
{
	struct pollfd p[1 + OBSERVERS_MAX];

	observers_wants(o, p);
	if (poll(p, 1 + OBSERVERS_MAX, 0) > 0)
		observers_heed(o, p, terminal_fd);
}

static void who_finds_no_room_is_told(void **state)
{
	int fds[OBSERVERS_MAX + 1];
	struct observers o;
	char text[128] = "";

	(void)state;
	observers_begin(&o, listen_at(in_box("tty")));
	for (size_t i = 0; i <= OBSERVERS_MAX; i++) {
		fds[i] = come(in_box("tty"));
		heed(&o, -1);
	}
	observers_show(&o, "shown", 5);
	for (size_t i = 0; i < OBSERVERS_MAX; i++) {
		assert_int_equal(read(fds[i], text, sizeof(text)), 5);
		assert_memory_equal(text, "shown", 5);
		(void)close(fds[i]);
	}
	assert_true(read(fds[OBSERVERS_MAX], text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "4 at most"));
	assert_int_equal(read(fds[OBSERVERS_MAX], text, sizeof(text)), 0);
	(void)close(fds[OBSERVERS_MAX]);
	/* Those who left make room. */
	heed(&o, -1);
	fds[0] = come(in_box("tty"));
	heed(&o, -1);
	observers_show(&o, "again", 5);
	assert_int_equal(read(fds[0], text, sizeof(text)), 5);
	(void)close(fds[0]);
	observers_end(&o);
}

static void who_does_not_read_is_let_go_and_costs_the_others_nothing(void **state)
{
	static char page[4096];
	struct observers o;
	int deaf, keen;
	size_t passed = 0;

	(void)state;
	observers_begin(&o, listen_at(in_box("tty")));
	deaf = come(in_box("tty"));
	heed(&o, -1);
	keen = come(in_box("tty"));
	heed(&o, -1);
	for (size_t i = 0; i < 4096; i++) {
		observers_show(&o, page, sizeof(page));
		for (ssize_t n; (n = read(keen, page, sizeof(page))) > 0;)
			passed += (size_t)n;
	}
	assert_int_equal(passed, 4096 * sizeof(page));
	assert_true(o.fds[0] < 0 && o.fds[1] >= 0);
	(void)close(deaf);
	(void)close(keen);
	observers_end(&o);
}

static void what_an_observer_says_is_shown_and_goes_nowhere_else(void **state)
{
	char text[64] = "";
	struct observers o;
	int fd, pair[2];

	(void)state;
	assert_int_equal(pipe2(pair, O_CLOEXEC | O_NONBLOCK), 0);
	observers_begin(&o, listen_at(in_box("tty")));
	fd = come(in_box("tty"));
	heed(&o, pair[1]);
	observe_notify(fd, "root is here");
	heed(&o, pair[1]);
	assert_int_equal(read(pair[0], text, sizeof(text)), 12);
	assert_string_equal(text, "root is here");
	(void)close(fd);
	heed(&o, pair[1]);
	assert_int_equal(read(pair[0], text, sizeof(text)), -1);
	(void)close(pair[0]);
	(void)close(pair[1]);
	observers_end(&o);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(the_newest_terminal_that_listens_is_shown),
		STORY(a_box_without_record_has_no_directory),
		STORY(what_is_no_socket_of_a_terminal_is_passed_over),
		STORY(no_link_is_followed_on_the_way),
		STORY(nobody_waits_for_who_lets_nobody_in),
		STORY(who_finds_no_room_is_told),
		STORY(who_does_not_read_is_let_go_and_costs_the_others_nothing),
		STORY(what_an_observer_says_is_shown_and_goes_nowhere_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
