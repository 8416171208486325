/* SPDX-License-Identifier: BSD-3-Clause */
/* What the manual pages promise: setns(2), user_namespaces(7), pid_namespaces(7), prctl(2). */
#include "tests/hostile/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* setns(2): EBADF */
static int setns_bad(char **argv)
{
	(void)argv;
	return attack_result(setns(-1, 0));
}

/* setns(2): EINVAL for what is no namespace */
static int setns_file(char **argv)
{
	return attack_result(setns(open(argv[0], O_RDONLY | O_CLOEXEC), 0));
}

/* setns(2): EINVAL where the type isn't the one asked for */
static int setns_type(char **argv)
{
	(void)argv;
	return attack_result(
		setns(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC), CLONE_NEWIPC));
}

/* setns(2): EINVAL for the own user namespace */
static int setns_own(char **argv)
{
	(void)argv;
	return attack_result(
		setns(open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC), CLONE_NEWUSER));
}

/* user_namespaces(7): a map is written once */
static int map_again(char **argv)
{
	int fd = open(argv[0], O_WRONLY | O_CLOEXEC);

	return fd < 0 ? errno : attack_result(write(fd, "0 0 1", 5));
}

/* pid_namespaces(7): only signals that init has handlers for, from inside; the rest is lost */
static int init_signals(char **argv)
{
	(void)argv;
	for (int sig = 1; sig < NSIG; sig++)
		if (kill(1, sig) == 0 && sig != SIGCONT)
			return 0;
	return errno;
}

/* pid_namespaces(7): an orphan becomes a child of the namespace's init */
static int orphan(char **argv)
{
	int ends[2], parent = -1, status;
	pid_t pid;

	(void)argv;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			for (int i = 0; i < 1000 && getppid() != 1; i++)
				(void)usleep(1000);
			parent = getppid();
			(void)!write(ends[1], &parent, sizeof(parent));
		}
		_exit(0);
	}
	(void)close(ends[1]);
	(void)waitpid(pid, &status, 0);
	(void)!read(ends[0], &parent, sizeof(parent));
	return attack_say("%d", parent);
}

/* The session's login program has a parent in the host's namespace: none, as seen from here. */
static int top_parent(char **argv)
{
	char path[64], line[512] = "";
	pid_t pid = getppid(), up = pid;

	(void)argv;
	while (up > 1) {
		const char *at;
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/%d/stat", up);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0)
			return errno;
		(void)close(fd);
		at = strrchr(line, ')');
		up = at ? (pid_t)strtol(at + 4, NULL, 10) : -1;
	}
	return attack_say("%d", up);
}

/* prctl(2): a process that may be debugged by its own user has a core that is its own */
static int rights_after_exec(char **argv)
{
	(void)argv;
	return attack_say("dumpable %d, no_new_privs %d",
		prctl(PR_GET_DUMPABLE, 0, 0, 0, 0),
		prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

/* vm.mmap_min_addr: the page that a NULL of the kernel's would point to */
static int map_null(char **argv)
{
	(void)argv;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
		       ? errno
		       : 0;
}

const struct attack attacks_judge[] = {
	{ "setns-bad-fd", setns_bad },
	{ "setns-file", setns_file },
	{ "setns-wrong-type", setns_type },
	{ "setns-own-user", setns_own },
	{ "map-again", map_again },
	{ "init-signals", init_signals },
	{ "orphan", orphan },
	{ "top-parent", top_parent },
	{ "after-exec", rights_after_exec },
	{ "map-null", map_null },
	{ NULL, NULL },
};
