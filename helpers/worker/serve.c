/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/worker/serve.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/session/pause.h"
#include "core/run/session/session_socket.h"
#include "helpers/worker/serve_worker.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Of who asks us, and no worker. */
#define SAY_MS 100
/* For the workers to end, all of them, and what they have had run on the host; and to die. */
#define END_MS 5000
#define DIE_MS 1000

/* ---- closing ------------------------------------------------------------------------------ */

static void wake(int sig)
{
	(void)sig;
}

static void hang_up(int *sock)
{
	serve_hurry(true);
	cleanup_close(sock);
	serve_hurry(false);
}

int serve_begin(struct serve *v, const struct session *s, struct err *e)
{
	const struct sigaction heard = { .sa_handler = wake };
	int fd;

	if (sigaction(SIGALRM, &heard, NULL) < 0)
		return err_set(e, errno, "listen to its user");
	fd = session_socket_listen(s->plan->uid, s->plan->gid, s->plan->id, e);
	if (fd < 0)
		return -1;
	v->listener = fd;
	return 0;
}

void serve_wants(const struct serve *v, struct pollfd *p)
{
	bool room = v->n < SERVE_WORKERS_MAX;

	p[0] = (struct pollfd){ .fd = room ? v->listener : -1, .events = POLLIN };
	for (size_t i = 0; i < SERVE_WORKERS_MAX; i++)
		p[1 + i] = (struct pollfd){ .fd = i < v->n ? v->workers[i].pidfd : -1,
			.events = POLLIN };
}

/* ---- workers ------------------------------------------------------------------------------ */

static void forget(struct serve *v, size_t i)
{
	(void)waitpid(v->workers[i].pid, NULL, 0);
	cleanup_close(&v->workers[i].pidfd);
	hang_up(&v->workers[i].sock);
	v->workers[i] = v->workers[--v->n];
}

static int take_here(
	const struct session *s, int sock, struct session_answer *a, struct err *e)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct session_request q = { 0 };
	int r = poll(&p, 1, SAY_MS) > 0 ? 0 : -1;

	serve_hurry(true);
	if (r == 0)
		r = io_recv(sock, &q, sizeof(q), NULL, NULL);
	serve_hurry(false);
	if (r != 0 || (q.kind != SESSION_RECORD && q.kind != SESSION_STOP) ||
		q.magic != SESSION_SOCKET_MAGIC ||
		(q.kind == SESSION_STOP && pause_is_roots(&s->record)))
		return err_set(e, EAGAIN,
			"session %s has as many processes as it may have", s->plan->id);
	if (q.kind == SESSION_STOP)
		return raise(SIGTERM) == 0 ? 1 : -1;
	return record_format(&s->record, a->text, sizeof(a->text)) < 0 ? -1 : 0;
}

/*
 * Where no process can be started any more, its user must be able to see and to end the session all the
 * same. Whose the uid is now can't be looked at then: that takes a process.
 */
static void serve_here(struct serve *v, const struct session *s, int sock)
{
	struct session_answer a = { .magic = SESSION_SOCKET_MAGIC };
	int r = take_here(s, sock, &a, &a.error);

	a.failed = r < 0;
	(void)io_send_now(sock, &a, sizeof(a), NULL, 0);
	/* Hears of the session's end by ours. */
	if (r > 0)
		v->stops = sock;
	else
		hang_up(&sock);
}

static void start(struct serve *v, const struct session *s, int sock)
{
	struct sys_clone how = {
		.flags = CLONE_PIDFD, .cgroup = -1, .exit_signal = SIGCHLD
	};
	pid_t pid = sys_clone3(&how);

	if (pid == 0)
		serve_worker(s, sock, v->n >= SERVE_WORKERS_MAX - SERVE_SPARE);
	if (pid > 0)
		v->workers[v->n++] = (struct serve_worker){
			.pid = pid, .pidfd = how.pidfd, .sock = sock
		};
	else
		serve_here(v, s, sock);
}

/* ---- who asks ----------------------------------------------------------------------------- */

static bool may_ask(const struct session *s, int sock)
{
	socklen_t size = sizeof(struct ucred);
	struct ucred peer;

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == 0 || peer.uid == s->plan->uid);
}

void serve_go(struct serve *v, const struct session *s, const struct pollfd *p)
{
	/* From the last on: who is forgotten has the last one put in its place. */
	for (size_t i = v->n; i-- > 0;)
		if (p[1 + i].revents)
			forget(v, i);
	if (p[0].revents && v->listener >= 0) {
		int sock = accept4(v->listener, NULL, NULL, SOCK_CLOEXEC);

		if (sock < 0)
			return;
		if (may_ask(s, sock))
			start(v, s, sock);
		else
			hang_up(&sock);
	}
}

void serve_shut(struct serve *v, const struct session *s)
{
	struct err ignored;

	hang_up(&v->listener);
	/* What failed is tried again at the session's end. */
	(void)session_socket_remove(s->plan->uid, s->plan->id, &ignored);
}

/* Of those that are left. */
static void await_all(struct serve *v, unsigned int ms)
{
	uint64_t until = clock_ms() + ms;

	for (size_t i = 0; i < v->n; i++) {
		struct pollfd p = { .fd = v->workers[i].pidfd, .events = POLLIN };
		uint64_t now = clock_ms();

		if (p.fd >= 0 && poll(&p, 1, now < until ? (int)(until - now) : 0) > 0) {
			(void)waitpid(v->workers[i].pid, NULL, 0);
			cleanup_close(&v->workers[i].pidfd);
		}
	}
}

static void signal_all(const struct serve *v, int sig)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->workers[i].pidfd >= 0)
			(void)sys_pidfd_signal(v->workers[i].pidfd, sig);
}

/* One that has a program run on the host ends that first. One that closes a file of a FUSE can't even die before
 * that has answered. */
void serve_end(struct serve *v)
{
	signal_all(v, SIGTERM);
	await_all(v, END_MS);
	signal_all(v, SIGKILL);
	await_all(v, DIE_MS);
	for (size_t i = 0; i < v->n; i++)
		cleanup_close(&v->workers[i].pidfd);
}
