/* SPDX-License-Identifier: BSD-3-Clause */
/* Signals to sessions of the caller's own, and standing still. */
#include "nsshell/own.h"

#include "core/base/io.h"
#include "core/base/parse.h"
#include "core/run/cgroup_flee.h"
#include "core/run/members.h"
#include "core/run/pause.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int take_kill(const struct door_before *caller, int argc, char **argv, size_t *hit,
	struct err *e)
{
	struct record r;
	uint32_t sig;

	if (argc != OWN_KILL_WORDS || parse_u32(argv[OWN_KILL_SIGNAL], &sig) < 0 ||
		sig == 0 || sig > (uint32_t)SIGRTMAX)
		return err_set(e, 0, "kill takes the number of a signal and a session");
	if (own_find(caller, argv[OWN_KILL_ID], &r, e) < 0)
		return -1;
	return members_signal(&r, (int)sig, hit, e);
}

int own_kill(const struct door_before *caller, int argc, char **argv)
{
	struct err e = { 0 };
	size_t hit = 0;
	int status = own_say(caller, take_kill(caller, argc, argv, &hit, &e), &e);

	if (status == 0)
		(void)dprintf(STDOUT_FILENO, "%zu\n", hit);
	return status;
}

static int take_pause(const struct door_before *caller, int argc, char **argv,
	int (*run)(const struct record *, enum pause_by, struct err *), struct err *e)
{
	struct record r;

	if (argc != OWN_PAUSE_WORDS)
		return err_set(e, 0, "%s takes a session", argv[1]);
	if (own_find(caller, argv[OWN_PAUSE_ID], &r, e) < 0)
		return -1;
	return run(&r, PAUSE_OWN, e);
}

/*
 * A child of root's to its end: it may leave the caller's group, where the caller could have it stand
 * still with the lock of the pause that root waits for. Who becomes the caller stays there.
 */
static int pause_apart(const struct door_before *caller, int argc, char **argv,
	int (*run)(const struct record *, enum pause_by, struct err *), struct err *e)
{
	struct err said = { 0 };
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "%s", argv[1]);
	pid = fork();
	if (pid == 0) {
		cgroup_flee();
		r = take_pause(caller, argc, argv, run, &said);
		(void)io_send(pair[1], &said, sizeof(said), NULL, 0);
		_exit(r < 0);
	}
	(void)close(pair[1]);
	r = pid < 0 ? -1 : io_recv(pair[0], &said, sizeof(said), NULL, NULL);
	(void)close(pair[0]);
	if (r != 0)
		return err_set(e, r < 0 ? errno : 0, "%s", argv[1]);
	*e = said;
	while (waitpid(pid, &r, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(r) && WEXITSTATUS(r) == 0 ? 0 : -1;
}

int own_pause(const struct door_before *caller, int argc, char **argv)
{
	struct err e = { 0 };

	return own_say(caller, pause_apart(caller, argc, argv, pause_session, &e), &e);
}

int own_resume(const struct door_before *caller, int argc, char **argv)
{
	struct err e = { 0 };

	return own_say(caller, pause_apart(caller, argc, argv, pause_resume, &e), &e);
}
