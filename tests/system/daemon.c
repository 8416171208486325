/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A daemon that opens sessions as long as it lives, reduced to what PAM sees of it.
 *
 *   daemon ROUNDS CONFDIR SERVICE:USER:STEPS...
 *
 * Each round goes through all of the SERVICE:USER:STEPS, and each letter of STEPS is a step:
 *
 *   f   first of all: in a forked child, as a process that enters a box never comes back
 *   o   pam_open_session      c   pam_close_session
 *   s   pam_setcred           a   pam_acct_mgmt
 *   u   a child becomes the user and runs true(1); 200 where it isn't born inside
 *   n   pam_end, and pam_start anew for the same user
 *   N   pam_start of one more handle, the first of which stays
 *
 * Prints, for each SERVICE:USER:STEPS, what the steps answered in all rounds (or what they
 * first answered differently), fds and bytes of heap that this process or a child had more
 * afterwards, and the first thing that the user was told:
 *
 *   SERVICE:USER:STEPS<tab>o0u0c0<tab>FDS<tab>BYTES<tab>MESSAGE
 *
 * and at last what the process itself had after a tenth of the rounds, and at the end:
 *
 *   fds A B<newline>heap A B<newline>rss A B<newline>mounts A B
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <security/pam_appl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define WAYS_MAX 32
#define FDS_MAX  256

struct outcome {
	char answers[64];
	char said[256];
	long fds, heap; /* more than before */
};

struct way {
	const char *service, *user, *steps;
	struct outcome all;
};

struct size {
	long fds, heap, rss, mounts;
};

static const char *confdir;

static _Noreturn void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "daemon: %s: %s\n", what, why);
	exit(1);
}

/* ---- what a process has ------------------------------------------------------------- */

/* Not by /proc, which in a box doesn't know this process. */
static long count_fds(void)
{
	long n = 0;

	for (int fd = 0; fd < FDS_MAX; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static long heap(void)
{
	return (long)mallinfo2().uordblks;
}

static long count_lines(const char *path)
{
	FILE *in = fopen(path, "re");
	long n = 0;
	int c;

	if (!in)
		die(path, strerror(errno));
	while ((c = getc(in)) != EOF)
		n += c == '\n';
	(void)fclose(in);
	return n;
}

static long resident(void)
{
	FILE *in = fopen("/proc/self/statm", "re");
	long pages = -1;

	if (!in || fscanf(in, "%*s %ld", &pages) != 1)
		die("/proc/self/statm", "can't be read");
	(void)fclose(in);
	return pages * sysconf(_SC_PAGESIZE);
}

static struct size measure(void)
{
	return (struct size){
		.fds = count_fds(),
		.heap = heap(),
		.rss = resident(),
		.mounts = count_lines("/proc/self/mountinfo"),
	};
}

/* ---- one way, once ------------------------------------------------------------------ */

static int converse(
	int n, const struct pam_message **msg, struct pam_response **resp, void *arg)
{
	struct outcome *o = arg;

	*resp = calloc((size_t)n, sizeof(**resp));
	if (!*resp)
		return PAM_BUF_ERR;
	if (n > 0 && !o->said[0])
		(void)snprintf(o->said, sizeof(o->said), "%s", msg[0]->msg);
	return PAM_SUCCESS;
}

/* Whether a child that becomes the user is the first in sight: its parent is outside. */
static int be_user(const struct passwd *pw)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (pid == 0) {
		if (getppid() != 0)
			_exit(200);
		if (setgroups(0, NULL) < 0 || setgid(pw->pw_gid) < 0 ||
			setuid(pw->pw_uid) < 0)
			_exit(201);
		(void)execl("/bin/true", "true", (char *)NULL);
		_exit(202);
	}
	if (waitpid(pid, &status, 0) != pid)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 203;
}

static int step(pam_handle_t *pamh, char letter, const struct passwd *pw)
{
	switch (letter) {
	case 'o':
		return pam_open_session(pamh, 0);
	case 'c':
		return pam_close_session(pamh, 0);
	case 's':
		return pam_setcred(pamh, PAM_ESTABLISH_CRED);
	case 'a':
		return pam_acct_mgmt(pamh, 0);
	case 'u':
		return be_user(pw);
	default:
		die("no such step", (char[]){ letter, '\0' });
	}
}

static pam_handle_t *start(const struct way *w, const struct pam_conv *conv)
{
	pam_handle_t *pamh = NULL;
	int r = pam_start_confdir(w->service, w->user, conv, confdir, &pamh);

	if (r != PAM_SUCCESS)
		die("pam_start", w->service);
	return pamh;
}

static void go(const struct way *w, const struct passwd *pw, struct outcome *ret)
{
	const struct pam_conv conv = { .conv = converse, .appdata_ptr = ret };
	pam_handle_t *pamh = start(w, &conv), *first = NULL;
	int r = PAM_SUCCESS;

	for (const char *s = w->steps + (*w->steps == 'f'); *s; s++) {
		size_t at = strlen(ret->answers);

		if (*s == 'n' || *s == 'N') {
			if (*s == 'n')
				(void)pam_end(pamh, r);
			else
				first = pamh;
			pamh = start(w, &conv);
			continue;
		}
		r = step(pamh, *s, pw);
		(void)snprintf(
			ret->answers + at, sizeof(ret->answers) - at, "%c%d", *s, r);
	}
	(void)pam_end(pamh, r);
	if (first)
		(void)pam_end(first, r);
}

static void go_and_measure(const struct way *w, struct outcome *ret)
{
	/* Before: in a box there is no such account's name service. */
	const struct passwd *pw = getpwnam(w->user);
	long fds = count_fds(), bytes = heap();

	go(w, pw, ret);
	closelog(); /* the C library's own socket */
	ret->fds = count_fds() - fds;
	ret->heap = heap() - bytes;
}

static void go_in_child(const struct way *w, struct outcome *ret)
{
	int fds[2], status;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		die("pipe", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("fork", strerror(errno));
	if (pid == 0) {
		(void)close(fds[0]);
		go_and_measure(w, ret);
		if (write(fds[1], ret, sizeof(*ret)) != (ssize_t)sizeof(*ret))
			die("tell", strerror(errno));
		(void)close(fds[1]);
		exit(0);
	}
	(void)close(fds[1]);
	if (read(fds[0], ret, sizeof(*ret)) != (ssize_t)sizeof(*ret))
		(void)snprintf(ret->answers, sizeof(ret->answers), "died");
	(void)close(fds[0]);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		(void)snprintf(ret->answers, sizeof(ret->answers), "status %x", status);
}

/* ---- all, many times ---------------------------------------------------------------- */

static void keep(struct way *w, const struct outcome *o, long round)
{
	if (round == 0)
		w->all = *o;
	else if (strcmp(o->answers, w->all.answers) != 0 && !strchr(w->all.answers, ' '))
		(void)snprintf(w->all.answers + strlen(w->all.answers),
			sizeof(w->all.answers) - strlen(w->all.answers),
			" but %s in round %ld", o->answers, round);
	/* Libraries keep some of what they need at first. */
	if (round < 2 || o->fds > w->all.fds)
		w->all.fds = o->fds;
	if (round < 2 || o->heap > w->all.heap)
		w->all.heap = o->heap;
}

static void round_of(struct way *ways, size_t n, long round)
{
	for (size_t i = 0; i < n; i++) {
		struct outcome o = { 0 };

		if (ways[i].steps[0] == 'f')
			go_in_child(&ways[i], &o);
		else
			go_and_measure(&ways[i], &o);
		keep(&ways[i], &o, round);
	}
}

static void parse(char *text, struct way *ret)
{
	*ret = (struct way){ .service = strsep(&text, ":") };
	ret->user = strsep(&text, ":");
	ret->steps = text;
	if (!ret->steps)
		die("not SERVICE:USER:STEPS", ret->service);
}

int main(int argc, char **argv)
{
	struct way ways[WAYS_MAX];
	struct size early = { 0 }, late;
	long rounds = argc > 3 ? strtol(argv[1], NULL, 10) : 0;
	size_t n = 0;

	if (rounds < 1 || argc - 3 > WAYS_MAX) {
		(void)fprintf(
			stderr, "usage: daemon ROUNDS CONFDIR SERVICE:USER:STEPS...\n");
		return 2;
	}
	confdir = argv[2];
	for (int i = 3; i < argc; i++)
		parse(argv[i], &ways[n++]);
	for (long round = 0; round < rounds; round++) {
		if (round == rounds / 10)
			early = measure();
		round_of(ways, n, round);
	}
	late = measure();
	for (size_t i = 0; i < n; i++)
		(void)printf("%s:%s:%s\t%s\t%ld\t%ld\t%s\n", ways[i].service,
			ways[i].user, ways[i].steps, ways[i].all.answers, ways[i].all.fds,
			ways[i].all.heap, ways[i].all.said);
	(void)printf("fds %ld %ld\nheap %ld %ld\nrss %ld %ld\nmounts %ld %ld\n",
		early.fds, late.fds, early.heap, late.heap, early.rss, late.rss,
		early.mounts, late.mounts);
	return 0;
}
