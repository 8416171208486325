/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/terminal/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	TO_OWN,    /* non-blocking, or a file */
	TO_SOCKET, /* MSG_DONTWAIT */
	TO_SHARED, /* pipes and terminals: what poll(2) promises room for (pipe(7)) */
};

#define SPLICE_MOST  (1U << 20)
#define PTY_QUIET_MS 100
#define PTY_MOST     (256U << 10)

static bool is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static int kind_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return TO_SHARED;
	return S_ISREG(st.st_mode)    ? TO_OWN
	       : S_ISSOCK(st.st_mode) ? TO_SOCKET
				      : TO_SHARED;
}

void relay_begin(struct relay *r, int from, int to, bool own_to)
{
	r->from = from;
	r->to = to;
	r->at = r->len = 0;
	r->quota = UINT64_MAX;
	r->blocked = false;
	r->failed = 0;
	r->splice = from >= 0 && is_pipe(from) && is_pipe(to);
	r->kind = own_to ? TO_OWN : kind_of(to);
	if (own_to && to >= 0)
		(void)fcntl(to, F_SETFL, fcntl(to, F_GETFL) | O_NONBLOCK);
}

void relay_limit(struct relay *r, bool pipe, uint64_t most)
{
	int waiting = 0;

	if (pipe && ioctl(r->from, FIONREAD, &waiting) == 0 && waiting >= 0)
		most = (uint64_t)waiting;
	r->quota = most;
}

bool relay_is_pending(const struct relay *r)
{
	return relay_is_on(r) && (r->len > 0 || r->blocked);
}

struct pollfd relay_wants(const struct relay *r)
{
	if (relay_is_pending(r))
		return (struct pollfd){ .fd = r->to, .events = POLLOUT };
	return (struct pollfd){ .fd = r->from, .events = POLLIN };
}

static bool is_for_later(int num)
{
	return num == EAGAIN || num == EINTR;
}

/* EIO: a pty that nobody has open any more, or a terminal that hung up. */
static enum relay_state ended_by(struct relay *r, int num, enum relay_state state)
{
	if (num != EIO && num != EPIPE && num != ECONNRESET)
		r->failed = num;
	return state;
}

static size_t most_of(const struct relay *r, size_t room)
{
	return r->quota < room ? (size_t)r->quota : room;
}

/* SPLICE_F_NONBLOCK holds for both pipes, whatever their flags say (splice(2)). */
static enum relay_state go_splice(struct relay *r)
{
	size_t most = most_of(r, SPLICE_MOST);
	ssize_t n;

	if (most == 0)
		return RELAY_ENDED;
	n = splice(r->from, NULL, r->to, NULL, most, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (n >= 0) {
		r->quota -= r->quota == UINT64_MAX ? 0 : (uint64_t)n;
		r->blocked = false;
		return n > 0 ? RELAY_GOES : RELAY_ENDED;
	}
	if (errno == EINVAL) {
		r->splice = r->blocked = false;
		return RELAY_GOES;
	}
	if (!is_for_later(errno))
		return ended_by(r, errno, RELAY_CUT);
	/* One of the two isn't ready: wait for the other one than last time. */
	r->blocked = !r->blocked;
	return RELAY_GOES;
}

static ssize_t write_some(const struct relay *r)
{
	const uint8_t *at = r->buffer + r->at;

	switch (r->kind) {
	case TO_SOCKET:
		return send(r->to, at, r->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	case TO_SHARED:
		return write(r->to, at, r->len < PIPE_BUF ? r->len : PIPE_BUF);
	default:
		return write(r->to, at, r->len);
	}
}

static enum relay_state go_write(struct relay *r)
{
	ssize_t n = write_some(r);

	if (n < 0)
		return is_for_later(errno) ? RELAY_GOES : ended_by(r, errno, RELAY_CUT);
	r->at += (size_t)n;
	r->len -= (size_t)n;
	return RELAY_GOES;
}

static enum relay_state go_read(struct relay *r)
{
	size_t most = most_of(r, sizeof(r->buffer));
	ssize_t n = most > 0 ? read(r->from, r->buffer, most) : 0;

	if (n < 0)
		return is_for_later(errno) ? RELAY_GOES : ended_by(r, errno, RELAY_ENDED);
	if (n == 0)
		return RELAY_ENDED;
	r->quota -= r->quota == UINT64_MAX ? 0 : (uint64_t)n;
	r->at = 0;
	r->len = (size_t)n;
	if (r->shown)
		r->shown(r->shown_arg, r->buffer, r->len);
	return RELAY_GOES;
}

enum relay_state relay_go(struct relay *r)
{
	if (r->splice)
		return go_splice(r);
	return r->len > 0 ? go_write(r) : go_read(r);
}

void relay_drain(struct relay *ways, const int *pipes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (relay_is_on(&ways[i]))
			relay_limit(&ways[i], pipes[i] >= 0, PTY_MOST);
}

int relay_patience(const struct relay *ways, const int *pipes, size_t n)
{
	int most = 0;

	for (size_t i = 0; i < n; i++) {
		if (relay_is_pending(&ways[i]))
			return -1;
		if (relay_is_on(&ways[i]) && pipes[i] < 0)
			most = PTY_QUIET_MS;
	}
	return most;
}
