/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/worker/host_run.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/plan/loginenv.h"
#include "core/run/enter/enter_inside.h"
#include "core/run/terminal/wall.h"
#include "core/run/ids/privs.h"
#include "core/run/ids/rlimits_set.h"
#include "core/run/ids/schedule.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Above all fds that are about to be filled. */
#define HIGH 16

/* ---- the environment ---------------------------------------------------------------------- */

/* Nobody's: a program's own files there would be its user's to write, and some have commands to run in them. */
#define HOME_NONE "/nonexistent"

static bool is_kept(const char *setting, const struct command *c)
{
	static const char *const kept[] = {
		"PATH=", "HOME=", "USER=", "LOGNAME=", "SHELL=", "LANG=", "TERM=", NULL
	};

	for (size_t k = 0; kept[k]; k++)
		if (strncmp(setting, kept[k], strlen(kept[k])) == 0)
			return true;
	for (size_t k = 0; k < c->n_env; k++)
		if (strcmp(setting, c->env[k]) == 0)
			return true;
	return false;
}

/* What isn't a name is left out, loginenv_make(); of what that has beside, the host knows nothing. */
static int environment(const struct host_run *in, struct strlist *ret, struct err *e)
{
	const struct account *a = in->account;
	const struct loginenv env = {
		.user = a->name,
		.home = in->command->home && a->home[0] == '/' ? a->home : HOME_NONE,
		.shell = a->shell[0] ? a->shell : "/bin/sh",
		.uid = a->uid,
		.session = "",
		.term = in->on_pty ? in->term : NULL,
		.extra = in->command->env,
		.n_extra = in->command->n_env,
	};
	_cleanup_(strlist_clear) struct strlist all = { 0 };

	if (loginenv_make(&env, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (is_kept(all.v[i], in->command) && strlist_add(ret, all.v[i]) < 0)
			return err_set(e, ENOMEM, "make the environment");
	return 0;
}

/* ---- the program's process ---------------------------------------------------------------- */

static int take_stdio(const int own[3], int *report, struct err *e)
{
	int high[3], above;

	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(own[i], F_DUPFD_CLOEXEC, HIGH);
		if (high[i] < 0)
			return err_set(e, errno, "set up stdio");
	}
	/* What fails here is told over the one of before. */
	above = fcntl(*report, F_DUPFD_CLOEXEC, HIGH);
	if (above < 0 || dup3(above, 3, O_CLOEXEC) < 0)
		return err_set(e, errno, "set up stdio");
	*report = 3;
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			return err_set(e, errno, "set up stdio");
	return sys_close_from(4) < 0 ? err_set(e, errno, "close the rest") : 0;
}

static int host_settle(const struct host_run *in, int slave, struct err *e)
{
	if (setsid() < 0)
		return err_set(e, errno, "begin a session of its own");
	if (slave >= 0 && ioctl(slave, TIOCSCTTY, 0) < 0)
		return err_set(e, errno, "take the terminal");
	if (rlimits_set(in->limits, e) < 0)
		return -1;
	(void)umask(022);
	return chdir("/") < 0 ? err_set(e, errno, "go to /") : 0;
}

static bool is_own(const char *path, uid_t uid)
{
	struct stat st;

	return (stat(path, &st) == 0 && st.st_uid == uid) || access(path, W_OK) == 0;
}

/* Called as the account. Links on the way are root's, or the box doesn't have the command: resolve_path(). */
static int is_roots_program(const char *program, uid_t uid, struct err *e)
{
	char way[PATH_MAX];
	bool own = false;

	if (!realpath(program, way))
		return err_set(e, errno, "find %.200s", program);
	own = is_own(way, uid);
	for (char *slash; !own && (slash = strrchr(way, '/'));) {
		*slash = '\0';
		own = is_own(*way ? way : "/", uid);
	}
	return own ? err_set(e, 0,
			     "%.200s, or a directory above it, may be written by who asks",
			     program)
		   : 0;
}

static _Noreturn void program(const struct host_run *in, const int own[3], int slave,
	int report, char *const *env)
{
	const struct account *a = in->account;
	struct err e = { 0 };

	enter_default_signals();
	/* Not the bounding set, nor no_new_privs: a setuid program of the host's is what it is by them. */
	if (host_settle(in, slave, &e) == 0 && take_stdio(own, &report, &e) == 0 &&
		privs_become_account(a->uid, a->gid, in->groups, in->n_groups, &e) == 0 &&
		privs_leave_keyring(&e) == 0 &&
		is_roots_program(in->command->program, a->uid, &e) == 0) {
		/* After the ids have changed, which clears it; a setuid program's is cleared, too. */
		(void)prctl(PR_SET_PDEATHSIG, SIGHUP, 0, 0, 0);
		(void)execve(
			in->command->program, (char *const *)(uintptr_t)in->argv, env);
		(void)err_set(&e, errno, "run %.200s on the host", in->command->program);
	}
	(void)io_write_all(report, &e, sizeof(e));
	_exit(125);
}

/* ---- its stdio ---------------------------------------------------------------------------- */

/* What it may open anew by /dev/stdin and the like is the account's. */
static int make_pipe(
	const struct host_run *in, int fd, int *own, int *ours, struct err *e)
{
	int end = fd == 0 ? 0 : 1, pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	*own = pair[end];
	*ours = pair[!end];
	return fchown(*own, in->account->uid, in->account->gid) < 0
		       ? err_set(e, errno, "make a pipe")
		       : 0;
}

/* Of those of the host's, which are counted for the whole host (kernel.pty.max); looked at once this one is there. */
static int are_few(uid_t uid, struct err *e)
{
	_cleanup_dir_ DIR *dir = opendir(NOTICE_PTS);
	const struct dirent *entry;
	struct stat st;
	size_t n = 0;

	if (!dir)
		return err_set(e, errno, "count the host's terminals");
	while ((entry = readdir(dir)))
		n += entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
		     fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		     st.st_uid == uid;
	return n > HOST_PTYS_MAX
		       ? err_set(e, 0,
				 "the account has %d of the host's terminals, and may have no more",
				 HOST_PTYS_MAX)
		       : 0;
}

/* Nobody else's words on a terminal that a password is typed at. */
static int make_pty(
	const struct host_run *in, int *ret_slave, struct host_running *r, struct err *e)
{
	if (pty_open(in->account->uid, &in->manner, &r->master, ret_slave, e) < 0)
		return err_wrap(e, "on the host");
	if (fchmod(*ret_slave, 0600) < 0)
		return err_set(e, errno, "set up a terminal");
	return are_few(in->account->uid, e);
}

static int make_stdio(const struct host_run *in, int own[3], int *ret_slave,
	struct host_running *r, struct err *e)
{
	/* Who hands its input over has no use for one. */
	unsigned int on_pty = in->input >= 0 ? 0 : in->on_pty;
	int pair[2];

	if (on_pty && make_pty(in, ret_slave, r, e) < 0)
		return -1;
	r->on_pty = on_pty;
	for (int fd = 0; fd < 3; fd++) {
		if (on_pty >> fd & 1)
			own[fd] = fcntl(*ret_slave, F_DUPFD_CLOEXEC, HIGH);
		else if (fd == 0 && in->input >= 0)
			own[fd] = fcntl(in->input, F_DUPFD_CLOEXEC, HIGH);
		else if (make_pipe(in, fd, &own[fd], &r->near[fd], e) < 0)
			return -1;
		if (own[fd] < 0 || pipe2(pair, O_CLOEXEC) < 0)
			return err_set(e, errno, "make a pipe");
		r->far[fd] = pair[fd != 0];
		r->out[fd] = pair[fd == 0];
	}
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static void close_all(int fds[3])
{
	for (int i = 0; i < 3; i++)
		cleanup_close(&fds[i]);
}

/* Nothing is said by one that has executed it. */
static int hear(int report, pid_t pid, struct err *e)
{
	struct err said;
	ssize_t n;

	do
		n = read(report, &said, sizeof(said));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n == (ssize_t)sizeof(said)) {
		said.msg[sizeof(said.msg) - 1] = '\0';
		*e = said;
	} else {
		(void)err_set(e, n < 0 ? errno : EBADMSG, "start the command");
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return -1;
}

static int spawn(const struct host_run *in, const int own[3], int slave, char *const *env,
	pid_t *ret, struct err *e)
{
	struct sys_clone how = { .cgroup = -1, .exit_signal = SIGCHLD };
	_cleanup_close_ int report = -EBADF, ours = -EBADF;
	int pair[2];
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	ours = pair[0];
	report = pair[1];
	pid = sys_clone3(&how);
	if (pid == 0)
		program(in, own, slave, report, env);
	if (pid < 0)
		return err_set(e, errno, "start a process%s",
			errno == EAGAIN
				? " (the account has as many as it may have, TasksMax=)"
				: "");
	cleanup_close(&report);
	*ret = pid;
	return hear(ours, pid, e);
}

/* As execve(2) wants it: free() it, the strings are the list's. NULL with @e. */
static char **array_of(const struct strlist *list, struct err *e)
{
	char **env = calloc(list->n + 1, sizeof(*env));

	if (!env) {
		(void)err_set(e, ENOMEM, "make the environment");
		return NULL;
	}
	for (size_t i = 0; i < list->n; i++)
		env[i] = list->v[i];
	return env;
}

int host_start(const struct host_run *in, struct host_running *ret, struct err *e)
{
	_cleanup_(strlist_clear) struct strlist list = { 0 };
	_cleanup_close_ int slave = -EBADF;
	_cleanup_free_ char **env = NULL;
	struct host_running r = HOST_RUNNING_NONE;
	int own[3] = { -EBADF, -EBADF, -EBADF }, done = environment(in, &list, e);

	env = done == 0 ? array_of(&list, e) : NULL;
	done = env ? 0 : -1;
	if (done == 0)
		done = make_stdio(in, own, &slave, &r, e);
	if (done == 0)
		done = spawn(in, own, slave, env, &r.pid, e);
	close_all(own);
	if (done == 0) {
		*ret = r;
		return 0;
	}
	close_all(r.out);
	close_all(r.far);
	close_all(r.near);
	cleanup_close(&r.master);
	return -1;
}
