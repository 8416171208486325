/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside: stdio of the session's own, and the shell. No NSS, no locale, nothing loaded. */
#include "nsshell/door.h"

#include "core/base/cleanup.h"
#include "core/base/compat.h"
#include "core/base/sys.h"
#include "core/run/handed.h"
#include "core/run/privs.h"
#include "core/run/pty.h"
#include "nsshell/door_env.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* Where the shell's process keeps the agent's socket until it is bound. */
#define AGENT_FD 3

/* What the shell gets as 0 to 2, and what goes out. */
struct stdio {
	int own[3]; /* the same number: the caller's */
	int out[2 + 3 + 2];
	size_t n_out;
	char tty[32];
	unsigned int on_pty, piped;
	int agent; /* nsshell_agent.h, or -EBADF */
};

/* ---- stdio ------------------------------------------------------------------------------- */

static int make_pty(
	const struct door *d, const int is_tty[3], struct stdio *s, struct err *e)
{
	struct pty_manner manner;
	unsigned int number;
	int master, slave;

	if (pty_ask(0, &manner) < 0)
		return err_set(e, errno, "ask the terminal");
	if (pty_open(d->before.uid, &manner, &master, &slave, e) < 0)
		return -1;
	s->out[s->n_out++] = master;
	s->out[s->n_out++] = slave;
	if (ioctl(master, TIOCGPTN, &number) == 0)
		(void)snprintf(s->tty, sizeof(s->tty), "/dev/pts/%u", number);
	for (int fd = 0; fd < 3; fd++)
		if (is_tty[fd]) {
			s->own[fd] = slave;
			s->on_pty |= 1U << fd;
		}
	return 0;
}

/* Owned by who will have it, so that /dev/stdin and its kind can be opened. */
static int make_pipe(const struct door *d, int fd, struct stdio *s, struct err *e)
{
	int own = fd == 0 ? 0 : 1, pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0 ||
		fchown(pair[own], d->account.uid, d->account.gid) < 0)
		return err_set(e, errno, "make a pipe");
	s->own[fd] = pair[own];
	s->out[s->n_out++] = pair[!own];
	s->piped |= 1U << fd;
	return 0;
}

static int make_stdio(const struct door *d, struct stdio *s, struct err *e)
{
	int is_tty[3];

	for (int fd = 0; fd < 3; fd++) {
		is_tty[fd] = pty_is_terminal(fd);
		if (is_tty[fd] < 0)
			return err_set(e, errno, "look at the terminal");
	}
	if (is_tty[0] && is_tty[1] && make_pty(d, is_tty, s, e) < 0)
		return -1;
	for (int fd = 0; fd < 3; fd++)
		if (!(s->on_pty >> fd & 1) && !handed_is_harmless(fd) &&
			make_pipe(d, fd, s, e) < 0)
			return -1;
	return 0;
}

/* ---- the child --------------------------------------------------------------------------- */

static _Noreturn void die(const char *what, const char *object)
{
	int status = errno == ENOENT ? DOOR_NOT_FOUND : DOOR_NOT_EXECUTED;

	(void)dprintf(2, "nsshell: %s %s: %s\r\n", what, object, strerrordesc_np(errno));
	_exit(status);
}

static void settle(const struct stdio *s)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	/* All of them are above 2. */
	for (int fd = 0; fd < 3; fd++)
		if (s->own[fd] != fd && dup2(s->own[fd], fd) < 0)
			die("set up", "stdio");
	if (s->agent >= 0 && dup2(s->agent, AGENT_FD) < 0)
		die("set up", "the socket of the agent");
	if (setsid() < 0 || sys_close_from(s->agent < 0 ? AGENT_FD : AGENT_FD + 1) < 0)
		die("begin", "a session");
	if (s->on_pty && ioctl(0, TIOCSCTTY, 0) < 0)
		die("take", "the terminal of the session");
}

/*
 * Should:   become the account for good, by the ids that were looked up outside
 * Mustn't:  leave a way back, or a capability; proves that there is none
 */
static void become(const struct account *a, bool no_new_privs)
{
	/* Groups that the policy doesn't keep have no id inside. */
	if (setgroups(a->n_groups, a->groups) < 0 &&
		(errno != EINVAL || setgroups(1, &a->gid) < 0))
		die("take on the groups of", a->name);
	if (setresgid(a->gid, a->gid, a->gid) < 0 ||
		setresuid(a->uid, a->uid, a->uid) < 0)
		die("become", a->name);
	if (no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("set", "no_new_privs");
	/* Changing ids may have set it (fs.suid_dumpable in proc(5)). */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	errno = EPERM;
	if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || setgroups(0, NULL) == 0 ||
		getuid() != a->uid || geteuid() != a->uid || getgid() != a->gid ||
		getegid() != a->gid || privs_drop_caps() < 0)
		die("become nobody but", a->name);
}

/* As the account, in its own folder: what it may have put in the way is its own, too. */
static void bind_agent(
	const struct door *d, const struct stdio *s, char *path, size_t size)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int len;

	*path = '\0';
	if (s->agent < 0)
		return;
	len = snprintf(at.sun_path, sizeof(at.sun_path), "%s/nsshell-agent.%d",
		d->reply.runtime_dir, (int)getpid());
	if (len > 0 && (size_t)len < sizeof(at.sun_path) && (size_t)len < size &&
		(unlink(at.sun_path) == 0 || errno == ENOENT) &&
		bind(AGENT_FD, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		listen(AGENT_FD, SOMAXCONN) == 0)
		memcpy(path, at.sun_path, (size_t)len + 1);
	(void)close(AGENT_FD);
}

static _Noreturn void run_shell(struct door *d, const struct stdio *s)
{
	static struct door_env env;
	char agent[128];
	char name[POLICY_SHELL_MAX], dash_c[] = "-c";
	char *alone[] = { name, NULL }, **argv = alone;
	struct err e;

	settle(s);
	become(&d->account, d->reply.no_new_privs);
	bind_agent(d, s, agent, sizeof(agent));
	if (door_env_make(d, s->tty, agent, &env, &e) < 0) {
		(void)dprintf(2, "nsshell: %s\r\n", e.msg);
		_exit(DOOR_FAILED);
	}
	(void)umask(d->before.mask);
	/* A path is only a name, tried inside. */
	if ((!d->before.folder[0] || chdir(d->before.folder) < 0) &&
		chdir(d->account.home) < 0 && chdir("/") < 0)
		die("go to", "/");
	door_shell_name(d->shell, d->login, name);
	/* door, "command", COMMAND becomes bash, "-c", COMMAND */
	if (d->command) {
		argv = d->argv;
		argv[-1] = name;
		argv[0] = dash_c;
		argv--;
	}
	if (door_limits_back(&d->before) < 0)
		die("set", "the limits");
	(void)execve(d->shell, argv, (char *const *)(uintptr_t)env.v);
	die("run", d->shell);
}

/* ---- the whole --------------------------------------------------------------------------- */

int door_start(struct door *d, struct door_answer *answer, int *fds, size_t *n_fds,
	struct err *e)
{
	/* Our caller's child, in the session's pid namespace. */
	struct sys_clone how = { .flags = CLONE_PARENT, .cgroup = -1 };
	struct stdio s = { .own = { 0, 1, 2 }, .agent = -EBADF };
	pid_t pid;

	if (make_stdio(d, &s, e) < 0)
		return -1;
	/* Without one it is a login without an agent. */
	if (door_env_has(d, "SSH_AUTH_SOCK"))
		s.agent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid = sys_clone3(&how);
	if (pid == 0)
		run_shell(d, &s);
	if (pid < 0)
		return err_set(e, errno, "start the shell%s",
			errno == EAGAIN ? " (TasksMax is used up)" : "");
	answer->kind = DOOR_RUNS;
	answer->child = pid;
	answer->on_pty = s.on_pty;
	answer->piped = s.piped;
	answer->observed = d->listener >= 0;
	if (answer->observed)
		s.out[s.n_out++] = d->listener;
	answer->agent = s.agent >= 0;
	if (answer->agent)
		s.out[s.n_out++] = s.agent;
	memcpy(fds, s.out, sizeof(s.out));
	*n_fds = s.n_out;
	return 0;
}
