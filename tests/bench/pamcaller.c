/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A login program reduced to what PAM sees of it: pam_start, pam_open_session, a child
 * that takes on the user's ids and runs a command, pam_close_session, pam_end. The caller
 * never comes back out of a box, so each session gets a caller of its own, as sshd does
 * it.
 *
 *   pamcaller [-d CONFDIR] [-s SERVICE] [-n COUNT] [-r RUNDIR] [-i] USER [COMMAND]
 *
 * Prints, for each session, one line of microseconds:
 *
 *   OPEN    spent inside pam_open_session
 *   CALLER  from before the fork of the caller until it was reaped
 *   GONE    until nothing of the session was left in RUNDIR as well (CALLER without -r)
 *
 * With -i: opens one session, prints its id, and keeps it until standard input ends.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ID_MAX 64

struct options {
	const char *confdir;
	const char *service;
	const char *rundir;
	const char *user;
	char **argv;
	long count;
	bool idle;
};

/* What the caller tells its parent over the pipe. */
struct report {
	uint64_t open_usec;
	char id[ID_MAX]; /* "" where the module left the login alone */
};

static _Noreturn void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "pamcaller: %s: %s\n", what, why);
	exit(1);
}

static uint64_t now_usec(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
		die("clock_gettime", strerror(errno));
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Shows what a module says to the user; there is nobody to answer. */
static int converse(
	int n, const struct pam_message **msg, struct pam_response **resp, void *arg)
{
	(void)arg;
	*resp = calloc((size_t)n, sizeof(**resp));
	if (!*resp)
		return PAM_BUF_ERR;
	for (int i = 0; i < n; i++)
		(void)fprintf(stderr, "%s\n", msg[i]->msg);
	return PAM_SUCCESS;
}

static void run_command(const struct passwd *pw, char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork", strerror(errno));
	if (pid == 0) {
		if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
			setuid(pw->pw_uid) < 0)
			die("take on the user's ids", strerror(errno));
		(void)execv(argv[0], argv);
		die(argv[0], strerror(errno));
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die(argv[0], "failed");
}

/* The login program itself; never returns to its caller's namespaces. */
static void login(const struct options *o, const struct passwd *pw, int report_fd)
{
	const struct pam_conv conv = { .conv = converse };
	struct report r = { 0 };
	pam_handle_t *pamh = NULL;
	const char *id;
	uint64_t start;
	int ret;

	ret = pam_start_confdir(o->service, o->user, &conv, o->confdir, &pamh);
	if (ret != PAM_SUCCESS)
		die("pam_start", o->service);
	start = now_usec();
	ret = pam_open_session(pamh, 0);
	r.open_usec = now_usec() - start;
	if (ret != PAM_SUCCESS)
		die("pam_open_session", pam_strerror(pamh, ret));
	id = pam_getenv(pamh, "NSSHELL_SESSION");
	if (id && strlen(id) < ID_MAX && !strchr(id, '/'))
		memcpy(r.id, id, strlen(id));
	if (write(report_fd, &r, sizeof(r)) != (ssize_t)sizeof(r))
		die("report", strerror(errno));
	if (o->idle)
		while (getchar() != EOF)
			;
	else
		run_command(pw, o->argv);
	ret = pam_close_session(pamh, 0);
	if (ret != PAM_SUCCESS)
		die("pam_close_session", pam_strerror(pamh, ret));
	(void)pam_end(pamh, ret);
}

static pid_t start_login(
	const struct options *o, const struct passwd *pw, struct report *ret)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		die("pipe", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("fork", strerror(errno));
	if (pid == 0) {
		(void)close(fds[0]);
		login(o, pw, fds[1]);
		exit(0);
	}
	(void)close(fds[1]);
	if (read(fds[0], ret, sizeof(*ret)) != (ssize_t)sizeof(*ret))
		die("the login failed", "no session");
	(void)close(fds[0]);
	return pid;
}

/*
 * Wait until the record is gone: the last thing that a session takes away. No inotify: closing
 * one waits for a grace period of the kernel, 8 ms that aren't the session's.
 */
static void wait_gone(const char *rundir, const char *id)
{
	const struct timespec pause = { .tv_nsec = 50000 };
	uint64_t start = now_usec();
	char path[512];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/sessions/%s", rundir, id);
	while (stat(path, &st) == 0) {
		if (now_usec() - start > 10000000)
			die(path, "still there after ten seconds");
		(void)nanosleep(&pause, NULL);
	}
}

static void one_session(const struct options *o, const struct passwd *pw)
{
	uint64_t start = now_usec(), caller, gone;
	struct report r;
	int status;
	pid_t pid = start_login(o, pw, &r);

	if (o->idle) {
		(void)printf("%s\n", r.id);
		(void)fflush(stdout);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("the login", "failed");
	caller = now_usec() - start;
	if (o->rundir && r.id[0])
		wait_gone(o->rundir, r.id);
	gone = now_usec() - start;
	if (!o->idle)
		(void)printf("%lu %lu %lu\n", (unsigned long)r.open_usec,
			(unsigned long)caller, (unsigned long)gone);
	(void)fflush(stdout); /* else the next caller inherits it */
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static char name[] = "/bin/true", *fallback[] = { name, NULL };
	int c;

	while ((c = getopt(argc, argv, "+d:s:n:r:i")) != -1) {
		if (c == 'd')
			o->confdir = optarg;
		else if (c == 's')
			o->service = optarg;
		else if (c == 'n')
			o->count = strtol(optarg, NULL, 10);
		else if (c == 'r')
			o->rundir = optarg;
		else if (c == 'i')
			o->idle = true;
		else
			return -1;
	}
	if (optind == argc)
		return -1;
	o->user = argv[optind];
	o->argv = optind + 1 < argc ? argv + optind + 1 : fallback;
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .service = "nsshell-bench", .count = 1 };
	const struct passwd *pw;

	if (parse_options(argc, argv, &o) < 0) {
		(void)fprintf(stderr,
			"usage: pamcaller [-d CONFDIR] [-s SERVICE] [-n COUNT] "
			"[-r RUNDIR] [-i] USER [COMMAND]\n");
		return 2;
	}
	pw = getpwnam(o.user);
	if (!pw)
		die(o.user, "no such account");
	for (long i = 0; i < (o.idle ? 1 : o.count); i++)
		one_session(&o, pw);
	return 0;
}
