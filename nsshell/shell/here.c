/* SPDX-License-Identifier: BSD-3-Clause */
/* The shell where no door is needed, and the terminal in front of it that can be looked at. */
#include "nsshell/shell/nsshell.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/run/enter/inside.h"
#include "core/run/terminal/observe_inside.h"
#include "core/run/terminal/proxy.h"
#include "core/run/terminal/pty.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* Set for what runs behind a terminal that can be looked at: a second one would show the same. */
#define SHOWN_ON "NSSHELL_TERMINAL"

int nsshell_plain(const char *shell, const struct nsshell_call *c)
{
	const size_t most = c->command ? (size_t)c->argc : 0;
	char **argv = calloc(most + 3, sizeof(*argv)), dash_c[] = "-c";
	char name[POLICY_SHELL_MAX];
	size_t n = 0;
	int status;

	if (!argv)
		return DOOR_FAILED;
	nsshell_shell_name(shell, c->login, name);
	argv[n++] = name;
	if (c->command)
		argv[n++] = dash_c;
	for (size_t i = 0; i < most; i++)
		argv[n++] = c->command[i];
	(void)setenv("SHELL", shell, 1);
	(void)execv(shell, argv);
	status = errno == ENOENT ? DOOR_NOT_FOUND : DOOR_NOT_EXECUTED;
	(void)fprintf(stderr, "nsshell: run %s: %s\n", shell, strerror(errno));
	free(argv);
	return status;
}

/* ---- a terminal that can be looked at ------------------------------------------------------ */

struct terminal {
	int master, slave, listener;
	unsigned int number;
	char name[32];
	unsigned int on_pty; /* bit N: fd N is on it */
};

static int make_terminal(struct terminal *t, struct err *e)
{
	struct pty_manner manner;

	*t = (struct terminal){ .master = -EBADF, .slave = -EBADF, .listener = -EBADF };
	if (pty_ask(STDIN_FILENO, &manner) < 0)
		return err_set(e, errno, "ask the terminal");
	if (pty_open(geteuid(), &manner, &t->master, &t->slave, e) < 0)
		return -1;
	if (ioctl(t->master, TIOCGPTN, &t->number) < 0 || pty_mark_shown(t->slave) < 0)
		return err_set(e, errno, "ask for the terminal's name");
	(void)snprintf(t->name, sizeof(t->name), "/dev/pts/%u", t->number);
	for (int fd = 0; fd < 3; fd++)
		t->on_pty |= isatty(fd) ? 1U << fd : 0;
	return observe_inside_listen(t->number, &t->listener, e);
}

static void drop_terminal(struct terminal *t)
{
	cleanup_close(&t->listener);
	cleanup_close(&t->master);
	cleanup_close(&t->slave);
}

static _Noreturn void run_behind(
	const struct terminal *t, const char *shell, const struct nsshell_call *c)
{
	(void)setenv(SHOWN_ON, t->name, 1);
	if (getenv("SSH_TTY"))
		(void)setenv("SSH_TTY", t->name, 1);
	for (int fd = 0; fd < 3; fd++)
		if (t->on_pty >> fd & 1)
			(void)dup2(t->slave, fd);
	if (setsid() < 0 || ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0) {
		(void)fprintf(
			stderr, "nsshell: take the terminal: %s\r\n", strerror(errno));
		_exit(DOOR_FAILED);
	}
	_exit(nsshell_plain(shell, c));
}

static int stand_before(struct terminal *t, pid_t child)
{
	struct proxy p = PROXY_NONE;
	struct proxy_end end;
	struct err e;
	int r;

	p.child = child;
	p.master = take_fd(&t->master);
	p.slave = take_fd(&t->slave);
	p.listener = take_fd(&t->listener);
	p.passed = 7 & ~t->on_pty;
	r = proxy_run(&p, &end, &e);
	observe_inside_gone(t->number);
	if (r == 0)
		return proxy_exit_status(&end);
	(void)fprintf(stderr, "nsshell: %s\n", e.msg);
	return DOOR_FAILED;
}

static int run_shown(const char *shell, const struct nsshell_call *c)
{
	struct terminal t;
	struct err e;
	pid_t pid = -1;

	if (make_terminal(&t, &e) == 0) {
		pid = fork();
		if (pid == 0)
			run_behind(&t, shell, c);
		if (pid > 0)
			return stand_before(&t, pid);
		(void)err_set(&e, errno, "start the shell behind a terminal");
		observe_inside_gone(t.number);
	}
	drop_terminal(&t);
	/* A profile that sends its login here mustn't do so again. */
	(void)setenv(SHOWN_ON, "none", 1);
	(void)fprintf(stderr, "nsshell: this terminal can't be looked at: %s\n", e.msg);
	return nsshell_plain(shell, c);
}

static bool is_to_be_shown(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !getenv(SHOWN_ON) &&
	       observe_inside_is_on();
}

/* ---- the whole ----------------------------------------------------------------------------- */

/* Shell= as the box has it, "" for none. */
static void read_wanted(char ret[POLICY_SHELL_MAX])
{
	if (io_read_text(AT_FDCWD, PATH_RUN_SHELL, ret, POLICY_SHELL_MAX) < 0)
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

int nsshell_here(const struct nsshell_call *c)
{
	const char *own = getenv("SHELL");
	char shell[POLICY_SHELL_MAX], wanted[POLICY_SHELL_MAX] = "";
	bool inside = inside_session();
	struct err e;

	if (inside)
		read_wanted(wanted);
	if (nsshell_shell(wanted, own, shell, &e) < 0 &&
		(*wanted || nsshell_shell("", NULL, shell, &e) < 0)) {
		(void)fprintf(stderr, "nsshell: %s\n", e.msg);
		return DOOR_FAILED;
	}
	return inside && is_to_be_shown() ? run_shown(shell, c) : nsshell_plain(shell, c);
}
