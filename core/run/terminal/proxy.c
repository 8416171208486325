/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/terminal/proxy.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/run/terminal/observe.h"
#include "core/run/terminal/pty.h"
#include "core/run/terminal/relay.h"
#include "core/run/session/session_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

/* How long a child has to end after its terminal was hung up. */
#define HANGUP_MS 500

enum {
	IN,
	OUT,
	ERR,
	DIRECTIONS,
	OUTPUTS = DIRECTIONS - OUT,
	SIGNALS = DIRECTIONS,
	REMOTE,
	OBSERVERS,
	POLL_MAX = OBSERVERS + 1 + OBSERVERS_MAX,
};

struct loop {
	struct proxy *p;
	struct pty_terminal terminal;
	int signals;
	bool gone;  /* the child is reaped */
	bool asked; /* the terminal may have been asked something by what it showed */
	int lost;   /* the error with which its output was lost, or 0 */
	struct proxy_end end;
	struct relay way[DIRECTIONS];
	struct observers observers;
};

/* ---- the child --------------------------------------------------------------------------- */

static void close_way(struct loop *l, int way)
{
	bool on_pty = l->p->stdio[way] < 0;

	if (!on_pty)
		cleanup_close(&l->p->stdio[way]);
	l->way[way].from = l->way[way].to = -EBADF;
}

/* Its input is nobody's any more; of its output, what is there. */
static void begin_draining(struct loop *l)
{
	close_way(l, IN);
	cleanup_close(&l->p->slave);
	relay_drain(&l->way[OUT], &l->p->stdio[OUT], OUTPUTS);
}

/* A session that is over has killed it. */
static void hear_remote(struct loop *l)
{
	struct session_answer a = { .value = SIGKILL };

	if (io_recv(l->p->remote, &a, sizeof(a), NULL, NULL) != 0)
		a.value = SIGKILL;
	l->end.status = a.value;
	l->gone = true;
	cleanup_close(&l->p->remote);
	begin_draining(l);
}

static void reap(struct loop *l)
{
	pid_t pid;

	if (l->gone || l->p->child < 0)
		return;
	do /* SIGCHLD isn't said twice */
		pid = waitpid(l->p->child, &l->end.status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid != l->p->child)
		return;
	l->gone = true;
	begin_draining(l);
}

/* ---- signals ----------------------------------------------------------------------------- */

static void hang_up(struct loop *l, int sig)
{
	l->end.signal = sig;
	close_way(l, IN);
	close_way(l, OUT);
	cleanup_close(&l->p->slave);
	cleanup_close(&l->p->master);
}

static void resize(const struct loop *l)
{
	struct session_request q = { SESSION_SOCKET_MAGIC, SESSION_RESIZE, 0 };
	struct winsize size;

	if (!l->p->far) {
		pty_resize(&l->terminal, l->p->master);
		return;
	}
	if (l->p->remote < 0 || ioctl(l->terminal.fd, TIOCGWINSZ, &size) < 0)
		return;
	q.value = (int32_t)((size.ws_row & 0x7fffU) << 16 | size.ws_col);
	(void)io_send_now(l->p->remote, &q, sizeof(q), NULL, 0);
}

static void pass_on(const struct loop *l, int sig)
{
	const struct session_request q = { SESSION_SOCKET_MAGIC, SESSION_SIGNAL, sig };

	if (l->gone)
		return;
	if (l->p->remote >= 0)
		(void)io_send_now(l->p->remote, &q, sizeof(q), NULL, 0);
	else if (kill(-l->p->child, sig) < 0)
		(void)kill(l->p->child, sig);
}

/* Who was stopped, by whomever in the box, must run to hear it. */
static void ask_to_end(const struct loop *l, int sig)
{
	pass_on(l, sig);
	pass_on(l, SIGCONT);
}

static void give_back(struct loop *l)
{
	if (l->asked)
		pty_throw_away(&l->terminal);
	l->asked = false;
	pty_restore(&l->terminal);
}

/* Pipes that end in a terminal of root's: what a session shows there asks it as well. */
static void find_terminal(struct loop *l)
{
	struct err ignored;

	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		if (l->asked && l->terminal.fd < 0 && geteuid() == 0 &&
			pty_is_terminal(fd) > 0)
			(void)pty_take_quiet(fd, &l->terminal, &ignored);
}

static void stop_ourselves(struct loop *l)
{
	bool pty = l->terminal.fd >= 0;

	/* Inside a pty the child goes on, as with ssh(1). SIGTSTP wouldn't stop an orphaned
	 * process group, which its is. */
	if (!pty)
		pass_on(l, SIGSTOP);
	give_back(l);
	(void)kill(getpid(), SIGSTOP);
	if (!pty)
		pass_on(l, SIGCONT);
	/* Somebody said SIGCONT, which is in the signalfd too; twice does no harm. */
	pty_retake(&l->terminal);
	resize(l);
}

static void hear(struct loop *l, int sig)
{
	bool pty = l->terminal.fd >= 0;

	switch (sig) {
	case SIGCHLD:
		break;
	case SIGWINCH:
		resize(l);
		break;
	case SIGTSTP:
		stop_ourselves(l);
		break;
	case SIGCONT:
		pty_retake(&l->terminal);
		resize(l);
		break;
	default:
		if (l->gone)
			l->end.signal = sig;
		else if (pty)
			hang_up(l, sig);
		else
			ask_to_end(l, sig);
	}
}

static void hear_signals(struct loop *l)
{
	struct signalfd_siginfo s;

	while (read(l->signals, &s, sizeof(s)) == (ssize_t)sizeof(s))
		hear(l, (int)s.ssi_signo);
}

static void heard_set(sigset_t *ret)
{
	static const int heard[] = { SIGCHLD, SIGWINCH, SIGTSTP, SIGCONT, SIGTERM, SIGHUP,
		SIGINT, SIGQUIT };

	(void)sigemptyset(ret);
	for (size_t i = 0; i < sizeof(heard) / sizeof(*heard); i++)
		(void)sigaddset(ret, heard[i]);
}

void proxy_hold_signals(sigset_t *ret_before)
{
	sigset_t set;

	heard_set(&set);
	(void)sigprocmask(SIG_BLOCK, &set, ret_before);
}

static int take_signals(struct err *e)
{
	sigset_t set;
	int fd;

	heard_set(&set);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_set(e, errno, "listen to signals") : fd;
}

/* ---- copying ----------------------------------------------------------------------------- */

static void follow(struct loop *l, int way)
{
	enum relay_state state = relay_go(&l->way[way]);
	bool on_pty = l->terminal.fd >= 0 && l->p->stdio[way] < 0;

	if (state == RELAY_GOES)
		return;
	if (way != IN && l->lost == 0)
		l->lost = l->way[way].failed;
	/* Half-close: the child reads its end of file. Who feeds us learns that nobody takes it. */
	if (way == IN && state == RELAY_CUT && !on_pty)
		(void)close(STDIN_FILENO);
	if (on_pty && !l->gone)
		hang_up(l, SIGHUP);
	else
		close_way(l, way);
}

static int step(struct loop *l, int timeout)
{
	struct pollfd p[POLL_MAX];
	int ready;

	for (int way = IN; way < DIRECTIONS; way++)
		p[way] = relay_wants(&l->way[way]);
	p[SIGNALS] = (struct pollfd){ .fd = l->signals, .events = POLLIN };
	p[REMOTE] = (struct pollfd){ .fd = l->p->remote, .events = POLLIN };
	observers_wants(&l->observers, &p[OBSERVERS]);
	ready = poll(p, POLL_MAX, timeout);
	if (ready <= 0)
		return ready < 0 && errno == EINTR ? 1 : ready;
	for (int way = IN; way < DIRECTIONS; way++)
		if (p[way].revents && relay_is_on(&l->way[way]))
			follow(l, way);
	if (p[SIGNALS].revents)
		hear_signals(l);
	if (p[REMOTE].revents)
		hear_remote(l);
	observers_heed(&l->observers, &p[OBSERVERS], l->terminal.fd);
	reap(l);
	return 1;
}

static void await_hung_up(struct loop *l)
{
	uint64_t until = clock_ms() + HANGUP_MS;

	do
		(void)step(l, 50);
	while (!l->gone && clock_ms() < until);
}

static int run(struct loop *l, struct err *e)
{
	reap(l);
	while (l->end.signal == 0) {
		int ready = step(l,
			l->gone ? relay_patience(&l->way[OUT], &l->p->stdio[OUT], OUTPUTS)
				: -1);

		if (ready < 0)
			return err_set(e, errno, "wait for the session");
		if (l->gone && ready == 0)
			return 0;
	}
	if (!l->gone)
		await_hung_up(l);
	return 0;
}

/* ---- the whole --------------------------------------------------------------------------- */

static void let_go(unsigned int passed)
{
	int null = passed ? open("/dev/null", O_RDWR | O_CLOEXEC) : -EBADF;

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		if (passed >> fd & 1)
			(void)dup2(null, fd);
	cleanup_close(&null);
}

/* An escape, ENQ, or one of the controls of eight bits, which are parts of letters in UTF-8. */
static bool may_ask(const uint8_t *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == 0x1b || text[i] == 0x05 || (text[i] & 0xe0) == 0x80)
			return true;
	return false;
}

static void note(void *loop, const void *text, size_t size)
{
	struct loop *l = loop;

	l->asked = l->asked || may_ask(text, size);
}

static void show(void *loop, const void *text, size_t size)
{
	struct loop *l = loop;

	note(loop, text, size);
	observers_show(&l->observers, text, size);
}

static int begin(struct loop *l, struct err *e)
{
	struct proxy *p = l->p;
	int *io = p->stdio;

	l->signals = take_signals(e);
	if (l->signals < 0)
		return -1;
	if (p->master >= 0 || p->far) {
		if (pty_take(STDIN_FILENO, &l->terminal, e) < 0)
			return -1;
		resize(l);
	}
	for (int way = IN; way < DIRECTIONS; way++)
		relay_begin(&l->way[way], -EBADF, -EBADF, false);
	if (p->master >= 0) {
		relay_begin(&l->way[IN], l->terminal.fd, p->master, true);
		relay_begin(&l->way[OUT], p->master, l->terminal.fd, !l->terminal.shared);
		l->way[OUT].shown = show;
		l->way[OUT].shown_arg = l;
	} else if (p->far) {
		relay_begin(&l->way[IN], l->terminal.fd, io[0], true);
		relay_begin(&l->way[OUT], io[1],
			isatty(STDOUT_FILENO) ? l->terminal.fd : STDOUT_FILENO, false);
	} else {
		relay_begin(&l->way[IN], io[0] < 0 ? -EBADF : STDIN_FILENO, io[0], true);
		relay_begin(&l->way[OUT], io[1], STDOUT_FILENO, false);
		l->way[OUT].shown = note;
		l->way[OUT].shown_arg = l;
	}
	if (io[2] >= 0)
		relay_begin(&l->way[ERR], io[2], STDERR_FILENO, false);
	if (io[2] >= 0 && !p->far) {
		l->way[ERR].shown = note;
		l->way[ERR].shown_arg = l;
	}
	return 0;
}

int proxy_run(struct proxy *p, struct proxy_end *ret, struct err *e)
{
	static struct loop l;
	int r;

	l = (struct loop){ .p = p, .terminal = PTY_TERMINAL_NONE, .signals = -EBADF };
	observers_begin(&l.observers, p->listener);
	p->listener = -EBADF;
	r = begin(&l, e);
	if (r == 0) {
		let_go(p->passed);
		r = run(&l, e);
		if (r == 0 && l.lost != 0 && l.end.signal == 0)
			r = err_set(e, l.lost, "pass on what the command writes");
	}
	find_terminal(&l);
	give_back(&l);
	pty_release(&l.terminal);
	observers_end(&l.observers);
	cleanup_close(&l.signals);
	for (int i = 0; i < 3; i++)
		cleanup_close(&p->stdio[i]);
	cleanup_close(&p->slave);
	cleanup_close(&p->master);
	cleanup_close(&p->remote);
	*ret = l.end;
	return r;
}

int proxy_exit_status(const struct proxy_end *end)
{
	if (end->signal)
		return 128 + end->signal;
	if (WIFSIGNALED(end->status))
		return 128 + WTERMSIG(end->status);
	return WIFEXITED(end->status) ? WEXITSTATUS(end->status) : 125;
}
