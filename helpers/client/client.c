/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/client/client.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Two versions meet while one takes the other's place. */
#define AGAIN ": if nsshell is being upgraded, log in again afterwards"

/* What the helper finds: /dev/null as 0 to 2, the socket as 3, no environment, default
 * signals. */
static int spawn_with(const char *helper, const char *config, int sock,
	posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, pid_t *ret)
{
	char *const argv[] = { (char *)(uintptr_t)helper, (char *)(uintptr_t)config,
		NULL };
	char *const envp[] = { NULL };
	sigset_t all, none;
	int r = 0;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	for (int fd = 0; r == 0 && fd <= 2; fd++)
		r = posix_spawn_file_actions_addopen(files, fd, "/dev/null", O_RDWR, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(files, sock, PROTO_FD);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attr, &all);
	if (r == 0)
		r = posix_spawnattr_setsigmask(attr, &none);
	if (r == 0)
		r = posix_spawnattr_setflags(
			attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (r == 0)
		r = posix_spawn(ret, helper, files, attr, argv, envp);
	return r;
}

int client_set_patience(int sock, int seconds, struct err *e)
{
	const struct timeval patience = { .tv_sec = seconds };

	return setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0
		       ? err_set(e, errno, "wait for the helper")
		       : 0;
}

int client_spawn(const char *helper, const char *config, int *ret_sock, pid_t *ret_pid,
	struct err *e)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF, high = -EBADF;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "make a socket to the helper");
	ours = pair[0];
	theirs = pair[1];
	if (client_set_patience(ours, CLIENT_PATIENCE_S, e) < 0)
		return -1;
	/* Above the fds that are made anew in the child: a caller may have closed those.
	 */
	high = fcntl(theirs, F_DUPFD_CLOEXEC, PROTO_FD + 1);
	if (high < 0)
		return err_set(e, errno, "make a socket to the helper");
	r = posix_spawn_file_actions_init(&files);
	if (r == 0) {
		r = posix_spawnattr_init(&attr);
		if (r == 0) {
			r = spawn_with(helper, config, high, &files, &attr, ret_pid);
			(void)posix_spawnattr_destroy(&attr);
		}
		(void)posix_spawn_file_actions_destroy(&files);
	}
	if (r != 0)
		return err_set(e, r, "start the helper %s%s", helper,
			r == EAGAIN
				? " (TasksMax= of the login program's unit, or kernel.pid_max, is used up)"
				: "");
	*ret_sock = take_fd(&ours);
	return 0;
}

void client_reap(pid_t pid, bool hangs)
{
	/* Ours until it is reaped: its pid is nobody else's. */
	if (hangs)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

/*
 * What ioctl(2) says to a socket is the socket's own affair, and so is a file's of FUSE. Return: 1,
 * 0, or -1 with errno where it can't be told.
 */
static int is_terminal(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return errno == EBADF ? 0 : -1;
	if (!S_ISCHR(st.st_mode))
		return 0;
	if (isatty(fd))
		return 1;
	return errno == ENOTTY || errno == EINVAL || errno == EIO ? 0 : -1;
}

/* Its terminal, if the caller has one; -1 with errno 0 if it hasn't. */
static int terminal_of_caller(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		int is = is_terminal(fd);

		if (is < 0)
			return -1;
		if (is > 0)
			return fd;
	}
	errno = 0;
	return -1;
}

int client_request(int sock, const struct proto_request *q, struct err *e)
{
	int terminal = -1;

	if (q->kind == PROTO_OPEN) {
		terminal = terminal_of_caller();
		if (terminal < 0 && errno != 0)
			return err_set(e, errno, "look at the terminal");
	}
	return io_send(sock, q, sizeof(*q), &terminal, terminal >= 0) < 0
		       ? err_set(e, errno, "ask the helper")
		       : 0;
}

int client_reply(
	int sock, struct proto_reply *ret, int *fds, size_t *n_fds, struct err *e)
{
	int r = io_recv(sock, ret, sizeof(*ret), fds, n_fds);

	if (r > 0)
		return err_set(e, 0, "the helper ended without an answer" AGAIN);
	if (r < 0)
		return err_set(
			e, errno == EAGAIN ? ETIMEDOUT : errno, "hear from the helper");
	if (ret->magic != PROTO_MAGIC) {
		while (*n_fds > 0)
			cleanup_close(&fds[--*n_fds]);
		return err_set(e, 0,
			"the helper and pam_nsshell.so are of different versions" AGAIN);
	}
	ret->id[sizeof(ret->id) - 1] = '\0';
	ret->shell[sizeof(ret->shell) - 1] = '\0';
	ret->text[sizeof(ret->text) - 1] = '\0';
	ret->runtime_dir[sizeof(ret->runtime_dir) - 1] = '\0';
	ret->bus[sizeof(ret->bus) - 1] = '\0';
	return 0;
}
