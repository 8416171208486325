/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/own_run.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/enter/handed.h"
#include "core/run/session/session_socket.h"

#include <sys/stat.h>

static int look_at_stdio(struct session_command *c, struct err *e)
{
	int is[3];

	for (int fd = 0; fd < 3; fd++) {
		is[fd] = pty_is_terminal(fd);
		if (is[fd] < 0)
			return err_set(e, errno, "look at the terminal");
	}
	if (is[0] && is[1]) {
		if (pty_ask(0, &c->head.manner) < 0)
			return err_set(e, errno, "ask the terminal");
		c->head.on_pty = is[2] ? 7 : 3;
	}
	for (int fd = 0; fd < 3; fd++)
		if (!(c->head.on_pty >> fd & 1) && handed_is_harmless(fd))
			c->head.given |= 1U << fd;
	return 0;
}

int own_run_like_us(struct session_command *c, struct err *e)
{
	mode_t mask = umask(022);

	(void)umask(mask);
	c->head.mask = mask;
	c->head.slack = sys_timer_slack();
	session_command_own_limits(c);
	return look_at_stdio(c, e);
}

static bool is_ours(const struct session_command *c, int fd)
{
	return !((c->head.on_pty | c->head.given) >> fd & 1);
}

static int take_fds(const struct session_command *c, int said, int *fds, size_t n,
	struct proxy *ret, int *ret_agent, struct err *e)
{
	struct proxy p = PROXY_NONE;
	size_t want = c->head.on_pty ? 2 : 0, at = 0;

	for (int i = 0; i < 3; i++)
		want += is_ours(c, i);
	want += (said & SESSION_RUN_OBSERVED) != 0;
	want += (said & SESSION_RUN_AGENT) != 0;
	if (n != want) {
		while (n > 0)
			cleanup_close(&fds[--n]);
		return err_set(e, EPROTO, "hear from the session");
	}
	if (c->head.on_pty) {
		p.master = fds[at++];
		p.slave = fds[at++];
	}
	for (int i = 0; i < 3; i++)
		if (is_ours(c, i))
			p.stdio[i] = fds[at++];
	if (said & SESSION_RUN_OBSERVED)
		p.listener = fds[at++];
	*ret_agent = said & SESSION_RUN_AGENT ? fds[at] : -EBADF;
	p.passed = c->head.given;
	*ret = p;
	return 0;
}

static int run(uid_t uid, const char *id, const struct session_command *c,
	struct proxy *ret, int *ret_agent, bool *ret_no_exec, struct err *e)
{
	_cleanup_close_ int sock = -EBADF, packed = session_command_pack(c, e);
	int out[1 + 3] = { packed }, fds[IO_FDS_MAX], r;
	struct session_answer a = { 0 };
	size_t n_out = 1, n = 0;

	*ret_no_exec = false;
	r = packed < 0 ? -1 : session_socket_connect(uid, id, &sock, e);
	if (r != 0)
		return r > 0 ? err_set(e, 0, "session %s has ended", id) : -1;
	for (int fd = 0; fd < 3; fd++)
		if (c->head.given >> fd & 1)
			out[n_out++] = fd;
	if (session_socket_ask(sock, id, SESSION_RUN, 0, out, n_out, e) < 0)
		return -1;
	if (session_socket_hear(sock, id, &a, fds, &n, e) < 0) {
		*ret_no_exec = a.failed && a.value == 1;
		return -1;
	}
	if (take_fds(c, a.value, fds, n, ret, ret_agent, e) < 0)
		return -1;
	ret->remote = take_fd(&sock);
	return 0;
}

int own_run(uid_t uid, const char *id, const struct session_command *c, struct proxy *ret,
	int *ret_agent, bool *ret_no_exec, struct err *e)
{
	sigset_t before;
	int r;

	proxy_hold_signals(&before);
	r = run(uid, id, c, ret, ret_agent, ret_no_exec, e);
	if (r < 0)
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}
