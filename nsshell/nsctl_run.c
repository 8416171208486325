/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl run: a command in a session of an account, without a login. */
#include "nsshell/nsctl_run.h"
#include "nsshell/nsctl.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

/* What a detached run tells its starter. */
struct started {
	struct err e; /* msg "" when it is running */
	char id[PLAN_ID_LEN + 1];
};

static pid_t start(const struct run *r, struct err *e)
{
	pid_t pid = fork();

	if (pid == 0)
		run_command(r);
	if (pid < 0)
		(void)err_set(e, errno, "start the command");
	return pid;
}

/* ---- here --------------------------------------------------------------------------- */

/* 0 to 2 must be something, or what is opened next would be taken for one of them. */
static int fill_stdio(struct err *e)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return err_set(e, errno, "open /dev/null");
	return 0;
}

static int look_at_terminal(struct run *r, struct err *e)
{
	int is[3];

	for (int fd = 0; fd < 3; fd++) {
		is[fd] = pty_is_terminal(fd);
		if (is[fd] < 0)
			return err_set(e, errno, "look at the terminal");
	}
	r->terminal = is[0] && is[1];
	r->terminal_too = r->terminal && is[2];
	return r->terminal && pty_ask(0, &r->manner) < 0
		       ? err_set(e, errno, "ask the terminal")
		       : 0;
}

static int run_here(struct run *r, int *ret_status, struct err *e)
{
	struct proxy p = PROXY_NONE;
	struct proxy_end end = { 0 };

	if (fill_stdio(e) < 0 || look_at_terminal(r, e) < 0)
		return -1;
	if (run_enter(r, e) < 0 || run_stdio(r, &p, e) < 0)
		return -1;
	p.child = start(r, e);
	if (p.child < 0)
		return -1;
	for (int fd = 0; fd < 3; fd++)
		if (r->stdio[fd] != p.slave)
			(void)close(r->stdio[fd]);
	if (proxy_run(&p, &end, e) < 0)
		return -1;
	*ret_status = proxy_exit_status(&end);
	return 0;
}

/* ---- detached ----------------------------------------------------------------------- */

/* Stays as the session's login: the lease is its, and ends with the command. */
static _Noreturn void keep(struct run *r, int tell)
{
	struct started s = { 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = -1;

	(void)setsid();
	for (int fd = 0; fd < 3; fd++) {
		r->stdio[fd] = fd;
		if (null < 0 || dup2(null, fd) < 0)
			(void)err_set(&s.e, errno, "open /dev/null");
	}
	if (s.e.msg[0] == '\0')
		(void)run_enter(r, &s.e);
	(void)snprintf(s.id, sizeof(s.id), "%s", r->reply.id);
	(void)io_write_all(tell, &s, sizeof(s));
	(void)close(tell);
	if (s.e.msg[0] == '\0')
		pid = start(r, &s.e);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	_exit(pid > 0 ? 0 : RUN_FAILED);
}

static int run_detached(struct run *r, bool quiet, struct err *e)
{
	_cleanup_close_ int hear = -EBADF;
	struct started s = { 0 };
	int pair[2];
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		keep(r, pair[1]);
	}
	(void)close(pair[1]);
	hear = pair[0];
	if (pid < 0)
		return err_set(e, errno, "go to the background");
	if (read(hear, &s, sizeof(s)) != (ssize_t)sizeof(s))
		return err_set(e, 0, "the process in the background died");
	if (s.e.msg[0]) {
		*e = s.e;
		return -1;
	}
	if (!quiet)
		(void)puts(s.id);
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

static int run(struct run *r, const char *user, bool detached, bool quiet,
	int *ret_status, struct err *e)
{
	int found;

	if (geteuid() != 0)
		return err_set(
			e, 0, "opening a session for somebody is root's: run it as root");
	found = account_read(user, &r->account, e);
	if (found > 0)
		return err_set(e, 0, "there is no account %s on this host", user);
	if (found < 0)
		return -1;
	return detached ? run_detached(r, quiet, e) : run_here(r, ret_status, e);
}

int nsctl_run(int argc, char **argv)
{
	struct run r = { .helper = PATH_HELPER, .lease = -EBADF };
	bool detached = false, quiet = false;
	const struct nsctl_option options[] = {
		{ 'd', "detach", NULL, "don't wait for it; print the session's id",
			&detached, NULL },
		{ 'q', "quiet", NULL, "don't print the id", &quiet, NULL },
		{ 'c', "config", "FILE", "read this nsshell.conf", NULL, &r.config },
		{ 0, "helper", "FILE", "start this helper, for testing one", NULL,
			&r.helper },
		{ 0 },
	};
	int command, result, status = NSCTL_OK;
	const char *user;
	struct err e = { 0 };

	result = nsctl_options_of_command(
		options, "USER [--] COMMAND [ARGUMENT...]", argc, argv, &user, &command);
	if (result >= 0)
		return result;
	r.command = argv + command;
	if (run(&r, user, detached, quiet, &status, &e) < 0) {
		(void)nsctl_failed(argv[0], &e);
		status = RUN_FAILED;
	}
	account_clear(&r.account);
	return status;
}
