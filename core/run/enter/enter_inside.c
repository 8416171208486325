/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/enter/enter_inside.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/plan/sessionenv.h"
#include "core/run/cgroup/cgroup_join.h"
#include "core/run/enter/environment.h"
#include "core/run/terminal/wall.h"
#include "core/run/ids/privs.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* Where the socket is once everything else is closed, and the agent's, if there is one. */
#define SOCK_FD  3
#define AGENT_FD 4

/* ---- stdio ------------------------------------------------------------------------------- */

/* Its own ends, and those for outside. */
struct stdio {
	int own[3];
	int agent;             /* -EBADF: none */
	unsigned int terminal; /* the N of /dev/pts/N */
	int out[2 + 3 + 1];
	size_t n_out;
};

static int make_pty(const struct enter *in, struct stdio *s, struct err *e)
{
	int master, slave;

	if (pty_open(in->person.uid, &in->manner, &master, &slave, e) < 0)
		return -1;
	s->out[s->n_out++] = master;
	s->out[s->n_out++] = slave;
	for (int i = 0; i < 3; i++)
		if (in->on_pty >> i & 1)
			s->own[i] = slave;
	if (ioctl(slave, TIOCSCTTY, 0) < 0 || ioctl(master, TIOCGPTN, &s->terminal) < 0 ||
		(in->shown && pty_mark_shown(slave) < 0))
		return err_set(e, errno, "take the terminal of the session");
	return 0;
}

/* Owned by who will have it, so that /dev/stdin and its kind can be opened. */
static int make_pipe(const struct enter *in, int fd, struct stdio *s, struct err *e)
{
	int own = fd == 0 ? 0 : 1, pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0 ||
		fchown(pair[own], in->person.uid, in->person.gid) < 0)
		return err_set(e, errno, "make a pipe");
	s->own[fd] = pair[own];
	s->out[s->n_out++] = pair[!own];
	return 0;
}

static int make_stdio(const struct enter *in, struct stdio *s, struct err *e)
{
	if (in->on_pty && make_pty(in, s, e) < 0)
		return -1;
	for (int i = 0; i < 3; i++) {
		if (in->given[i] >= 0)
			s->own[i] = in->given[i];
		else if (!(in->on_pty >> i & 1) && make_pipe(in, i, s, e) < 0)
			return -1;
	}
	if (!in->agent)
		return 0;
	s->agent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->agent < 0)
		return err_set(e, errno, "make a socket for the agent");
	s->out[s->n_out++] = s->agent;
	return 0;
}

/* From here on the fds 0 to 2 are the session's, 3 is the socket, 4 the agent's, and there are no others. */
static int keep_only(const struct stdio *s, int sock, struct err *e)
{
	int high[3], agent = -EBADF;

	/* Above all places that are about to be filled. */
	for (int i = 0; i < 3; i++) {
		high[i] = fcntl(s->own[i], F_DUPFD_CLOEXEC, 16);
		if (high[i] < 0)
			return err_set(e, errno, "set up stdio");
	}
	sock = fcntl(sock, F_DUPFD_CLOEXEC, 16);
	if (s->agent >= 0)
		agent = fcntl(s->agent, F_DUPFD_CLOEXEC, 16);
	if (sock < 0 || dup3(sock, SOCK_FD, O_CLOEXEC) < 0 ||
		(agent >= 0 && dup3(agent, AGENT_FD, O_CLOEXEC) < 0))
		return err_set(e, errno, "set up stdio");
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			return err_set(e, errno, "set up stdio");
	return sys_close_from(agent >= 0 ? AGENT_FD + 1 : SOCK_FD + 1) < 0
		       ? err_set(e, errno, "close the rest")
		       : 0;
}

/* ---- signals, ids ------------------------------------------------------------------ */

void enter_default_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int enter_become(const struct enter_person *p, const struct filter *filter, struct err *e)
{
	int r;

	/* As long as it has the right to. */
	if (p->scoped && sys_scope_abstract_sockets() < 0)
		return err_set(e, errno, "give the process abstract sockets of its own");
	if (filter_install(filter, e) < 0)
		return -1;
	if (p->uid == 0)
		r = privs_keep_caps(p->caps, e);
	else if (privs_drop_bound(p->caps) < 0)
		r = err_set(e, errno, "drop capabilities");
	else
		r = privs_become_account(p->uid, p->gid, p->groups, p->n_groups, e);
	if (r < 0)
		return -1;
	if (p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "set no_new_privs");
	/* Changing ids may have set it (fs.suid_dumpable in proc(5)), and cleared the other. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
		prctl(PR_SET_PDEATHSIG, SIGHUP, 0, 0, 0) < 0)
		return err_set(e, errno, "harden the process inside");
	return 0;
}

/* ---- getting there ----------------------------------------------------------------------- */

static int enter_settle(const struct enter *in, const struct cgroup_fds *groups, int sock,
	struct stdio *s, struct err *e)
{
	const struct enter_word word = { .kind = ENTER_WORD_STDIO };

	if (cgroup_join_self(groups, e) < 0)
		return -1;
	if (setsid() < 0)
		return err_set(e, errno, "begin a session of its own");
	if (privs_leave_keyring(e) < 0 || make_stdio(in, s, e) < 0)
		return -1;
	if (io_send(sock, &word, sizeof(word), s->out, s->n_out) < 0)
		return err_set(e, errno, "hand stdio out");
	return keep_only(s, sock, e);
}

static int go_to(const struct enter *in, struct err *e)
{
	if (chdir(in->directory) == 0)
		return 0;
	if (!in->directory_must && in->home && chdir(in->home) == 0)
		return 0;
	/* A home that isn't there, or can't be entered, is no reason not to help its user. */
	if (in->directory_must || (errno != ENOENT && errno != EACCES &&
					  errno != ENOTDIR && errno != ESTALE))
		return err_set(e, errno, "go to %s inside", in->directory);
	return chdir("/") < 0 ? err_set(e, errno, "go to / inside") : 0;
}

/* ---- what only is known inside ----------------------------------------------------------- */

/* Give a variable that the environment has its value. */
static void put(
	const char **env, const char *name, char *text, size_t size, const char *value)
{
	size_t len = strlen(name);

	(void)snprintf(text, size, "%s=%s", name, value);
	for (; *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			*env = text;
}

/* As the account, in its own directory: what it may have put in the way is its own, too. */
static int bind_agent(const struct enter *in, char *path, size_t size)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int len = snprintf(
		at.sun_path, sizeof(at.sun_path), "%s.%d", in->agent, (int)getpid());

	(void)umask(077);
	if (len <= 0 || (size_t)len >= sizeof(at.sun_path) || (size_t)len >= size ||
		(unlink(at.sun_path) < 0 && errno != ENOENT) ||
		bind(AGENT_FD, (struct sockaddr *)&at, sizeof(at)) < 0 ||
		listen(AGENT_FD, SOMAXCONN) < 0)
		return -1;
	memcpy(path, at.sun_path, (size_t)len + 1);
	return 0;
}

/* Without an agent it is a login without one. */
static void fill_in(const struct enter *in, const struct stdio *s)
{
	static char tty[64], agent[128];
	const char **env = (const char **)(uintptr_t)in->env;
	char value[100] = "";

	if (in->on_pty) {
		(void)snprintf(value, sizeof(value), "/dev/pts/%u", s->terminal);
		put(env, "SSH_TTY", tty, sizeof(tty), value);
	}
	if (s->agent < 0)
		return;
	value[0] = '\0';
	(void)bind_agent(in, value, sizeof(value));
	(void)umask(in->mask);
	put(env, "SSH_AUTH_SOCK", agent, sizeof(agent), value);
	(void)close(AGENT_FD);
}

/* As whoever it will be. It is the last thing that needs memory. */
static int take_environment(const struct enter *in, struct err *e)
{
	struct environment given;
	const char **merged;
	size_t n = 0, n_given = 0;
	bool here = false;

	environ = (char **)(uintptr_t)in->env;
	for (; in->env[n]; n++)
		here = here || strcmp(in->env[n], SESSIONENV_HERE) == 0;
	if (!here)
		return 0;
	if (environment_read(&given, e) < 0)
		return -1;
	while (given.v[n_given])
		n_given++;
	merged = calloc(n + n_given + 1, sizeof(*merged));
	if (!merged)
		return err_set(e, ENOMEM, "make the environment");
	sessionenv_merge(in->env, given.v, merged);
	environ = (char **)(uintptr_t)merged;
	return 0;
}

/* ---- the whole --------------------------------------------------------------------------- */

static _Noreturn void fail(int sock, enum enter_word_kind kind, const struct err *e)
{
	const struct enter_word word = { .kind = kind, .error = *e };

	(void)io_send(sock, &word, sizeof(word), NULL, 0);
	_exit(125);
}

_Noreturn void enter_inside(
	const struct enter *in, const struct cgroup_fds *groups, int sock)
{
	struct stdio s = { .agent = -EBADF };
	struct err e = { 0 };

	enter_default_signals();
	if (in->notice)
		(void)notice_ptys(in->notice);
	if (enter_settle(in, groups, sock, &s, &e) < 0)
		fail(sock, ENTER_WORD_FAILED, &e);
	if (enter_become(&in->person, in->filter, &e) < 0 || go_to(in, &e) < 0)
		fail(SOCK_FD, ENTER_WORD_FAILED, &e);
	fill_in(in, &s);
	if (take_environment(in, &e) < 0)
		fail(SOCK_FD, ENTER_WORD_FAILED, &e);
	(void)execvpe(in->file, (char *const *)(uintptr_t)in->argv, environ);
	(void)err_set(&e, errno, "%s", in->file);
	fail(SOCK_FD, ENTER_WORD_NO_EXEC, &e);
}
