/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/host/program.h"

#include "core/base/cleanup.h"

#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#define ANSWER_MAX (1U << 20)
#define FDS_MAX    2
#define FIRST      3  /* of the fds, there */
#define ABOVE      16 /* none of them lies where another one goes */

/* What it says, to its end, however much there is room for: it ends by itself, but not before it has said all. */
static void listen_to(int fd, char *buf, size_t size)
{
	char more[4096] = "";
	size_t len = 0;
	ssize_t n;

	do {
		bool fits = len < size - 1;

		n = read(fd, fits ? buf + len : more,
			fits ? size - 1 - len : sizeof(more));
		if (n > 0 && fits)
			len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	buf[len] = '\0';
}

static int spawn_with(char **argv, int out, const int *fds, size_t n_fds, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	char *envp[] = { NULL };
	int r = posix_spawn_file_actions_init(&files);

	if (r != 0)
		return r;
	r = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	for (size_t i = 0; r == 0 && i < n_fds; i++)
		r = posix_spawn_file_actions_adddup2(&files, fds[i], FIRST + (int)i);
	if (r == 0)
		r = posix_spawn(ret, argv[0], &files, NULL, argv, envp);
	(void)posix_spawn_file_actions_destroy(&files);
	return r;
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cleanup_close(&fds[i]);
}

/* Return: 0 or an errno. */
static int spawn_above(char **argv, int out, const int *fds, size_t n_fds, pid_t *ret)
{
	int high[FDS_MAX];
	size_t n = 0;
	int r = 0;

	for (; r == 0 && n < n_fds && n < FDS_MAX; n++) {
		high[n] = fcntl(fds[n], F_DUPFD_CLOEXEC, ABOVE);
		r = high[n] < 0 ? errno : 0;
	}
	if (r == 0)
		r = spawn_with(argv, out, high, n, ret);
	close_all(high, n);
	return r;
}

static int spawn(const struct strlist *words, const int *fds, size_t n_fds, pid_t *ret,
	int *ret_out, struct err *e)
{
	_cleanup_free_ char **argv = calloc(words->n + 1, sizeof(*argv));
	int ends[2], r;

	if (!argv)
		return err_set(e, ENOMEM, "start %s", words->v[0]);
	memcpy(argv, words->v, words->n * sizeof(*argv));
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "start %s", words->v[0]);
	r = spawn_above(argv, ends[1], fds, n_fds, ret);
	(void)close(ends[1]);
	if (r != 0) {
		(void)close(ends[0]);
		return err_set(e, r, "start %s", words->v[0]);
	}
	*ret_out = ends[0];
	return 0;
}

/* @said: what it did, answer or error. */
static int run(const struct strlist *words, const int *fds, size_t n_fds, char *said,
	size_t size, const char *silent, struct err *e)
{
	_cleanup_close_ int out = -EBADF;
	int status = 0;
	pid_t pid = 0;

	if (spawn(words, fds, n_fds, &pid, &out, e) < 0)
		return -1;
	listen_to(out, said, size);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (said[0])
		return err_set(e, 0, "%s", said);
	return WIFSIGNALED(status) ? err_set(e, 0, "%s: signal %d ended %s", silent,
					     WTERMSIG(status), words->v[0])
				   : err_set(e, 0, "%s: %s ended with status %d", silent,
					     words->v[0], WEXITSTATUS(status));
}

int program_run(const struct strlist *words, const int *fds, size_t n_fds,
	const char *silent, struct err *e)
{
	char said[sizeof(e->msg)];

	return run(words, fds, n_fds, said, sizeof(said), silent, e);
}

int program_read(
	const struct strlist *words, char **ret, const char *silent, struct err *e)
{
	char *said = malloc(ANSWER_MAX);

	if (!said)
		return err_set(e, ENOMEM, "start %s", words->v[0]);
	if (run(words, NULL, 0, said, ANSWER_MAX, silent, e) < 0) {
		free(said);
		return -1;
	}
	*ret = said;
	return 0;
}
