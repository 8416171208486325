/* SPDX-License-Identifier: BSD-3-Clause */
/* While a host command runs. */
#include "helpers/worker/host_run.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/ids/privs.h"
#include "core/run/terminal/relay.h"
#include "core/run/session/session_socket.h"
#include "helpers/worker/children.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* From being asked to end, to being ended; and for all that it started to be. The supervisor waits longer for us:
 * serve.c. */
#define GRACE_MS 500
#define KILL_MS  4000

enum {
	IN,
	OUT,
	ERR,
	WAYS,
	OUTPUTS = WAYS - OUT,
	SOCK = WAYS,
	CHILD,
	SIGNAL,
	POLLS,
};

struct loop {
	struct host_running *r;
	const struct command *c;
	int sock, child, signals;
	uint64_t until;  /* ms; UINT64_MAX: no end */
	uint64_t passed; /* bytes of its output */
	uint64_t given;  /* of its input */
	bool gone;       /* the program is reaped */
	struct host_end end;
	struct relay way[WAYS];
};

/* ---- ending it ---------------------------------------------------------------------------- */

/* It may fork as quickly as it is killed, but in a group that bounds it, and dies of the next round. */
static void kill_all(struct loop *l)
{
	uint64_t until = clock_ms() + KILL_MS;
	int status;
	pid_t pid;

	if (!l->gone)
		(void)kill(l->r->pid, SIGKILL);
	while (children_kill() && clock_ms() < until) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == l->r->pid) {
				l->end.status = status;
				l->gone = true;
			}
		clock_pause(2000);
	}
	if (!l->gone && waitpid(l->r->pid, &status, WNOHANG) == l->r->pid) {
		l->end.status = status;
		l->gone = true;
	}
}

static void close_way(struct loop *l, int way)
{
	int near = l->r->near[way];

	cleanup_close(&l->r->far[way]);
	if (near >= 0)
		cleanup_close(&l->r->near[way]);
	l->way[way].from = l->way[way].to = -EBADF;
}

/* Of who reads its output nothing is waited for; what was being written is an ordinary signal's to end. */
static void hang_up(struct loop *l)
{
	for (int way = IN; way < WAYS; way++)
		close_way(l, way);
	cleanup_close(&l->r->master);
	l->sock = -EBADF; /* the caller's */
	if (l->gone)
		return;
	if (kill(-l->r->pid, SIGHUP) < 0)
		(void)kill(l->r->pid, SIGHUP);
	(void)kill(-l->r->pid, SIGCONT);
}

/* A sentence of ours on what its user sees. */
static void say(struct loop *l, const char *why)
{
	char line[256];
	int to = l->r->far[l->r->on_pty & 2 ? OUT : ERR];
	int len = snprintf(line, sizeof(line), "%s\nnsshell: %s was ended: %s%s\n",
		l->r->on_pty ? "\r" : "", l->c->name, why, l->r->on_pty ? "\r" : "");

	if (to >= 0 && len > 0 && write(to, line, (size_t)len) < 0)
		return; /* they don't read */
}

static void end_it(struct loop *l, const char *why)
{
	uint64_t until = clock_ms() + GRACE_MS;
	int status;

	l->end.why = why;
	say(l, why);
	hang_up(l);
	if (!l->gone)
		(void)kill(-l->r->pid, SIGTERM);
	while (!l->gone && clock_ms() < until) {
		if (waitpid(l->r->pid, &status, WNOHANG) == l->r->pid) {
			l->end.status = status;
			l->gone = true;
		} else {
			clock_pause(5000);
		}
	}
	kill_all(l);
	if (!l->gone)
		l->end.status = SIGKILL;
}

/* ---- what who asked says ------------------------------------------------------------------ */

/* What a terminal would send; no other is for a program that may be root's by its bit. */
static void pass_on(const struct loop *l, int sig)
{
	if (l->gone ||
		(sig != SIGHUP && sig != SIGINT && sig != SIGQUIT && sig != SIGTERM))
		return;
	if (kill(-l->r->pid, sig) < 0)
		(void)kill(l->r->pid, sig);
}

static void resize(const struct loop *l, int value)
{
	const struct winsize size = { .ws_row = (unsigned short)(value >> 16 & 0x7fff),
		.ws_col = (unsigned short)(value & 0xffff) };

	if (l->r->master >= 0)
		(void)ioctl(l->r->master, TIOCSWINSZ, &size);
}

/*
 * A file that comes along is never taken: closing it would be up to us, and may wait for as long as its sender
 * likes. As it is, the supervisor closes it, with the connection: serve.c.
 */
static bool comes_alone(int sock)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr head = { .msg_iov = &iov, .msg_iovlen = 1 };

	return recvmsg(sock, &head, MSG_PEEK | MSG_DONTWAIT) >= 0 &&
	       !(head.msg_flags & MSG_CTRUNC);
}

static void hear_sock(struct loop *l)
{
	struct session_request q;

	if (!comes_alone(l->sock) || io_recv(l->sock, &q, sizeof(q), NULL, NULL) != 0 ||
		q.magic != SESSION_SOCKET_MAGIC) {
		hang_up(l);
		return;
	}
	if (q.kind == SESSION_SIGNAL)
		pass_on(l, q.value);
	else if (q.kind == SESSION_RESIZE)
		resize(l, q.value);
	else
		hang_up(l);
}

/* ---- copying ------------------------------------------------------------------------------ */

static void count(void *arg, const void *text, size_t size)
{
	struct loop *l = arg;

	(void)text;
	l->passed += size;
}

static void count_given(void *arg, const void *text, size_t size)
{
	struct loop *l = arg;

	(void)text;
	l->given += size;
}

static void begin_way(struct loop *l, int way, int from, int to)
{
	relay_begin(&l->way[way], from, to, true);
	/* To be counted. */
	l->way[way].splice = false;
	l->way[way].shown = way == IN ? count_given : count;
	l->way[way].shown_arg = l;
}

static void begin_ways(struct loop *l)
{
	const struct host_running *r = l->r;
	unsigned int on = r->on_pty;
	int in = on & 1 ? r->master : r->near[IN];

	begin_way(l, IN, in < 0 ? -EBADF : r->far[IN], in);
	/* The terminal's output goes where its user has one. */
	begin_way(l, OUT, on & 2 ? r->master : r->near[OUT], r->far[OUT]);
	begin_way(l, ERR, on & 4 ? (on & 2 ? -EBADF : r->master) : r->near[ERR],
		r->far[ERR]);
}

static void begin_draining(struct loop *l)
{
	close_way(l, IN);
	relay_drain(&l->way[OUT], &l->r->near[OUT], OUTPUTS);
}

static void follow(struct loop *l, int way)
{
	bool on_pty = l->r->near[way] < 0;
	enum relay_state state = relay_go(&l->way[way]);

	if (state == RELAY_GOES)
		return;
	/* A terminal that nobody has open any more ends its output; who asked and left ends all. */
	if (on_pty && !l->gone && !(way != IN && state == RELAY_ENDED))
		hang_up(l);
	else
		close_way(l, way);
}

static void reap(struct loop *l)
{
	if (l->gone || waitpid(l->r->pid, &l->end.status, WNOHANG) != l->r->pid)
		return;
	l->gone = true;
	begin_draining(l);
}

/* ---- the loop ----------------------------------------------------------------------------- */

static int timeout_of(const struct loop *l)
{
	uint64_t now = clock_ms(), left = l->until > now ? l->until - now : 0;
	int first =
		l->gone ? relay_patience(&l->way[OUT], &l->r->near[OUT], OUTPUTS) : -1;

	if (l->until == UINT64_MAX || (first >= 0 && (uint64_t)first < left))
		return first;
	return left > 3600000 ? 3600000 : (int)left;
}

/* Return: whether it goes on. */
static bool step(struct loop *l)
{
	struct pollfd p[POLLS];
	int ready;

	for (int way = IN; way < WAYS; way++)
		p[way] = relay_wants(&l->way[way]);
	p[SOCK] = (struct pollfd){ .fd = l->sock, .events = POLLIN };
	p[CHILD] = (struct pollfd){ .fd = l->gone ? -1 : l->child, .events = POLLIN };
	p[SIGNAL] = (struct pollfd){ .fd = l->signals, .events = POLLIN };
	ready = poll(p, POLLS, timeout_of(l));
	if (ready < 0)
		return true;
	for (int way = IN; way < WAYS; way++)
		if (p[way].revents && relay_is_on(&l->way[way]))
			follow(l, way);
	if (p[SIGNAL].revents)
		end_it(l, "its session ended");
	else if (l->passed > l->c->output_max)
		end_it(l, "it wrote more than OutputMax=");
	else if (l->given > l->c->input_max)
		end_it(l, "it was given more than InputMax=");
	else if (clock_ms() >= l->until)
		end_it(l, "it took longer than TimeMax=");
	if (l->end.why)
		return false;
	if (p[SOCK].revents)
		hear_sock(l);
	if (p[CHILD].revents)
		reap(l);
	return !(l->gone && ready == 0);
}

/*
 * SIGTERM is the supervisor's, or its death; until now it was blocked. Nor is it the account's full memory that ends
 * us, with nobody left to end the program: our own doesn't grow any more.
 */
static int begin(struct loop *l)
{
	sigset_t term;

	(void)io_write_text(AT_FDCWD, "/proc/self/oom_score_adj", "-900");

	(void)sigemptyset(&term);
	(void)sigaddset(&term, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &term, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	l->signals = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
	l->child = sys_pidfd_open(l->r->pid);
	begin_ways(l);
	return l->signals < 0 || l->child < 0 ||
			       prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ||
			       prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0 ||
			       privs_drop_caps(1ULL << CAP_KILL) < 0
		       ? -1
		       : 0;
}

void host_follow(
	struct host_running *r, int sock, const struct command *c, struct host_end *ret)
{
	/* One a process: of its buffers those pages are there that are used. */
	static struct loop l;

	l.r = r;
	l.c = c;
	l.sock = -EBADF;
	l.until = c->time_usec == UINT64_MAX ? UINT64_MAX
					     : clock_ms() + c->time_usec / 1000;
	l.end = (struct host_end){ .status = SIGKILL };
	if (begin(&l) < 0) {
		end_it(&l, "it can't be looked after");
	} else {
		l.sock = sock;
		if (sock < 0)
			hang_up(&l);
		while (step(&l))
			continue;
	}
	for (int way = IN; way < WAYS; way++)
		close_way(&l, way);
	cleanup_close(&r->master);
	cleanup_close(&l.child);
	cleanup_close(&l.signals);
	*ret = l.end;
}
