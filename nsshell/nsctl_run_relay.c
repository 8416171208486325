/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An fd of the admin's terminal in a box would let whoever lives there read what the admin
 * types later (and TIOCSTI would do worse, CVE-2016-10124). So the command gets pipes, and
 * the terminal stays out here.
 */
#include "nsshell/nsctl_run.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"

#include <fcntl.h>
#include <poll.h>

int relay_open(struct relay *y, int stdio[3], struct err *e)
{
	for (int fd = 0; fd < 3; fd++) {
		int pair[2];

		y->from[fd] = y->to[fd] = -EBADF;
		stdio[fd] = fd;
		if (!isatty(fd))
			continue;
		if (pipe2(pair, O_CLOEXEC) < 0)
			return err_set(e, errno, "make a pipe to the command");
		stdio[fd] = pair[fd == 0 ? 0 : 1];
		y->from[fd] = fd == 0 ? 0 : pair[0];
		y->to[fd] = fd == 0 ? pair[1] : fd;
	}
	return 0;
}

static void finish(struct relay *y, int i)
{
	int *ours = i == 0 ? &y->to[i] : &y->from[i];

	cleanup_close(ours);
	y->from[i] = y->to[i] = -EBADF;
}

static void pass_on(struct relay *y, int i)
{
	char buf[16384];
	ssize_t n = read(y->from[i], buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0 || io_write_all(y->to[i], buf, (size_t)n) < 0)
		finish(y, i);
}

/* What the command wrote before it ended is still in the pipes. */
static void drain(struct relay *y)
{
	for (int i = 1; i < 3; i++) {
		struct pollfd p = { .fd = y->from[i], .events = POLLIN };

		while (y->from[i] >= 0 && poll(&p, 1, 0) > 0)
			pass_on(y, i);
		finish(y, i);
	}
}

void relay_run(struct relay *y, int child)
{
	for (;;) {
		struct pollfd p[4] = { { .fd = child, .events = POLLIN } };

		for (int i = 0; i < 3; i++)
			p[i + 1] = (struct pollfd){ .fd = y->from[i], .events = POLLIN };
		if (poll(p, 4, -1) < 0)
			continue;
		for (int i = 0; i < 3; i++)
			if (p[i + 1].revents && y->from[i] >= 0)
				pass_on(y, i);
		if (p[0].revents)
			break;
	}
	drain(y);
}
