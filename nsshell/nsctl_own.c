/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl run by who isn't root: nsshell-own tells of own sessions, and does something to them. */
#include "nsshell/nsctl_sessions.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "nsshell/own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int spawn(const char *const *argv, int out, bool errors, pid_t *pid, struct err *e)
{
	static char *no_environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r == 0) {
		r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
		if (r == 0 && errors)
			r = posix_spawn_file_actions_adddup2(
				&actions, out, STDERR_FILENO);
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

int nsctl_own_ask(
	const char *const *argv, bool errors, struct nsctl_own_talk *ret, struct err *e)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	struct nsctl_own_talk t = { .pid = -1 };
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	ours = pair[0];
	theirs = pair[1];
	if (spawn(argv, theirs, errors, &t.pid, e) < 0)
		return -1;
	t.in = fdopen(ours, "r");
	if (!t.in)
		return err_set(e, errno, "hear from nsshell-own");
	(void)take_fd(&ours);
	*ret = t;
	return 0;
}

int nsctl_own_hang_up(struct nsctl_own_talk *t)
{
	int status = 0;

	(void)fclose(t->in);
	while (waitpid(t->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What nsshell-own says of a failure, or nothing. Return: -1. */
static int failed(const char *line, struct err *e)
{
	static const char name[] = "nsshell-own: ";

	if (strncmp(line, name, strlen(name)) == 0)
		line += strlen(name);
	if (!*line)
		line = "nsshell-own has failed";
	return err_set(e, 0, "%.*s", (int)strcspn(line, "\n"), line);
}

/* The end of a talk, with a line at most: an answer, or an error. */
static int finish(struct nsctl_own_talk *t, char *line, int size, struct err *e)
{
	if (!fgets(line, size, t->in))
		*line = '\0';
	line[strcspn(line, "\n")] = '\0';
	return nsctl_own_hang_up(t) == 0 ? 0 : failed(line, e);
}

static int have_done(const char *const *argv, char *line, int size, struct err *e)
{
	struct nsctl_own_talk t = { 0 };

	return nsctl_own_ask(argv, true, &t, e) < 0 ? -1 : finish(&t, line, size, e);
}

/* ---- list -------------------------------------------------------------------------------- */

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
	struct nsctl_own_talk t = { 0 };
	int r;

	if (nsctl_own_ask(argv, false, &t, e) < 0)
		return -1;
	r = take_all(t.in, ret, ret_n, e);
	(void)nsctl_own_hang_up(&t);
	return r;
}

/* ---- what is done to them ---------------------------------------------------------------- */

int nsctl_own_stop(const struct nsctl_session *s, size_t n, bool wait,
	struct nsctl_own_talk *ret, struct err *e)
{
	const char *argv[OWN_STOP_REST + OWN_STOP_MAX + 1] = { "nsctl", OWN_STOP,
		wait ? "wait" : "no-wait" };

	if (n > OWN_STOP_MAX)
		return err_set(e, 0, "more than %d sessions at a time", OWN_STOP_MAX);
	for (size_t i = 0; i < n; i++)
		argv[OWN_STOP_REST + i] = s[i].record.id;
	if (nsctl_own_ask(argv, true, ret, e) < 0)
		return -1;
	/* What poll(2) says is true only if nothing is kept of what has come. */
	(void)setvbuf(ret->in, NULL, _IONBF, 0);
	return 0;
}

int nsctl_own_stopped(struct nsctl_own_talk *t, int ms, struct err *e)
{
	struct pollfd p = { .fd = fileno(t->in), .events = POLLIN };
	char line[sizeof(e->msg)] = "";

	if (poll(&p, 1, ms) <= 0)
		return 0;
	if (fgets(line, sizeof(line), t->in) && strcmp(line, OWN_STOP_GONE) == 0)
		return 1;
	return failed(line, e);
}

int nsctl_own_stop_end(struct nsctl_own_talk *t, struct err *e)
{
	char line[sizeof(e->msg)];

	return finish(t, line, sizeof(line), e);
}

int nsctl_own_kill(const struct record *r, int sig, size_t *ret_n, struct err *e)
{
	char number[16], line[sizeof(e->msg)];
	const char *argv[] = { "nsctl", OWN_KILL, number, r->id, NULL };
	uint32_t n;

	(void)snprintf(number, sizeof(number), "%d", sig);
	if (have_done(argv, line, sizeof(line), e) < 0)
		return -1;
	if (parse_u32(line, &n) < 0)
		return err_set(e, 0, "nsshell-own couldn't tell of it");
	*ret_n = n;
	return 0;
}

int nsctl_own_pause(const struct record *r, bool frozen, struct err *e)
{
	const char *argv[] = { "nsctl", frozen ? OWN_PAUSE : OWN_RESUME, r->id, NULL };
	char line[sizeof(e->msg)];

	return have_done(argv, line, sizeof(line), e);
}
