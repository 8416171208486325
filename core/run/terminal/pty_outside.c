/* SPDX-License-Identifier: BSD-3-Clause */
/* The terminal that a session's pty is shown on: for nsjoin, nsctl and the login shell, of which no login needs any. */
#include "core/run/terminal/pty.h"

#include "core/base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* How long the last answer of a terminal's may take to come, and how many there may be. */
#define ANSWER_MS 100
#define ANSWERS   64

int pty_is_terminal(int fd)
{
	if (isatty(fd))
		return 1;
	return errno == ENOTTY || errno == EINVAL || errno == EBADF || errno == EIO ? 0
										    : -1;
}

int pty_ask(int terminal, struct pty_manner *ret)
{
	if (tcgetattr(terminal, &ret->modes) < 0)
		return -1;
	if (ioctl(terminal, TIOCGWINSZ, &ret->size) < 0)
		ret->size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	return 0;
}

/* A terminal that isn't our controlling one has no foreground that concerns us. */
static bool is_ours(int fd)
{
	pid_t front = tcgetpgrp(fd);

	return front < 0 || front == getpgrp();
}

static void set_raw(struct pty_terminal *t)
{
	struct termios raw = t->before.modes;

	if (t->quiet) {
		raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
		raw.c_cc[VMIN] = 1;
		raw.c_cc[VTIME] = 0;
	} else {
		cfmakeraw(&raw);
	}
	t->raw = tcsetattr(t->fd, TCSANOW, &raw) == 0;
}

static int open_anew(int terminal, struct pty_terminal *ret, struct err *e)
{
	const int flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
	struct pty_terminal t = PTY_TERMINAL_NONE;
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", terminal);
	t.fd = open(path, flags);
	t.shared = t.fd < 0;
	/* Somebody else's, handed down by su: then the one that we have must do. */
	if (t.fd < 0)
		t.fd = fcntl(terminal, F_DUPFD_CLOEXEC, 3);
	if (t.fd < 0 || pty_ask(t.fd, &t.before) < 0) {
		(void)err_set(e, errno, "take the terminal");
		cleanup_close(&t.fd);
		return -1;
	}
	*ret = t;
	return 0;
}

int pty_take(int terminal, struct pty_terminal *ret, struct err *e)
{
	if (open_anew(terminal, ret, e) < 0)
		return -1;
	set_raw(ret);
	return 0;
}

int pty_take_quiet(int terminal, struct pty_terminal *ret, struct err *e)
{
	if (open_anew(terminal, ret, e) < 0)
		return -1;
	ret->quiet = true;
	pty_retake(ret);
	return 0;
}

void pty_retake(struct pty_terminal *t)
{
	if (t->fd < 0 || !is_ours(t->fd))
		return;
	if (!t->raw)
		(void)tcgetattr(t->fd, &t->before.modes);
	set_raw(t);
}

/* As on_end() of observe_follow.c needs it: nothing but what signal-safety(7) lists is called. */
void pty_throw_away(const struct pty_terminal *t)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	char text[4096];

	if (t->fd < 0 || !t->raw)
		return;
	for (int i = 0; i < ANSWERS && poll(&p, 1, ANSWER_MS) > 0; i++) {
		ssize_t n = read(t->fd, text, sizeof(text));

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			break;
	}
	(void)tcflush(t->fd, TCIFLUSH);
}

void pty_restore(struct pty_terminal *t)
{
	if (t->fd >= 0 && t->raw && is_ours(t->fd))
		(void)tcsetattr(t->fd, TCSANOW, &t->before.modes);
	t->raw = false;
}

void pty_release(struct pty_terminal *t)
{
	pty_restore(t);
	cleanup_close(&t->fd);
}

void pty_resize(const struct pty_terminal *t, int master)
{
	struct winsize size;

	if (t->fd >= 0 && master >= 0 && ioctl(t->fd, TIOCGWINSZ, &size) == 0)
		(void)ioctl(master, TIOCSWINSZ, &size);
}
