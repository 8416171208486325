/* SPDX-License-Identifier: BSD-3-Clause */
/* From a fork of the supervisor's to nsshell-worker. */
#include "helpers/worker/serve_worker.h"

#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/session/session_socket.h"
#include "helpers/worker/worker_left.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

/* How long whatever a close waits for may keep us. */
#define CLOSE_MS 20
/* Above all that has a place of its own. */
#define ABOVE      16
#define PROGRAM_FD (WORKER_PTYS_FD + 1)
/* For what it shows of itself later, title.h. */
#define TITLE_ROOM 128

void serve_hurry(bool on)
{
	const struct timeval often = { .tv_usec = on ? CLOSE_MS * 1000 : 0 };
	const struct itimerval timer = { often, often };

	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

/* @fds to WORKER_SOCK_FD and so on, the last of them closed by an exec, and nothing else. Return: 0 or -1 with errno. */
static int keep_own(const int *fds, size_t n)
{
	int above[PROGRAM_FD - WORKER_SOCK_FD + 1];

	for (size_t i = 0; i < n; i++)
		above[i] = fds[i] < 0 ? -EBADF : fcntl(fds[i], F_DUPFD_CLOEXEC, ABOVE);
	for (size_t i = 0; i < n; i++) {
		int to = WORKER_SOCK_FD + (int)i;

		if (fds[i] < 0)
			(void)close(to);
		else if (above[i] < 0 ||
			 dup3(above[i], to, to == PROGRAM_FD ? O_CLOEXEC : 0) < 0)
			return -1;
	}
	return sys_close_from(PROGRAM_FD + 1);
}

/* Of another worker's connection we are the last to know, where the supervisor has closed it meanwhile. */
static int close_others(const int *fds, size_t n)
{
	int r;

	serve_hurry(true);
	r = keep_own(fds, n);
	serve_hurry(false);
	return r;
}

static int leave(const struct session *s, bool spare, int *ret, struct err *e)
{
	struct worker_left left = {
		.spare = spare, .ptys = s->ptys >= 0, .record = s->record
	};

	if (cgroup_mounts_tell(left.mounts, sizeof(left.mounts)) < 0)
		return err_set(e, 0, "find where control groups are mounted");
	return pass_on_write(&left.head, sizeof(left), s->plan, ret, e);
}

/* Returns on failure only. */
static int worker_exec(const struct session *s, int *sock, bool spare, struct err *e)
{
	char title[TITLE_ROOM];
	char *const argv[] = { title, NULL };
	char *const envp[] = { NULL };
	int left = -EBADF;

	if (leave(s, spare, &left, e) < 0)
		return -1;
	if (close_others((const int[]){ *sock, left, s->ptys, s->worker }, 4) < 0)
		return err_set(e, errno, "keep what a request takes");
	*sock = WORKER_SOCK_FD;
	(void)snprintf(title, sizeof(title), "%-*s", TITLE_ROOM - 1, "nsshell-worker");
	(void)fexecve(PROGRAM_FD, argv, envp);
	return err_set(e, errno, "start %s", PATH_WORKER);
}

void serve_worker(const struct session *s, int sock, bool spare)
{
	struct session_answer a = { .magic = SESSION_SOCKET_MAGIC, .failed = 1 };

	(void)worker_exec(s, &sock, spare, &a.error);
	io_pass_over(sock, WORKER_HEARS_MS);
	(void)io_send_now(sock, &a, sizeof(a), NULL, 0);
	_exit(1);
}
