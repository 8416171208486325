/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the session shows is shown raw, and can ask the terminal things: what it answers would be
 * typed into the shell that comes after us. So it is read, and thrown away.
 */
#include "core/run/terminal/observe.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/terminal/pty.h"

#include <signal.h>

/* The one that it is shown on; for the signal handlers, too. */
static struct pty_terminal shown = PTY_TERMINAL_NONE;

/* Return: 0, or -1 where nothing more comes. */
static int throw_away(void)
{
	char text[4096];
	ssize_t n = read(shown.fd, text, sizeof(text));

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)) ? 0 : -1;
}

static void give_back(void)
{
	pty_throw_away(&shown);
	pty_restore(&shown);
}

/* Nothing but what signal-safety(7) lists is called. */
static void on_end(int sig)
{
	give_back();
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

static void on_stop(int sig)
{
	int saved = errno;

	(void)sig;
	give_back();
	(void)raise(SIGSTOP);
	errno = saved;
}

/* In the foreground again, maybe. */
static void on_continue(int sig)
{
	int saved = errno;

	(void)sig;
	pty_retake(&shown);
	errno = saved;
}

static void handle(int sig, void (*handler)(int))
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct sigaction before;

	/* One by one: they share the terminal. */
	(void)sigfillset(&act.sa_mask);
	/* nohup(1) meant it. */
	if (sigaction(sig, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
		(void)sigaction(sig, &act, NULL);
}

static int begin(struct err *e)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };

	if (pty_is_terminal(STDOUT_FILENO) <= 0)
		return 0;
	if (pty_take_quiet(STDOUT_FILENO, &shown, e) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		handle(ends[i], on_end);
	handle(SIGTSTP, on_stop);
	handle(SIGCONT, on_continue);
	return 0;
}

/* Return: 1 while there may be more, 0 at the end, -1 with @e. */
static int show(int fd, struct err *e)
{
	char text[4096];
	ssize_t n = read(fd, text, sizeof(text));

	if (n < 0 && errno == EINTR)
		return 1;
	/* Closed with our notice unread. */
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 0;
	if (n < 0 || io_write_all(STDOUT_FILENO, text, (size_t)n) < 0)
		return err_set(e, errno, "look at the session's terminal");
	return 1;
}

static int copy(int fd, struct err *e)
{
	bool hears = true;
	int r = 1;

	while (r > 0) {
		struct pollfd p[] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = hears && shown.raw ? shown.fd : -1, .events = POLLIN },
		};

		if (poll(p, 2, -1) < 0) {
			if (errno != EINTR)
				r = err_set(e, errno, "wait for the session's terminal");
			continue;
		}
		if (p[1].revents && throw_away() < 0)
			hears = false;
		if (p[0].revents)
			r = show(fd, e);
	}
	return r;
}

int observe_follow(int fd, struct err *e)
{
	int r = begin(e);

	if (r == 0)
		r = copy(fd, e);
	give_back();
	pty_release(&shown);
	return r;
}
