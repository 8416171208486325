/* SPDX-License-Identifier: BSD-3-Clause */
/* What nsctl run does inside: stdio, and the command in its own process. */
#include "nsshell/nsctl_run.h"

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/sys.h"
#include "core/plan/loginenv.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

/* ---- stdio -------------------------------------------------------------------------- */

static int pipe_for(struct run *r, struct proxy *p, int fd, struct err *e)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe to the command");
	r->stdio[fd] = pair[fd == 0 ? 0 : 1];
	p->stdio[fd] = pair[fd == 0 ? 1 : 0];
	return 0;
}

int run_stdio(struct run *r, struct proxy *ret, struct err *e)
{
	struct proxy p = PROXY_NONE;

	if (r->terminal &&
		pty_open(r->account.uid, &r->manner, &p.master, &p.slave, e) < 0)
		return -1;
	for (int fd = 0; fd < 3; fd++) {
		if (r->terminal && (fd < 2 || r->terminal_too))
			r->stdio[fd] = p.slave;
		else if (pipe_for(r, &p, fd, e) < 0)
			return -1;
	}
	*ret = p;
	return 0;
}

/* ---- the command -------------------------------------------------------------------- */

static _Noreturn void die(const char *what, const char *object)
{
	int num = errno;

	(void)dprintf(2, "nsctl run: %s %s: %s\n", what, object, strerrordesc_np(num));
	_exit(num == ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTED);
}

static char **environment(const struct run *r)
{
	const struct loginenv in = {
		.user = r->account.name,
		.home = r->account.home,
		.shell = r->account.shell[0] ? r->account.shell : "/bin/sh",
		.uid = r->account.uid,
		.session = r->reply.id,
		.bus = r->reply.bus,
		.term = r->terminal ? getenv("TERM") : NULL,
	};
	struct strlist list = { 0 };
	char **env = NULL;
	struct err ignored;

	if (loginenv_make(&in, &list, &ignored) == 0)
		env = calloc(list.n + 1, sizeof(*env));
	if (env)
		return memcpy(env, list.v, list.n * sizeof(*env));
	errno = ENOMEM;
	die("make the environment of", r->account.name);
}

static void become(const struct account *a)
{
	/* Groups that the policy doesn't keep may have no id inside. */
	if (setgroups(a->n_groups, a->groups) < 0 &&
		(errno != EINVAL || setgroups(1, &a->gid) < 0))
		die("take on the groups of", a->name);
	if (setresgid(a->gid, a->gid, a->gid) < 0 ||
		setresuid(a->uid, a->uid, a->uid) < 0)
		die("become", a->name);
	if (setuid(0) == 0 || setgroups(0, NULL) == 0 || getuid() != a->uid ||
		geteuid() != a->uid || getgid() != a->gid || getegid() != a->gid) {
		errno = EPERM;
		die("become nobody but", a->name);
	}
}

static void signals_reset(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn void run_command(const struct run *r)
{
	char **env = environment(r);

	signals_reset();
	for (int fd = 0; fd < 3; fd++)
		if (r->stdio[fd] != fd && dup2(r->stdio[fd], fd) < 0)
			die("hand over an fd to", r->command[0]);
	if (sys_close_from(3) < 0 || setsid() < 0 ||
		(r->terminal && ioctl(0, TIOCSCTTY, 0) < 0))
		die("prepare", r->command[0]);
	(void)umask(022);
	become(&r->account);
	if (chdir(r->account.home) < 0 && chdir("/") < 0)
		die("go to", "/");
	environ = env;
	(void)execvpe(r->command[0], r->command, env);
	die("run", r->command[0]);
}
