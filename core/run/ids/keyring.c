/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/ids/keyring.h"

#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/run/ids/privs.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a key that somebody makes has by itself: all for who possesses it, a look for its user. */
#define PERMISSIONS 0x3f010000U
/* It has two calls to make. */
#define PATIENCE_MS 5000

static int close_ring(int ring)
{
	return syscall(SYS_keyctl, KEYCTL_SETPERM, ring, PERMISSIONS) < 0 ? -1 : 0;
}

/*
 * Should:   be the account outside, as whom alone the kernel finds its keyrings
 * Mustn't:  have anything with it that the account could take: fds, rights, a way back
 */
static _Noreturn void close_as_account(const struct plan *plan)
{
	struct err e = { 0 };

	if (sys_close_from(0) < 0)
		_exit(errno);
	if (privs_become_account(plan->uid, plan->gid, NULL, 0, &e) < 0)
		_exit(e.num);
	/* The session keyring of the user has a link to the other. */
	if (close_ring(KEY_SPEC_USER_KEYRING) < 0 ||
		close_ring(KEY_SPEC_USER_SESSION_KEYRING) < 0)
		_exit(errno == ENOSYS || errno == EPERM ? 0 : errno);
	_exit(0);
}

/* Whoever has the account's uid outside can stop it: one that doesn't end is killed. */
static int await(pid_t pid, int *status)
{
	_cleanup_close_ int pidfd = sys_pidfd_open(pid);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	bool late = pidfd >= 0 && poll(&p, 1, PATIENCE_MS) == 0;
	int r;

	if (late)
		(void)kill(pid, SIGKILL);
	do
		r = waitpid(pid, status, 0);
	while (r < 0 && errno == EINTR);
	if (r > 0 && late)
		errno = ETIMEDOUT;
	return r < 0 || late ? -1 : 0;
}

int keys_close(const struct plan *plan, struct err *e)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		close_as_account(plan);
	if (pid > 0 && await(pid, &status) < 0)
		pid = -1;
	if (pid < 0)
		return err_set(e, errno, "close the user keyring of %s", plan->user);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(e, WIFEXITED(status) ? WEXITSTATUS(status) : EINTR,
		"close the user keyring of %s", plan->user);
}
