/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl run by who isn't root: the records of own sessions, from nsshell-own. */
#include "nsshell/nsctl_sessions.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "nsshell/own.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Start nsshell-own with @out as its standard output. */
static int spawn(const char *const *argv, int out, pid_t *pid, struct err *e)
{
	static char *no_environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r == 0) {
		r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
		if (r == 0)
			r = posix_spawn(pid, PATH_OWN, &actions, NULL,
				(char *const *)(uintptr_t)argv, no_environment);
		(void)posix_spawn_file_actions_destroy(&actions);
	}
	return r == 0 ? 0
		      : err_set(e, r,
				"only root sees sessions here: run it as root, or install %s",
				PATH_OWN);
}

/* Return: its exit status, or -1. */
static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Return: 1 with a session, 0 at the end of all, or -1. */
static int take(FILE *in, struct nsctl_own *ret, struct err *e)
{
	char head[64], text[RECORD_TEXT_MAX];
	int alive, len;

	if (!fgets(head, sizeof(head), in))
		return -1;
	if (strcmp(head, OWN_LIST_END) == 0)
		return 0;
	if (sscanf(head, OWN_LIST_HEAD, &alive, &len) != 2 || len <= 0 ||
		(size_t)len >= sizeof(text) ||
		fread(text, 1, (size_t)len, in) != (size_t)len)
		return -1;
	text[len] = '\0';
	ret->alive = alive;
	return record_parse(text, &ret->record, e) < 0 ? -1 : 1;
}

static int take_all(FILE *in, struct nsctl_own **ret, size_t *ret_n, struct err *e)
{
	_cleanup_free_ struct nsctl_own *all = NULL;
	size_t n = 0, room = 0;
	int r = 1;

	while (r > 0) {
		if (n == room) {
			struct nsctl_own *more =
				reallocarray(all, room + 16, sizeof(*all));

			if (!more)
				return err_set(e, ENOMEM, "read own sessions");
			all = more;
			room += 16;
		}
		r = take(in, &all[n], e);
		n += r > 0;
	}
	if (r < 0)
		return err_set(e, 0, "nsshell-own couldn't tell of sessions");
	*ret = all;
	all = NULL;
	*ret_n = n;
	return 0;
}

int nsctl_own_read(struct nsctl_own **ret, size_t *ret_n, struct err *e)
{
	static const char *const argv[] = { "nsctl", OWN_LIST, NULL };
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	_cleanup_file_ FILE *in = NULL;
	pid_t pid = -1;
	int pair[2], r;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	ours = pair[0];
	theirs = pair[1];
	if (spawn(argv, theirs, &pid, e) < 0)
		return -1;
	cleanup_close(&theirs);
	in = fdopen(ours, "r");
	if (in)
		(void)take_fd(&ours);
	r = in ? take_all(in, ret, ret_n, e) : err_set(e, errno, "read own sessions");
	(void)reap(pid);
	return r;
}

int nsctl_own_stop(const struct nsctl_session *s, size_t n, bool wait, struct err *e)
{
	const char *argv[OWN_STOP_REST + OWN_STOP_MAX + 1] = { "nsctl", OWN_STOP,
		wait ? "wait" : "no-wait" };
	pid_t pid = -1;

	if (n > OWN_STOP_MAX)
		return err_set(e, 0, "more than %d sessions at a time", OWN_STOP_MAX);
	for (size_t i = 0; i < n; i++)
		argv[OWN_STOP_REST + i] = s[i].record.id;
	if (spawn(argv, STDERR_FILENO, &pid, e) < 0)
		return -1;
	return reap(pid) == 0 ? 0 : err_set(e, 0, "not all sessions have ended");
}
