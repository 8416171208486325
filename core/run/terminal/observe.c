/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/terminal/observe.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define NOTICE_MAX 512
#define FULL       "nsshell: too many observers of this terminal (4 at most)\r\n"
_Static_assert(OBSERVERS_MAX == 4, "FULL says how many");

/* ---- in the proxy ------------------------------------------------------------------------ */

void observers_begin(struct observers *o, int listener)
{
	o->listener = listener;
	for (size_t i = 0; i < OBSERVERS_MAX; i++)
		o->fds[i] = -EBADF;
}

void observers_end(struct observers *o)
{
	cleanup_close(&o->listener);
	for (size_t i = 0; i < OBSERVERS_MAX; i++)
		cleanup_close(&o->fds[i]);
}

void observers_wants(const struct observers *o, struct pollfd *p)
{
	p[0] = (struct pollfd){ .fd = o->listener, .events = POLLIN };
	for (size_t i = 0; i < OBSERVERS_MAX; i++)
		p[1 + i] = (struct pollfd){ .fd = o->fds[i], .events = POLLIN };
}

static void let_in(struct observers *o)
{
	int fd = accept4(o->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < OBSERVERS_MAX; i++)
		if (o->fds[i] < 0) {
			o->fds[i] = fd;
			return;
		}
	if (fd >= 0)
		(void)send(fd, FULL, sizeof(FULL) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	cleanup_close(&fd);
}

/* Only root can have connected: its words are shown as they are. */
static void hear(int *fd, int terminal)
{
	char notice[NOTICE_MAX];
	ssize_t n = read(*fd, notice, sizeof(notice));

	if (n > 0 && terminal >= 0)
		(void)!write(terminal, notice, (size_t)n);
	else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		cleanup_close(fd);
}

void observers_heed(struct observers *o, const struct pollfd *p, int terminal)
{
	for (size_t i = 0; i < OBSERVERS_MAX; i++)
		if (p[1 + i].revents && o->fds[i] >= 0)
			hear(&o->fds[i], terminal);
	if (p[0].revents)
		let_in(o);
}

void observers_show(struct observers *o, const void *text, size_t size)
{
	for (size_t i = 0; i < OBSERVERS_MAX; i++)
		if (o->fds[i] >= 0 &&
			send(o->fds[i], text, size, MSG_DONTWAIT | MSG_NOSIGNAL) !=
				(ssize_t)size)
			cleanup_close(&o->fds[i]);
}

/* ---- the two ends of the socket ---------------------------------------------------------- */

static void address(const char *id, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(
		ret->sun_path, sizeof(ret->sun_path), "%s/%s.tty", PATH_SESSIONS, id);
}

int observe_listen(const char *id, int *ret, struct err *e)
{
	_cleanup_close_ int sock =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un to;

	address(id, &to);
	if (sock < 0 || bind(sock, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		listen(sock, OBSERVERS_MAX) < 0)
		return err_set(e, errno, "listen on %s", to.sun_path);
	*ret = take_fd(&sock);
	return 0;
}

void observe_notify(int sock, const char *notice)
{
	if (notice)
		(void)send(sock, notice, strlen(notice), MSG_DONTWAIT | MSG_NOSIGNAL);
}

int observe_connect(const char *id, const char *notice, int *ret, struct err *e)
{
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un to;

	address(id, &to);
	if (sock < 0)
		return err_set(e, errno, "look at session %s", id);
	if (connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0)
		return errno == ENOENT || errno == ECONNREFUSED
			       ? 1
			       : err_set(e, errno, "look at session %s", id);
	observe_notify(sock, notice);
	*ret = take_fd(&sock);
	return 0;
}
