/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl run: a command in a session of an account, without a login. */
#include "nsshell/nsctl/nsctl.h"

#include "core/base/event.h"
#include "core/base/account.h"
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/plan/loginenv.h"
#include "core/run/session/own_run.h"
#include "core/run/ids/rlimits_set.h"
#include "core/run/session/session_socket.h"
#include "helpers/client/client.h"
#include "helpers/client/session_id.h"

#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <syslog.h>

/* run's own failures, as with env(1) and nsenter's friends; 126 and 127 are exec's. */
#define RUN_FAILED       125
#define RUN_NOT_EXECUTED 126
#define RUN_NOT_FOUND    127

struct run {
	const char *helper; /* path */
	const char *config; /* path, or NULL */
	char *const *command;
	struct account account;
	struct proto_reply reply; /* the session, once it is there */
	int lease;                /* -EBADF: none yet */
	struct session_command_head head;
};

/* What a detached run tells its starter. */
struct started {
	struct err e; /* msg "" when it is running */
	char id[PLAN_ID_LEN + 1];
};

/* ---- the session ------------------------------------------------------------------------- */

/* Who asked for it, in the log before anything is run. */
static void note(const struct run *r)
{
	char who[32] = "";

	if (io_read_text(AT_FDCWD, "/proc/self/loginuid", who, sizeof(who)) < 0 ||
		strcmp(who, "4294967295") == 0)
		(void)snprintf(who, sizeof(who), "%u", getuid());
	openlog("nsctl", LOG_PID, LOG_AUTHPRIV);
	event_log(LOG_INFO,
		&(const struct event){ EVENT_RUN, r->reply.id, r->account.name },
		"session %s: uid %s runs %s as %s", r->reply.id, who, r->command[0],
		r->account.name);
	closelog();
}

static int open_session(struct run *r, struct err *e)
{
	session_id_make(r->reply.id);
	if (client_open(r->helper, r->config, r->account.name, PROTO_SERVICE_RUN,
		    &r->lease, &r->reply, e) < 0)
		return -1;
	if (r->reply.kind == PROTO_UNBOXED)
		return err_set(e, 0, "%s", r->reply.text);
	if (r->reply.kind == PROTO_IGNORE)
		return err_set(e, 0,
			"%s isn't isolated (\"nsctl plan %s\" says why): there is no session to run it in",
			r->account.name, r->account.name);
	note(r);
	return 0;
}

/* ---- the command ------------------------------------------------------------------------- */

static int environment(
	const struct run *r, struct strlist *list, const char ***ret, struct err *e)
{
	const struct loginenv in = {
		.user = r->account.name,
		.home = r->account.home,
		.shell = r->account.shell[0] ? r->account.shell : "/bin/sh",
		.uid = r->account.uid,
		.session = r->reply.id,
		.bus = r->reply.bus,
		.in_session = true,
		.term = r->head.on_pty ? getenv("TERM") : NULL,
	};

	if (loginenv_make(&in, list, e) < 0)
		return -1;
	*ret = calloc(list->n + 1, sizeof(**ret));
	if (!*ret)
		return err_set(e, ENOMEM, "make the environment");
	memcpy(*ret, list->v, list->n * sizeof(**ret));
	return 0;
}

/* Return: 0; else an exit status with @e. */
static int start(const struct run *r, struct proxy *ret, struct err *e)
{
	struct session_command c = { .head = r->head };
	_cleanup_(strlist_clear) struct strlist list = { 0 };
	_cleanup_free_ const char **env = NULL;
	bool no_exec = false;
	int no_agent;

	if (environment(r, &list, &env, e) < 0)
		return RUN_FAILED;
	rlimits_usual(c.head.limits);
	c.head.mask = 022;
	c.head.login = 1;
	c.directory = c.home = r->account.home[0] == '/' ? r->account.home : "/";
	c.file = r->command[0];
	c.argv = (const char **)(uintptr_t)r->command;
	c.env = env;
	if (own_run(r->account.uid, r->reply.id, &c, ret, &no_agent, &no_exec, e) == 0)
		return 0;
	if (!no_exec)
		return RUN_FAILED;
	(void)err_wrap(e, "run");
	return e->num == ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTED;
}

/* ---- here --------------------------------------------------------------------------- */

/* No fd of the caller's goes in: a terminal is copied to one of the session's, all else to pipes. */
static int look_at_terminal(struct run *r, struct err *e)
{
	int is[3];

	for (int fd = 0; fd < 3; fd++) {
		is[fd] = pty_is_terminal(fd);
		if (is[fd] < 0)
			return err_set(e, errno, "look at the terminal");
	}
	if (!is[0] || !is[1])
		return 0;
	r->head.on_pty = is[2] ? 7 : 3;
	return pty_ask(0, &r->head.manner) < 0 ? err_set(e, errno, "ask the terminal")
					       : 0;
}

static int run_here(struct run *r, struct err *e)
{
	struct proxy p = PROXY_NONE;
	struct proxy_end end = { 0 };
	int status;

	if (io_fill_stdio() < 0)
		return err_set(e, errno, "put stdio in order"), RUN_FAILED;
	if (look_at_terminal(r, e) < 0 || open_session(r, e) < 0)
		return RUN_FAILED;
	status = start(r, &p, e);
	if (status != 0)
		return status;
	if (proxy_run(&p, &end, e) < 0)
		return RUN_FAILED;
	return proxy_exit_status(&end);
}

/* ---- detached ----------------------------------------------------------------------- */

/* Holds the lease until the command has ended. */
static _Noreturn void keep(struct run *r, int tell)
{
	struct proxy p = PROXY_NONE;
	struct session_answer end;
	struct started s = { 0 };

	(void)setsid();
	if (io_null_stdio() < 0)
		(void)err_set(&s.e, errno, "open /dev/null");
	r->head.given = 7;
	if (s.e.msg[0] == '\0' && open_session(r, &s.e) == 0)
		(void)start(r, &p, &s.e);
	(void)snprintf(s.id, sizeof(s.id), "%s", r->reply.id);
	(void)io_write_all(tell, &s, sizeof(s));
	(void)close(tell);
	while (p.remote >= 0 && io_recv(p.remote, &end, sizeof(end), NULL, NULL) < 0 &&
		errno == EAGAIN)
		continue;
	_exit(s.e.msg[0] ? RUN_FAILED : 0);
}

static int run_detached(struct run *r, bool quiet, struct err *e)
{
	_cleanup_close_ int hear = -EBADF;
	struct started s = { 0 };
	int pair[2];
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe"), RUN_FAILED;
	pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		keep(r, pair[1]);
	}
	(void)close(pair[1]);
	hear = pair[0];
	if (pid < 0)
		return err_set(e, errno, "go to the background"), RUN_FAILED;
	if (read(hear, &s, sizeof(s)) != (ssize_t)sizeof(s))
		return err_set(e, 0, "the process in the background died"), RUN_FAILED;
	if (s.e.msg[0]) {
		*e = s.e;
		return RUN_FAILED;
	}
	if (!quiet)
		(void)puts(s.id);
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

static int run(struct run *r, const char *user, bool detached, bool quiet, struct err *e)
{
	int found;

	if (geteuid() != 0)
		return err_set(e, 0,
			       "opening a session for somebody is root's: run it as root"),
		       RUN_FAILED;
	found = account_read(user, &r->account, e);
	if (found > 0)
		return err_set(e, 0, "there is no account %s on this host", user),
		       RUN_FAILED;
	if (found < 0)
		return RUN_FAILED;
	(void)signal(SIGCHLD, SIG_DFL);
	return detached ? run_detached(r, quiet, e) : run_here(r, e);
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
	int command, result, status;
	const char *user;
	struct err e = { 0 };

	result = nsctl_options_of_command(
		options, "USER [--] COMMAND [ARGUMENT...]", argc, argv, &user, &command);
	if (result >= 0)
		return result;
	r.command = argv + command;
	status = run(&r, user, detached, quiet, &e);
	if (e.msg[0])
		(void)nsctl_failed(argv[0], &e);
	account_clear(&r.account);
	return status;
}
