/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/join_socket.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

/* "nsj1": raised when what follows changes. A session that an older nsshell opened hangs up. */
#define MAGIC 0x6e736a31U

static int address(const char *id, struct sockaddr_un *ret)
{
	int len;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	len = snprintf(
		ret->sun_path, sizeof(ret->sun_path), "%s/%s.sock", PATH_SESSIONS, id);
	return len > 0 && (size_t)len < sizeof(ret->sun_path) ? 0 : -1;
}

int join_socket_listen(const char *id, int *ret, struct err *e)
{
	_cleanup_close_ int sock =
		socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un to;

	if (sock < 0 || address(id, &to) < 0 ||
		bind(sock, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		listen(sock, 16) < 0)
		return err_set(e, errno, "listen on %s/%s.sock", PATH_SESSIONS, id);
	*ret = take_fd(&sock);
	return 0;
}

/* Return: the login's socket that came over @sock, or -1 with @e. */
static int hear(int sock, struct err *e)
{
	const struct timeval second = { .tv_sec = 1 };
	socklen_t size = sizeof(struct ucred);
	struct ucred peer;
	uint32_t magic;
	int fds[IO_FDS_MAX];
	size_t n = 0;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)) < 0)
		return err_set(e, errno, "hear from a login");
	if (peer.uid != 0)
		return err_set(e, EPERM, "uid %u asks to join", peer.uid);
	if (io_recv(sock, &magic, sizeof(magic), fds, &n) != 0)
		return err_set(e, errno, "hear from a login");
	if (magic == MAGIC && n == 1)
		return fds[0];
	while (n > 0)
		cleanup_close(&fds[--n]);
	return err_set(e, EBADMSG, "hear from a login");
}

int join_socket_accept(int listener, struct err *e)
{
	_cleanup_close_ int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	_cleanup_close_ int login = -EBADF;
	bool taken;

	if (sock < 0)
		return err_set(e, errno, "hear from a login");
	login = hear(sock, e);
	taken = login >= 0;
	if (io_send(sock, &taken, sizeof(taken), NULL, 0) < 0 && taken)
		return err_set(e, errno, "answer a login that wants to join");
	return taken ? take_fd(&login) : -1;
}

/* What connect(2), sendmsg(2) and recvmsg(2) say of a listener that has closed, or never was. */
static bool is_nobody(int num)
{
	return num == ENOENT || num == ECONNREFUSED || num == ECONNRESET || num == EPIPE;
}

/* Return: as io_recv(). */
static int offer(int out, const struct sockaddr_un *to, int sock, bool *ret_taken)
{
	const struct timeval patience = { .tv_sec = JOIN_SOCKET_S };
	const uint32_t magic = MAGIC;

	if (setsockopt(out, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
		setsockopt(out, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -1;
	if (connect(out, (const struct sockaddr *)to, sizeof(*to)) < 0 ||
		io_send(out, &magic, sizeof(magic), &sock, 1) < 0)
		return -1;
	return io_recv(out, ret_taken, sizeof(*ret_taken), NULL, NULL);
}

int join_socket_send(const char *id, int sock, struct err *e)
{
	_cleanup_close_ int out = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un to;
	bool taken;
	int r;

	if (out < 0 || address(id, &to) < 0)
		return err_set(e, errno, "reach session %s", id);
	r = offer(out, &to, sock, &taken);
	if (r > 0 || (r < 0 && is_nobody(errno)))
		return 1;
	if (r < 0)
		return err_set(
			e, errno == EAGAIN ? ETIMEDOUT : errno, "reach session %s", id);
	return taken ? 0 : err_set(e, 0, "session %s couldn't take one more login", id);
}

pid_t join_socket_peer(int sock)
{
	socklen_t size = sizeof(struct ucred);
	struct ucred peer;

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ? 0 : peer.pid;
}
