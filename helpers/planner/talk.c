/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of any length over a SOCK_SEQPACKET socket: a head, with the fd, and pieces of what it announces. */
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "helpers/planner/messages.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define PIECE (32U << 10) /* far below what a socket's buffer takes */

struct head {
	uint32_t kind, size;
	uint32_t layout; /* wire_layout() */
};

/* Until something can be read or written there. */
static int await(struct talk *t, short what, struct err *e)
{
	struct pollfd p = { .fd = t->sock, .events = what };
	uint64_t since = clock_ms();
	int n;

	if (t->patience_ms < 0)
		return 0;
	do
		n = poll(&p, 1, t->patience_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, errno, "wait for the plan");
	since = clock_ms() - since;
	t->patience_ms =
		since < (uint64_t)t->patience_ms ? t->patience_ms - (int)since : 0;
	return n > 0 ? 0 : err_set(e, ETIMEDOUT, "wait for the plan");
}

static int send_pieces(struct talk *t, const char *bytes, size_t size, struct err *e)
{
	while (size > 0) {
		size_t n = size < PIECE ? size : PIECE;

		if (await(t, POLLOUT, e) < 0)
			return -1;
		if (send(t->sock, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
			return err_set(e, errno, "ask for the plan");
		bytes += n;
		size -= n;
	}
	return 0;
}

int talk_say(struct talk *t, enum message kind, const void *what, int fd, struct err *e)
{
	_cleanup_free_ void *bytes = NULL;
	struct head head = { .kind = kind, .layout = wire_layout(message_wires[kind]) };
	size_t size;

	if (wire_put(message_wires[kind], what, &bytes, &size, e) < 0)
		return -1;
	head.size = (uint32_t)size;
	if (await(t, POLLOUT, e) < 0)
		return -1;
	if (io_send(t->sock, &head, sizeof(head), &fd, fd >= 0 ? 1 : 0) < 0)
		return err_set(e, errno, "ask for the plan");
	return send_pieces(t, bytes, size, e);
}

static int take_pieces(struct talk *t, char *bytes, size_t size, struct err *e)
{
	while (size > 0) {
		size_t n = size < PIECE ? size : PIECE;

		if (await(t, POLLIN, e) < 0)
			return -1;
		if (io_recv(t->sock, bytes, n, NULL, NULL) != 0)
			return err_set(e, 0, "a message of the plan's was cut");
		bytes += n;
		size -= n;
	}
	return 0;
}

static int take_message(
	struct talk *t, const struct head *h, union heard *ret, struct err *e)
{
	char *bytes;

	if (h->kind >= MESSAGES || !message_wires[h->kind] || h->size > WIRE_MAX)
		return err_set(e, 0, "what came is no message about a plan");
	if (h->layout != wire_layout(message_wires[h->kind]))
		return err_set(e, 0,
			"nsshell-helper and nsshell-planner are of two versions: log in again when the upgrade is done");
	if (h->size > TALK_MAX - t->heard)
		return err_set(e, 0, "what came is too much about a plan");
	t->heard += h->size;
	bytes = arena_alloc(&t->arena, h->size);
	if (!bytes)
		return err_set(e, ENOMEM, "take the plan");
	if (take_pieces(t, bytes, h->size, e) < 0)
		return -1;
	return wire_take(message_wires[h->kind], bytes, h->size, &t->arena, ret, e);
}

int talk_hear(struct talk *t, union heard *ret, int *ret_fd, struct err *e)
{
	struct head head;
	int fds[IO_FDS_MAX], r;
	size_t n = 0;

	*ret_fd = -EBADF;
	if (await(t, POLLIN, e) < 0)
		return -1;
	r = io_recv(t->sock, &head, sizeof(head), fds, &n);
	while (r == 0 && n > 1)
		cleanup_close(&fds[--n]);
	if (r < 0)
		return err_set(e, errno, "take the plan");
	if (r > 0)
		return 0;
	if (take_message(t, &head, ret, e) < 0) {
		if (n > 0)
			cleanup_close(&fds[0]);
		return -1;
	}
	if (n > 0)
		*ret_fd = fds[0];
	return (int)head.kind;
}
