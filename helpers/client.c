/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/client.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

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
		return err_set(e, r, "start the helper %s", helper);
	*ret_sock = take_fd(&ours);
	return 0;
}

void client_reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

int client_request(int sock, const struct proto_request *q, struct err *e)
{
	for (int fd = 0; q->kind == PROTO_OPEN && fd <= 2; fd++)
		if (isatty(fd))
			return io_send(sock, q, sizeof(*q), &fd, 1) < 0
				       ? err_set(e, errno, "ask the helper")
				       : 0;
	return io_send(sock, q, sizeof(*q), NULL, 0) < 0
		       ? err_set(e, errno, "ask the helper")
		       : 0;
}

int client_reply(
	int sock, struct proto_reply *ret, int *fds, size_t *n_fds, struct err *e)
{
	int r = io_recv(sock, ret, sizeof(*ret), fds, n_fds);

	if (r > 0)
		return err_set(e, 0, "the helper ended without an answer");
	if (r < 0)
		return err_set(e, errno, "hear from the helper");
	if (ret->magic != PROTO_MAGIC)
		return err_set(
			e, 0, "the helper and pam_nsshell.so are of different versions");
	ret->id[sizeof(ret->id) - 1] = '\0';
	ret->text[sizeof(ret->text) - 1] = '\0';
	ret->runtime_dir[sizeof(ret->runtime_dir) - 1] = '\0';
	return 0;
}

static int become_box_root(struct err *e)
{
	if (setresgid(0, 0, 0) < 0 || setgroups(0, NULL) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(e, errno, "become root of the box");
	if (getuid() != 0 || getgid() != 0 || getgroups(0, NULL) != 0)
		return err_set(e, EPERM, "prove that this is root of the box");
	return 0;
}

/* Permitted, effective and bounding set become @keep; the rest can't be had again. */
static int keep_caps(uint64_t keep, struct err *e)
{
	cap_t caps = cap_init();
	int r = caps ? 0 : -1;

	for (cap_value_t c = 0; r == 0 && cap_get_bound(c) >= 0; c++) {
		if (!(keep >> c & 1)) {
			r = cap_drop_bound(c);
			continue;
		}
		r = cap_set_flag(caps, CAP_PERMITTED, 1, &c, CAP_SET);
		if (r == 0)
			r = cap_set_flag(caps, CAP_EFFECTIVE, 1, &c, CAP_SET);
	}
	if (r == 0)
		r = cap_set_proc(caps);
	if (r < 0)
		(void)err_set(e, errno, "drop capabilities");
	(void)cap_free(caps);
	return r;
}

static int prove_caps(uint64_t keep, struct err *e)
{
	cap_t caps = cap_get_proc();
	bool proven = caps != NULL;

	for (cap_value_t c = 0; proven && cap_get_bound(c) >= 0; c++) {
		cap_flag_value_t have = CAP_CLEAR;

		if (cap_get_flag(caps, c, CAP_PERMITTED, &have) < 0)
			proven = false;
		else if (!(keep >> c & 1))
			proven = have == CAP_CLEAR && cap_get_bound(c) == 0;
	}
	(void)cap_free(caps);
	return proven ? 0 : err_set(e, EPERM, "prove that the capabilities are gone");
}

int client_join(int pidfd, const struct proto_reply *reply, struct err *e)
{
	if (sys_setns(pidfd, (int)reply->namespaces) < 0)
		return err_set(e, errno, "join the namespaces of the session%s",
			errno == EINVAL ? " (a program with threads can't)" : "");
	if (become_box_root(e) < 0)
		return -1;
	if (chdir("/") < 0)
		return err_set(e, errno, "go to the root of the box");
	if (keep_caps(reply->caps, e) < 0 || prove_caps(reply->caps, e) < 0)
		return -1;
	if (reply->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "set no_new_privs");
	return 0;
}
