/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell(1): a login shell, or sshd's ForceCommand, whose user lands in a box. It has no
 * privilege, stays outside, and runs no code of the user's: it is linked statically, so that
 * no LD_PRELOAD of an environment that the user had a say in (environment of ssh(1)) is code
 * that runs outside.
 */
#include "nsshell/shell/nsshell.h"
#include "nsshell/shell/agent.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/run/enter/inside.h"
#include "core/run/terminal/proxy.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* ForceCommand of who asked for sshd's own sftp server, which only sshd could run. */
#define INTERNAL_SFTP "internal-sftp"
static const char *const sftp_servers[] = { "/usr/lib/openssh/sftp-server",
	"/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server",
	"/usr/libexec/sftp-server" };

/* ---- what is asked for ------------------------------------------------------------------- */

static void usage(FILE *to)
{
	(void)fputs(
		"usage: nsshell [-l] [-c command [name [argument ...]]]\n"
		"       nsshell --help | --version\n"
		"The login shell of accounts whose logins shall land in a box: nsshell(1).\n",
		to);
}

/* What sshd itself would have run, with the same options. NULL: no program does that. */
static char *replace_sftp(const char *original)
{
	for (size_t i = 0; i < sizeof(sftp_servers) / sizeof(*sftp_servers); i++) {
		char *command;

		if (access(sftp_servers[i], X_OK) == 0 &&
			asprintf(&command, "%s%s", sftp_servers[i],
				original + strlen(INTERNAL_SFTP)) >= 0)
			return command;
	}
	return NULL;
}

/* sshd(8): what the user asked for, where ForceCommand has us run instead. */
static void take_original(struct nsshell_call *c)
{
	static char *command[2];
	char *original = getenv("SSH_ORIGINAL_COMMAND");

	if (!original)
		return;
	if (strncmp(original, INTERNAL_SFTP, strlen(INTERNAL_SFTP)) == 0 &&
		strchr(" ", original[strlen(INTERNAL_SFTP)]))
		command[0] = replace_sftp(original);
	if (!command[0])
		command[0] = original;
	c->command = command;
	c->argc = 1;
	/* The string stays where it is. A shell below must not take it for its own. */
	(void)unsetenv("SSH_ORIGINAL_COMMAND");
}

/* Return: -1 to go on, or an exit status. */
static int parse(int argc, char **argv, struct nsshell_call *c)
{
	int i = 1;

	c->login = argv[0][0] == '-';
	for (; i < argc; i++) {
		if (strcmp(argv[i], "-l") == 0 || strcmp(argv[i], "--login") == 0) {
			c->login = true;
		} else if (strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "-lc") == 0) {
			c->login |= argv[i][1] == 'l';
			if (i + 1 == argc)
				break;
			c->command = argv + i + 1;
			c->argc = argc - i - 1;
			return -1;
		} else if (strcmp(argv[i], "--version") == 0) {
			(void)puts("nsshell " VERSION);
			return fflush(stdout) == 0 ? 0 : DOOR_FAILED;
		} else if (strcmp(argv[i], "--help") == 0) {
			usage(stdout);
			return fflush(stdout) == 0 ? 0 : DOOR_FAILED;
		} else {
			break;
		}
	}
	if (i < argc) {
		usage(stderr);
		return DOOR_FAILED;
	}
	if (argc == 1 && !c->login)
		take_original(c);
	return -1;
}

/* ---- through the door -------------------------------------------------------------------- */

static _Noreturn void become_door(int sock)
{
	static char name[] = "nsshell-door";
	char *argv[] = { name, NULL };
	int kept = sock == DOOR_FD ? fcntl(sock, F_SETFD, 0) : dup2(sock, DOOR_FD);

	if (kept >= 0)
		(void)execv(PATH_DOOR, argv);
	(void)dprintf(2, "nsshell: run %s: %s\n", PATH_DOOR, strerror(errno));
	_exit(DOOR_FAILED);
}

/* Without isolation, as any login. */
static int be_plain(const struct nsshell_call *c, const struct door_answer *a)
{
	char shell[POLICY_SHELL_MAX];
	struct err e;

	if (nsshell_shell(a->wanted, a->shell, shell, &e) == 0)
		return nsshell_plain(shell, c);
	(void)fprintf(stderr, "nsshell: %s\n", e.msg);
	return DOOR_FAILED;
}

static int heed(const struct nsshell_call *c, const struct door_answer *a)
{
	switch (a->kind) {
	case DOOR_OPEN:
		if (a->text[0])
			(void)fprintf(stderr, "%s\n", a->text);
		return nsshell_there(c, a);
	case DOOR_PLAIN:
		return be_plain(c, a);
	default:
		(void)fprintf(stderr, "%s\n", a->text);
		return DOOR_FAILED;
	}
}

static int run_door(struct nsshell_call *c)
{
	_cleanup_close_ int sock = -EBADF;
	int pair[2], r;
	static struct door_answer a;
	pid_t pid;

	(void)signal(SIGCHLD, SIG_DFL);
	c->agent = agent_of_login(getenv("SSH_AUTH_SOCK"));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		(void)fprintf(stderr, "nsshell: make a socket to the door: %s\n",
			strerror(errno));
		return DOOR_FAILED;
	}
	sock = pair[0];
	pid = fork();
	if (pid == 0)
		become_door(pair[1]);
	(void)close(pair[1]);
	r = pid < 0 ? -1 : io_recv(sock, &a, sizeof(a), NULL, NULL);
	/* It holds the lease until our end of this is closed. */
	if (r == 0 && a.magic == DOOR_MAGIC && a.kind == DOOR_OPEN)
		return heed(c, &a);
	cleanup_close(&sock);
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	if (r == 0 && a.magic == DOOR_MAGIC)
		return heed(c, &a);
	(void)fputs(
		"nsshell: no session could be opened; please tell your administrator\n",
		stderr);
	return DOOR_FAILED;
}

int main(int argc, char **argv)
{
	struct nsshell_call c = { 0 };
	int status;

	if (argc < 1 || io_fill_stdio() < 0) {
		(void)fputs("nsshell: can't put stdio in order\n", stderr);
		return DOOR_FAILED;
	}
	status = parse(argc, argv, &c);
	if (status >= 0)
		return status;
	return inside_session() || geteuid() == 0 ? nsshell_here(&c) : run_door(&c);
}
