/* SPDX-License-Identifier: BSD-3-Clause */
/* crontab -e, as Debian's does it, with the editor of the box. */
#include "nsshell/command/command.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/plan/command.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct edit {
	const char *name; /* "crontab" */
	const char *user; /* of -u; NULL: none */
	char directory[64], path[80];
	char *before; /* what was there */
	size_t size;
};

static int status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int await(pid_t pid)
{
	int status;

	if (pid < 0)
		return COMMAND_FAILED;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return COMMAND_FAILED;
	return status_of(status);
}

/* In a process of its own. */
static int run(const struct edit *d, const char *what)
{
	const char *words[5] = { d->name };
	size_t n = 1;

	if (d->user) {
		words[n++] = "-u";
		words[n++] = d->user;
	}
	words[n] = what;
	return command_run(words);
}

/* ---- what there is ------------------------------------------------------------------------ */

static char *read_end(int fd, size_t *ret_size)
{
	char *text = malloc(COMMAND_FILE_MAX + 1);
	size_t size = 0;
	ssize_t n = 1;

	while (text && size < COMMAND_FILE_MAX && n > 0) {
		n = read(fd, text + size, COMMAND_FILE_MAX - size);
		size += n > 0 ? (size_t)n : 0;
	}
	if (text)
		text[size] = '\0';
	*ret_size = size;
	return text;
}

/* Its output, and behind that what it complains of. Return: its status. */
static int list(struct edit *d)
{
	int pair[2], status;
	pid_t pid;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return COMMAND_FAILED;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (null < 0 || dup2(null, 0) < 0 || dup2(pair[1], 1) < 0 ||
			dup2(pair[1], 2) < 0)
			_exit(COMMAND_FAILED);
		_exit(run(d, "-l"));
	}
	(void)close(pair[1]);
	d->before = read_end(pair[0], &d->size);
	(void)close(pair[0]);
	status = await(pid);
	return d->before ? status : COMMAND_FAILED;
}

/* Return: 0, also where there is no crontab yet; else a status, and has said why. */
static int begin(struct edit *d)
{
	int status = list(d);

	if (status == 0)
		return 0;
	if (status == 1 && d->before && strstr(d->before, "no crontab for")) {
		(void)fprintf(stderr, "%.*s - using an empty one\n",
			(int)strcspn(d->before, "\n"), d->before);
		d->size = 0;
		return 0;
	}
	(void)fprintf(stderr, "%s", d->before ? d->before : "");
	return status;
}

/* ---- the editor --------------------------------------------------------------------------- */

static int write_down(struct edit *d)
{
	_cleanup_close_ int fd = -EBADF;

	(void)snprintf(d->directory, sizeof(d->directory), "/tmp/crontab.XXXXXX");
	if (!mkdtemp(d->directory))
		return -1;
	(void)snprintf(d->path, sizeof(d->path), "%s/crontab", d->directory);
	fd = open(d->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -1 : io_write_all(fd, d->before, d->size);
}

static const char *editor(void)
{
	static const char *const usual[] = { "/usr/bin/editor", "/usr/bin/vi", NULL };
	const char *wanted = getenv("VISUAL");

	if (!wanted || !*wanted)
		wanted = getenv("EDITOR");
	for (size_t i = 0; (!wanted || !*wanted) && usual[i]; i++)
		if (access(usual[i], X_OK) == 0)
			wanted = usual[i];
	return wanted && *wanted ? wanted : "vi";
}

/* It may be a command with arguments, as for system(3). */
static int run_editor(const struct edit *d)
{
	_cleanup_free_ char *line = NULL;
	int status;
	pid_t pid;

	if (asprintf(&line, "%s \"$1\"", editor()) < 0)
		return COMMAND_FAILED;
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGINT, SIG_DFL);
		(void)signal(SIGQUIT, SIG_DFL);
		(void)execl("/bin/sh", "sh", "-c", line, "sh", d->path, (char *)NULL);
		_exit(127);
	}
	status = await(pid);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	return status;
}

/* Return: 1, 0, or -1 with errno. */
static int has_changed(const struct edit *d)
{
	_cleanup_close_ int fd = open(d->path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *now = NULL;
	size_t size;

	if (fd < 0)
		return -1;
	now = read_end(fd, &size);
	if (!now)
		return -1;
	return size != d->size || memcmp(now, d->before, size) != 0;
}

static int hand_over(const struct edit *d)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(run(d, d->path));
	return await(pid);
}

static bool again(void)
{
	char line[32];

	for (;;) {
		(void)fputs("Do you want to retry the same edit? (y/n) ", stdout);
		(void)fflush(stdout);
		if (!fgets(line, sizeof(line), stdin) || *line == 'n' || *line == 'N')
			return false;
		if (*line == 'y' || *line == 'Y')
			return true;
	}
}

/* What was typed isn't lost by what didn't take it. */
static void keep(struct edit *d)
{
	(void)fprintf(stderr, "%s: edits left in %s\n", d->name, d->path);
	*d->path = *d->directory = '\0';
}

static int edit(struct edit *d)
{
	int status, changed;

	do {
		status = run_editor(d);
		if (status != 0) {
			(void)fprintf(stderr, "%s: the editor failed, status %d\n",
				d->name, status);
			return 1;
		}
		changed = has_changed(d);
		if (changed < 0) {
			(void)fprintf(stderr, "%s: %s: %s\n", d->name, d->path,
				strerror(errno));
			return 1;
		}
		if (changed == 0) {
			(void)fprintf(stderr, "No modification made\n");
			return 0;
		}
		status = hand_over(d);
	} while (status == 1 && again());
	if (status != 0)
		keep(d);
	return status;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* "crontab [-u NAME] -e"; whether that is its user's own name the session says. */
static bool is_plain(char **argv, struct edit *d)
{
	while (*++argv) {
		if (strcmp(*argv, "-e") == 0)
			continue;
		if (strcmp(*argv, "-u") != 0 || !argv[1])
			return false;
		d->user = *++argv;
	}
	return true;
}

int command_edit(char **argv)
{
	struct edit d = { .name = argv[0] };
	int status;

	/* Whatever else it is, the session says no to it. */
	if (!is_plain(argv, &d))
		return command_run((const char *const *)(uintptr_t)argv);
	status = begin(&d);
	if (status == 0 && write_down(&d) < 0) {
		(void)fprintf(stderr, "%s: /tmp: %s\n", d.name, strerror(errno));
		status = COMMAND_FAILED;
	}
	if (status == 0)
		status = edit(&d);
	if (*d.path)
		(void)unlink(d.path);
	if (*d.directory)
		(void)rmdir(d.directory);
	free(d.before);
	return status;
}
