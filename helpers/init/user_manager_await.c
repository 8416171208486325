/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/parse.h"
#include "helpers/init/user_manager.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT_MAX 4096

static bool is_ready(int notify)
{
	char text[TEXT_MAX];
	ssize_t n = recv(notify, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return parse_has_line(text, "READY=1");
}

/* Return: 1 when there is more to wait for, 0 when it is ready. */
static int hear(struct pollfd p[3], struct err *note)
{
	if (p[0].revents) {
		if (io_recv(p[0].fd, note, sizeof(*note), NULL, NULL) == 0)
			return -1;
		p[0].fd = -1; /* its exec worked */
	}
	if (p[1].revents && is_ready(p[1].fd))
		return 0;
	if (p[2].revents)
		return err_set(note, 0, "it ended before it was ready");
	return 1;
}

static int await(struct user_manager *m, struct err *note)
{
	struct pollfd p[] = {
		{ .fd = m->said, .events = POLLIN },
		{ .fd = m->notify, .events = POLLIN },
		{ .fd = m->pidfd, .events = POLLIN },
	};
	uint64_t until = clock_ms() + USER_MANAGER_WAIT_MS, now;

	while ((now = clock_ms()) < until) {
		int r = poll(p, 3, (int)(until - now)) > 0 ? hear(p, note) : 1;

		if (r <= 0)
			return r;
	}
	return err_set(note, 0,
		"it isn't ready after %d s: the login doesn't wait longer",
		USER_MANAGER_WAIT_MS / 1000);
}

int user_manager_await(struct user_manager *m, struct err *note)
{
	int r = 0;

	if (m->pid > 0 && await(m, note) < 0)
		r = err_wrap(note, "user manager");
	if (m->notify >= 0)
		(void)unlink(USER_MANAGER_NOTIFY);
	cleanup_close(&m->said);
	cleanup_close(&m->notify);
	cleanup_close(&m->pidfd);
	return r;
}
