/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * call CALLS WORKERS PROGRAM REFERENCE PRELOAD: calls nsshell-door, which is setuid, in every wrong
 * way that an ordinary user can think of, and some right ways among them. Prints what became of the
 * calls.
 *
 * A death that REFERENCE, any other setuid program, dies too is the C library's: it gives up
 * where a closed fd of 0 to 2 can't be opened.
 */
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

struct tally {
	unsigned int calls, refused, died, right, answered;
	unsigned int unstarted; /* the kernel or the loader had too little room */
	unsigned int ran;       /* exit status 0: a session was opened, or should be */
	unsigned int other;
	int signal;        /* of the first one that died */
	unsigned int seed; /* and how to see it again */
};

/* ---- environment ------------------------------------------------------------------------- */

static char preload[4096];

static void environment(const char **envp)
{
	static const char *const settings[] = { preload, "LD_LIBRARY_PATH=/tmp",
		"LD_AUDIT=/tmp/x.so", "LD_DEBUG=all", "LD_DEBUG_OUTPUT=/tmp/nst-ld",
		"LD_PROFILE=libc.so.6", "LD_ORIGIN_PATH=/tmp", "LD_BIND_NOT=1",
		"GCONV_PATH=/tmp", "LOCPATH=/tmp", "NLSPATH=/tmp/%N", "TZ=:/etc/shadow",
		"TZDIR=/tmp", "LANG=../../tmp", "LC_ALL=../../tmp",
		"RESOLV_HOST_CONF=/etc/shadow", "HOSTALIASES=/etc/shadow",
		"MALLOC_CHECK_=3", "MALLOC_PERTURB_=1", "TMPDIR=/root", "PATH=.",
		"GLIBC_TUNABLES=glibc.malloc.mxfast=glibc.malloc.mxfast=A",
		"GETCONF_DIR=/tmp", "HOME=/root", "SHELL=/nowhere", "USER=root", "IFS=/",
		"BASH_ENV=/tmp/x", "ENV=/tmp/x", "SSH_TTY=/dev/console", "no equals sign",
		"=", "CGROUP_LOGLEVEL=DEBUG", "SSH_ORIGINAL_COMMAND=id",
		"NSSHELL_SESSION=x" };
	unsigned int n = pick(40), i;

	for (i = 0; i < n; i++)
		envp[i] = settings[pick(sizeof(settings) / sizeof(*settings))];
	envp[i] = NULL;
}

/* ---- limits, signals, fds ---------------------------------------------------------------- */

static void limits(void)
{
	static const struct {
		int what;
		rlim_t to[3];
	} tiny[] = {
		{ RLIMIT_NOFILE, { 0, 3, 5 } },
		{ RLIMIT_FSIZE, { 0, 1, 100 } },
		{ RLIMIT_NPROC, { 0, 1, 2 } },
		{ RLIMIT_CPU, { 1, 1, 2 } },
		{ RLIMIT_CORE, { 0, 1, RLIM_INFINITY } },
		{ RLIMIT_MEMLOCK, { 0, 1, 4096 } },
		{ RLIMIT_SIGPENDING, { 0, 1, 2 } },
		{ RLIMIT_MSGQUEUE, { 0, 1, 2 } },
		{ RLIMIT_DATA, { 1 << 20, 1 << 21, 1 << 22 } },
		{ RLIMIT_AS, { 12 << 20, 16 << 20, 24 << 20 } },
		{ RLIMIT_STACK, { 256 << 10, 512 << 10, 1 << 20 } },
	};
	unsigned int n = pick(4);

	while (n-- > 0) {
		unsigned int i = pick(sizeof(tiny) / sizeof(*tiny));
		struct rlimit now, to = { tiny[i].to[pick(3)], 0 };

		(void)getrlimit((__rlimit_resource_t)tiny[i].what, &now);
		to.rlim_max = pick(2) ? now.rlim_max : to.rlim_cur;
		(void)setrlimit((__rlimit_resource_t)tiny[i].what, &to);
	}
}

static void signals(void)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 500000 } };
	sigset_t set;

	(void)sigfillset(&set);
	if (pick(3) == 0)
		(void)sigprocmask(SIG_SETMASK, &set, NULL);
	for (int sig = 1; pick(2) && sig < NSIG; sig++)
		(void)signal(sig, pick(2) ? SIG_IGN : SIG_DFL);
	if (pick(4) == 0)
		(void)setitimer(ITIMER_REAL, &soon, NULL);
}

/* Something at fd 3 that isn't a socket of the right kind. */
static void wrong_socket(void)
{
	int pair[2] = { -1, -1 };

	switch (pick(6)) {
	case 0:
		(void)close(3);
		return;
	case 1:
		pair[0] = open("/dev/null", O_RDWR);
		break;
	case 2:
		(void)!pipe(pair);
		break;
	case 3:
		(void)socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
		break;
	case 4:
		(void)socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
		break;
	default:
		pair[0] = open("/", O_RDONLY | O_DIRECTORY);
	}
	if (pair[0] >= 0)
		(void)dup2(pair[0], 3);
}

static void stdio(const int *files)
{
	for (int fd = 0; fd < 3; fd++) {
		int other = files[fd];

		if (pick(8) == 0)
			other = open("/", pick(2) ? O_PATH : O_RDONLY | O_DIRECTORY);
		if (other >= 0)
			(void)dup2(other, fd);
		if (pick(6) == 0)
			(void)close(fd);
	}
	for (unsigned int n = pick(3); n > 0; n--)
		(void)open("/dev/null", O_RDWR);
}

static void surroundings(void)
{
	char directory[] = "/tmp/nst-doorXXXXXX";

	switch (pick(4)) {
	case 0:
		(void)umask(0777);
		break;
	case 1:
		if (mkdtemp(directory) && chdir(directory) == 0)
			(void)rmdir(directory);
		break;
	case 2:
		(void)!nice(5);
		break;
	default:
		(void)setsid();
	}
}

/* ---- calls ------------------------------------------------------------------------------- */

static void call(const char *program, const struct call *c, int sock, const int *files)
{
	const char *envp[64];

	environment(envp);
	surroundings();
	stdio(files);
	if (c->right || pick(2))
		(void)dup2(sock, 3);
	else
		wrong_socket();
	signals();
	limits();
	(void)execve(program, (char *const *)(uintptr_t)c->argv,
		(char *const *)(uintptr_t)envp);
	_exit(250);
}

/* By chance its output was a pipe that nobody reads; on a busy host the caller's timer goes off
 * before the first line can stop it. */
static int is_callers_own(int status)
{
	return WIFSIGNALED(status) &&
	       (WTERMSIG(status) == SIGPIPE || WTERMSIG(status) == SIGALRM);
}

/* No exec, or no loader. */
static int has_not_begun(int status)
{
	return WIFEXITED(status) &&
	       (WEXITSTATUS(status) == 250 || WEXITSTATUS(status) == 127);
}

static void count(struct tally *t, int status, unsigned int seed)
{
	t->calls++;
	if (is_callers_own(status) || has_not_begun(status)) {
		t->unstarted++;
	} else if (WIFSIGNALED(status)) {
		if (t->died++ == 0) {
			t->signal = WTERMSIG(status);
			t->seed = seed;
		}
	} else if (WEXITSTATUS(status) == 125) {
		t->refused++;
	} else if (WEXITSTATUS(status) == 0) {
		t->ran++;
	} else {
		t->other++;
	}
}

/* The same surroundings for another program. */
static int reference_dies(const char *reference, unsigned int seed, int quiet)
{
	unsigned int next = state;
	const int files[] = { quiet, quiet, quiet };
	struct call c;
	int status = 0;
	pid_t pid;

	state = seed;
	words_choose(&c);
	pid = fork();
	if (pid == 0)
		call(reference, &c, quiet, files);
	state = next;
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFSIGNALED(status);
}

static void one(const char *program, const char *reference, struct tally *t, int quiet)
{
	unsigned int seed = state;
	const int files[] = { quiet, quiet, quiet };
	int pair[2], status = 0;
	char answer[8192];
	struct call c;
	pid_t pid;

	words_choose(&c);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	pid = fork();
	if (pid == 0)
		call(program, &c, pair[1], files);
	(void)close(pair[1]);
	t->right += c.right ? 1 : 0;
	/* One that has opened a session waits for our end before it ends. */
	if (recv(pair[0], answer, sizeof(answer), 0) > 0)
		t->answered++;
	(void)close(pair[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFSIGNALED(status) && reference_dies(reference, seed, quiet))
		status = W_EXITCODE(250, 0);
	count(t, status, seed);
	/* Shells that were born as our children. */
	while (waitpid(-1, &status, 0) > 0)
		continue;
}

static void work(unsigned int calls, char **programs, struct tally *t, unsigned int seed)
{
	int quiet = open("/dev/null", O_RDWR | O_CLOEXEC);

	state = seed;
	for (unsigned int i = 0; i < calls; i++)
		one(programs[0], programs[1], t, quiet);
}

int main(int argc, char **argv)
{
	unsigned int calls, workers;
	struct tally *all, sum = { 0 };

	if (argc != 6)
		return 2;
	calls = (unsigned int)atoi(argv[1]);
	workers = (unsigned int)atoi(argv[2]);
	(void)snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", argv[5]);
	all = mmap(NULL, workers * sizeof(*all), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return 2;
	for (unsigned int i = 0; i < workers; i++)
		if (fork() == 0) {
			work(calls / workers, argv + 3, &all[i], (i + 1) * 2654435761U);
			_exit(0);
		}
	while (wait(NULL) > 0)
		continue;
	for (unsigned int i = 0; i < workers; i++) {
		sum.calls += all[i].calls;
		sum.refused += all[i].refused;
		sum.unstarted += all[i].unstarted;
		sum.ran += all[i].ran;
		sum.other += all[i].other;
		sum.right += all[i].right;
		sum.answered += all[i].answered;
		sum.died += all[i].died;
		if (all[i].died) {
			sum.signal = all[i].signal;
			sum.seed = all[i].seed;
		}
	}
	(void)printf("calls=%u refused=%u unstarted=%u ran=%u other=%u died=%u "
		     "signal=%d seed=%u right=%u answered=%u\n",
		sum.calls, sum.refused, sum.unstarted, sum.ran, sum.other, sum.died,
		sum.signal, sum.seed, sum.right, sum.answered);
	return 0;
}
