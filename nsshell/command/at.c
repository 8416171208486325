/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * at and batch. A job is a text that sh(1) reads in a box later: what at outside writes down of who calls it, the
 * directory, umask and environment, is written above it here, so that the host needn't know them.
 */
#include "nsshell/command/command.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/plan/command.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PROMPT "at> "

struct job {
	const char *words[COMMAND_WORDS_MAX + 2]; /* without -f */
	const char *path;                         /* of -f; NULL: the standard input */
	char *head;
	size_t size;
};

/* ---- the words ---------------------------------------------------------------------------- */

static bool is_one_of(const char *word, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(word, *list) == 0)
			return true;
	return false;
}

/* Return: whether it is a call that takes a job. All else, and what no form allows, the session answers. */
static bool read_words(char **argv, struct job *j)
{
	static const char *const others[] = { "-l", "-r", "-d", "-c", "-V", NULL };
	static const char *const valued[] = { "-q", "-t", "-u", NULL };
	size_t n = 0;

	for (; *argv; argv++) {
		if (n > COMMAND_WORDS_MAX - 2 || is_one_of(*argv, others))
			return false;
		if (n > 0 && strcmp(*argv, "-f") == 0) {
			if (j->path || !argv[1])
				return false;
			j->path = *++argv;
			continue;
		}
		j->words[n++] = *argv;
		if (argv[1] && is_one_of(*argv, valued))
			j->words[n++] = *++argv;
	}
	return true;
}

/* ---- what goes above the job -------------------------------------------------------------- */

/* As at(1) has it; and what is the session's own. */
static bool is_left_out(const char *setting)
{
	static const char *const names[] = { "TERM", "DISPLAY", "_", "SHELLOPTS",
		"BASH_VERSINFO", "EUID", "GROUPS", "PPID", "UID", NULL };
	size_t len = strcspn(setting, "=");

	if (len == 0 || setting[len] != '=' || isdigit((unsigned char)*setting) ||
		strncmp(setting, "NSSHELL_", 8) == 0)
		return true;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)setting[i]) && setting[i] != '_')
			return true;
	for (size_t i = 0; names[i]; i++)
		if (strlen(names[i]) == len && strncmp(names[i], setting, len) == 0)
			return true;
	return false;
}

static void put_quoted(const char *text, FILE *out)
{
	(void)fputc('\'', out);
	for (; *text; text++)
		(void)fputs(*text == '\'' ? "'\\''" : (char[]){ *text, '\0' }, out);
	(void)fputc('\'', out);
}

static int make_head(struct job *j)
{
	char directory[PATH_MAX];
	mode_t mask = umask(022);
	FILE *out;

	(void)umask(mask);
	if (!getcwd(directory, sizeof(directory)))
		return -1;
	out = open_memstream(&j->head, &j->size);
	if (!out)
		return -1;
	(void)fprintf(out, "umask %o\n", mask);
	for (char **at = environ; *at; at++) {
		if (is_left_out(*at))
			continue;
		(void)fprintf(out, "%.*s=", (int)strcspn(*at, "="), *at);
		put_quoted(strchr(*at, '=') + 1, out);
		(void)fprintf(out, "; export %.*s\n", (int)strcspn(*at, "="), *at);
	}
	(void)fputs("cd ", out);
	put_quoted(directory, out);
	(void)fputs(" || {\n\techo 'Execution directory inaccessible' >&2\n\texit 1\n}\n",
		out);
	return fclose(out) == 0 ? 0 : -1;
}

/* ---- handing it over ---------------------------------------------------------------------- */

/* The program says first whether it takes the time that it was given. */
static void await_program(int to)
{
	int waiting = 1;

	for (int i = 0; i < 500 && waiting > 0 && ioctl(to, FIONREAD, &waiting) == 0; i++)
		(void)poll(NULL, 0, 10);
	(void)poll(NULL, 0, 100);
}

/* Never comes back where it failed: the end of its input would be the end of a job, for at. */
static _Noreturn void give_up(void)
{
	(void)kill(getppid(), SIGTERM);
	for (;;)
		(void)pause();
}

/* In a process of its own, which ends with the client. */
static _Noreturn void feed(const struct job *j, int from, int to)
{
	bool prompts = isatty(from);
	char buffer[4096];
	ssize_t n;

	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	if (io_write_all(to, j->head, j->size) < 0)
		give_up();
	if (prompts) {
		await_program(to);
		(void)fputs(PROMPT, stderr);
	}
	while ((n = read(from, buffer, sizeof(buffer))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			(void)fprintf(stderr, "%s: %s: %s\n", j->words[0],
				j->path ? j->path : "standard input", strerror(errno));
		if (n < 0 || io_write_all(to, buffer, (size_t)n) < 0)
			give_up();
		if (prompts && buffer[n - 1] == '\n')
			(void)fputs(PROMPT, stderr);
	}
	if (prompts)
		(void)fputs("<EOT>\n", stderr);
	_exit(0);
}

static int run(const struct job *j, int from)
{
	int pair[2], status;
	pid_t ours = getpid(), pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)close(pair[0]);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == ours)
			feed(j, from, pair[1]);
		_exit(1);
	}
	if (pid < 0 || dup2(pair[0], STDIN_FILENO) < 0)
		return -1;
	(void)close(pair[0]);
	(void)close(pair[1]);
	status = command_run(j->words);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return status;
}

int command_at(char **argv)
{
	_cleanup_close_ int file = -EBADF;
	struct job j = { 0 };
	int status = -1;

	if (!read_words(argv, &j))
		return command_run((const char *const *)(uintptr_t)argv);
	if (j.path) {
		file = open(j.path, O_RDONLY | O_CLOEXEC);
		if (file < 0) {
			(void)fprintf(
				stderr, "%s: %s: %s\n", argv[0], j.path, strerror(errno));
			return COMMAND_FAILED;
		}
	}
	if (make_head(&j) == 0)
		status = run(&j, j.path ? file : STDIN_FILENO);
	if (status < 0)
		(void)fprintf(
			stderr, "%s: hand the job over: %s\n", argv[0], strerror(errno));
	free(j.head);
	return status < 0 ? COMMAND_FAILED : status;
}
