/* SPDX-License-Identifier: BSD-3-Clause */
#include "nsshell/shell/agent.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/sys.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define CONNECTIONS_MAX 16
/* The parent, and sshd's where ForceCommand has a shell run us. */
#define GENERATIONS 2
/* The shell inside binds the socket right before it is executed. */
#define BIND_TRIES   100
#define BIND_WAIT_MS 20

/* Who listens: the kernel keeps it from listen(2) on. Return: its pid, 0 where it isn't ours. */
static pid_t peer_of(int fd)
{
	socklen_t size = sizeof(struct ucred);
	struct ucred who;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 ||
		who.uid != getuid())
		return 0;
	return who.pid;
}

static int reach(const char *path)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (fd < 0 || path[0] != '/' || strlen(path) >= sizeof(to.sun_path))
		return -1;
	memcpy(to.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -1;
	return take_fd(&fd);
}

pid_t agent_of_login(const char *path)
{
	_cleanup_close_ int fd = path ? reach(path) : -1;
	pid_t peer = fd < 0 ? 0 : peer_of(fd), parent = getppid();

	for (int i = 0; i < GENERATIONS && peer > 1 && parent > 1; i++) {
		if (parent == peer)
			return peer;
		parent = io_process_parent(parent);
	}
	return 0;
}

/* ---- one connection ---------------------------------------------------------------------- */

/* What is there goes on, the end of it too. Return: whether more may come. */
static bool pass_on(int from, int to)
{
	char bytes[16384];
	ssize_t n = read(from, bytes, sizeof(bytes));

	if (n > 0 && io_write_all(to, bytes, (size_t)n) == 0)
		return true;
	(void)shutdown(to, SHUT_WR);
	return false;
}

static _Noreturn void connect_both(int inside, int outside)
{
	struct pollfd p[] = { { .fd = inside, .events = POLLIN },
		{ .fd = outside, .events = POLLIN } };
	const int to[] = { outside, inside };

	while ((p[0].fd >= 0 || p[1].fd >= 0) && poll(p, 2, -1) > 0)
		for (int i = 0; i < 2; i++)
			if (p[i].revents && !pass_on(p[i].fd, to[i]))
				p[i].fd = -1;
	_exit(0);
}

/* ---- all of them ------------------------------------------------------------------------- */

static void end_with(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		_exit(0);
}

static int await_bound(int listener)
{
	for (int i = 0; i < BIND_TRIES; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0 || errno != EINVAL)
			return fd;
		clock_pause(BIND_WAIT_MS * 1000);
	}
	return -1;
}

static void serve_one(int inside, const char *path, pid_t who, int *running)
{
	const pid_t ours = getpid();
	int outside;
	pid_t pid;

	while (*running > 0 &&
		waitpid(-1, NULL, *running < CONNECTIONS_MAX ? WNOHANG : 0) > 0)
		(*running)--;
	pid = fork();
	*running += pid > 0;
	if (pid != 0)
		return;
	end_with(ours);
	outside = reach(path);
	if (outside < 0 || peer_of(outside) != who)
		_exit(0);
	connect_both(inside, outside);
}

void agent_serve(int listener, const char *path, pid_t who)
{
	const pid_t ours = getpid();
	int running = 0, fd;

	if (fork() != 0)
		return;
	end_with(ours);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	/* Nobody shall wait for our copies of the caller's own. */
	if (io_null_stdio() < 0 || dup2(listener, 3) < 0 || sys_close_from(4) < 0)
		_exit(0);
	while ((fd = await_bound(3)) >= 0 || errno == EINTR || errno == ECONNABORTED) {
		if (fd >= 0)
			serve_one(fd, path, who, &running);
		if (fd >= 0)
			(void)close(fd);
	}
	_exit(0);
}
