/* SPDX-License-Identifier: BSD-3-Clause */
/* Against processes: signals, debugging, memory, fds. */
#include "tests/hostile/attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIDS 4194304

/* kill PID SIGNAL */
static int try_kill(char **argv)
{
	return attack_result(
		kill((pid_t)attack_number(argv[0]), (int)attack_number(argv[1])));
}

static bool is_in_proc(pid_t pid)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	return access(path, F_OK) == 0;
}

/* kill-hidden: pids that answer but that /proc doesn't show, which would be somebody else's */
static int kill_hidden(char **argv)
{
	unsigned int n = 0;
	char first[16] = "";

	(void)argv;
	for (pid_t pid = 1; pid < PIDS; pid++) {
		if ((kill(pid, 0) < 0 && errno == ESRCH) || is_in_proc(pid))
			continue;
		if (n++ == 0)
			(void)snprintf(first, sizeof(first), "%d", pid);
	}
	return attack_count(n, first);
}

static int thread_kill(char **argv)
{
	pid_t pid = (pid_t)attack_number(argv[0]);

	return attack_result(syscall(SYS_tgkill, pid, pid, SIGKILL));
}

/* A signal that claims to be the kernel's. */
static int queue_info(char **argv)
{
	siginfo_t info = { .si_signo = SIGKILL, .si_code = SI_KERNEL };

	return attack_result(syscall(
		SYS_rt_sigqueueinfo, (pid_t)attack_number(argv[0]), SIGKILL, &info));
}

/* A child that may be signalled by SIGIO's owner: F_SETOWN to somebody else's pid. */
static int set_owner(char **argv)
{
	return attack_result(fcntl(0, F_SETOWN, (int)attack_number(argv[0])));
}

static int attach(char **argv)
{
	return attack_result(
		ptrace(PTRACE_ATTACH, (pid_t)attack_number(argv[0]), NULL, NULL));
}

static int seize(char **argv)
{
	return attack_result(
		ptrace(PTRACE_SEIZE, (pid_t)attack_number(argv[0]), NULL, NULL));
}

static char page[64];

static int vm_read(char **argv)
{
	struct iovec own = { page, sizeof(page) }, theirs = { page, sizeof(page) };

	return attack_result(
		process_vm_readv((pid_t)attack_number(argv[0]), &own, 1, &theirs, 1, 0));
}

static int vm_write(char **argv)
{
	struct iovec own = { page, sizeof(page) }, theirs = { page, sizeof(page) };

	return attack_result(
		process_vm_writev((pid_t)attack_number(argv[0]), &own, 1, &theirs, 1, 0));
}

static int pidfd(const char *pid)
{
	return (int)syscall(SYS_pidfd_open, (pid_t)attack_number(pid), 0);
}

static int pidfd_of(char **argv)
{
	return attack_result(pidfd(argv[0]));
}

static int pidfd_kill(char **argv)
{
	int fd = pidfd(argv[0]);

	if (fd < 0)
		return errno;
	return attack_result(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
}

/* pidfd-getfd PID: any of its first hundred fds */
static int pidfd_steal(char **argv)
{
	int fd = pidfd(argv[0]), last = 0;

	if (fd < 0)
		return errno;
	for (int i = 0; i < 100; i++) {
		if (syscall(SYS_pidfd_getfd, fd, i, 0) >= 0)
			return 0;
		if (errno != EBADF)
			last = errno;
	}
	return last ? last : EBADF;
}

/* perf PID CPU */
static int perf(char **argv)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK };

	return attack_result(syscall(SYS_perf_event_open, &attr,
		(pid_t)attack_number(argv[0]), (int)attack_number(argv[1]), -1, 0));
}

static int compare(char **argv)
{
	return attack_result(syscall(
		SYS_kcmp, getpid(), (pid_t)attack_number(argv[0]), KCMP_FILES, 0, 0));
}

static int robust_list(char **argv)
{
	void *head;
	size_t len;

	return attack_result(
		syscall(SYS_get_robust_list, (pid_t)attack_number(argv[0]), &head, &len));
}

static int move_pages(char **argv)
{
	void *pages[] = { page };
	int nodes[] = { 0 }, status[1];

	return attack_result(syscall(SYS_move_pages, (pid_t)attack_number(argv[0]), 1UL,
		pages, nodes, status, 0));
}

/* forge-ids PID UID: credentials of somebody else over a socket */
static int forge_ids(char **argv)
{
	struct ucred ids = { .pid = (pid_t)attack_number(argv[0]),
		.uid = (uid_t)attack_number(argv[1]) };
	char control[CMSG_SPACE(sizeof(ids))] = { 0 };
	struct iovec io = { page, 1 };
	struct msghdr m = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
		return errno;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof(ids));
	memcpy(CMSG_DATA(c), &ids, sizeof(ids));
	return attack_result(sendmsg(pair[0], &m, 0));
}

/* ---- what enters the box ------------------------------------------------------------------- */

/* What of @pid can be had, although it isn't what the box has started: a letter each. */
static void grab(pid_t pid, char *got, size_t size)
{
	char path[64];
	size_t n = strlen(got);
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && n + 1 < size)
		got[n++] = 'm';
	(void)close(fd);
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && n + 1 < size)
		got[n++] = 'x';
	(void)close(fd);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
		(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
		if (n + 1 < size)
			got[n++] = 'p';
	}
	got[n] = '\0';
}

static bool is_named(pid_t pid, const char *file, const char *name)
{
	char path[64], text[256] = "";
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	if (strcmp(file, "exe") == 0)
		return readlink(path, text, sizeof(text) - 1) > 0 && strstr(text, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	return n > 0 && strncmp(text, name, strlen(name)) == 0;
}

/*
 * stalk SECONDS NAME: goes for every process that is called NAME, as the joiner is until it
 * executes the command. Seen in the box: "saw N"; had: what.
 */
static int stalk(char **argv)
{
	time_t end = time(NULL) + attack_number(argv[0]);
	unsigned int saw = 0;
	char got[32] = "";

	while (time(NULL) < end) {
		DIR *d = opendir("/proc");
		struct dirent *de;

		while (d && (de = readdir(d)) != NULL) {
			pid_t pid = (pid_t)strtol(de->d_name, NULL, 10);
			bool exe;

			if (pid < 2 || pid == getpid())
				continue;
			exe = is_named(pid, "exe", argv[1]);
			if (!exe && !is_named(pid, "comm", argv[1]))
				continue;
			saw++;
			/* Since its name was read it may have executed its command. */
			grab(pid, got, sizeof(got));
			if (!exe && !is_named(pid, "comm", argv[1]))
				got[0] = '\0';
		}
		if (d)
			(void)closedir(d);
	}
	return attack_say(
		"saw %s, had %s", saw ? "some" : "none", got[0] ? got : "nothing");
}

const struct attack attacks_process[] = {
	{ "kill", try_kill },
	{ "kill-hidden", kill_hidden },
	{ "tgkill", thread_kill },
	{ "sigqueue", queue_info },
	{ "setown", set_owner },
	{ "ptrace-attach", attach },
	{ "ptrace-seize", seize },
	{ "vm-read", vm_read },
	{ "vm-write", vm_write },
	{ "pidfd-open", pidfd_of },
	{ "pidfd-kill", pidfd_kill },
	{ "pidfd-getfd", pidfd_steal },
	{ "perf", perf },
	{ "kcmp", compare },
	{ "robust-list", robust_list },
	{ "move-pages", move_pages },
	{ "forge-ids", forge_ids },
	{ "stalk", stalk },
	{ NULL, NULL },
};
