/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor: the bare system calls of one box and nothing else. No config, no cgroup, no
 * supervisor, no PAM, no record. What nsshell takes is shown as a ratio to this.
 *
 *   floor [-n COUNT] [-i] [COMMAND]
 *
 * Opens COUNT boxes one after the other, runs COMMAND (/bin/true) in each, waits for it
 * and prints the microseconds of each box, one a line. With -i: prints the pid of a box
 * that does nothing, and ends when standard input does. Needs root and Linux 5.19.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Any directory that every host has; it is covered in the box's own mount namespace. */
#define STAGE "/tmp"

/* As nsshell's: one account keeps its id, the rest lies in a range. */
static const char maps[] = "0 100000 1000\n1000 1000 1\n1001 101001 64535\n";

static _Noreturn void die(const char *what)
{
	(void)fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void must(int r, const char *what)
{
	if (r < 0)
		die(what);
}

static uint64_t now_usec(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_MONOTONIC, &t), "clock_gettime");
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	must(fd, path);
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(path);
	(void)close(fd);
}

static void send_fd(int sock, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { { 0 } };
	struct iovec iov = { .iov_base = (char[]){ 'g' }, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = u.buf,
		.msg_controllen = sizeof(u.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(sock, &m, 0) != 1)
		die("sendmsg");
}

static int recv_fd(int sock)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { { 0 } };
	char go;
	struct iovec iov = { .iov_base = &go, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = u.buf,
		.msg_controllen = sizeof(u.buf) };
	int fd;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&m))
		die("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* A detached clone of the host's root, idmapped by the user namespace of @pid. */
static int clone_lower(pid_t pid)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_RDONLY };
	char path[64];
	int tree, userns;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	userns = open(path, O_RDONLY | O_CLOEXEC);
	must(userns, path);
	tree = (int)syscall(
		SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	must(tree, "open_tree");
	attr.userns_fd = (__u64)(unsigned int)userns;
	must((int)syscall(
		     SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)),
		"idmap the lower");
	(void)close(userns);
	return tree;
}

static void put_mount(
	const char *type, const char *on, unsigned long flags, const char *opts)
{
	must(mount(type, on, type, flags, opts), on);
}

/* pid 1 of the box, from its first instruction on. */
static _Noreturn void box(int sock, char *const argv[], bool idle)
{
	int tree = recv_fd(sock);

	must(setresgid(0, 0, 0), "setresgid");
	must(setresuid(0, 0, 0), "setresuid");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make / private");
	put_mount("tmpfs", STAGE, MS_NOSUID, "mode=0700");
	must(mkdir(STAGE "/lower", 0700), "mkdir lower");
	must(mkdir(STAGE "/upper", 0755), "mkdir upper");
	must(mkdir(STAGE "/work", 0700), "mkdir work");
	must(mkdir(STAGE "/merged", 0700), "mkdir merged");
	must((int)syscall(SYS_move_mount, tree, "", AT_FDCWD, STAGE "/lower",
		     MOVE_MOUNT_F_EMPTY_PATH),
		"move_mount");
	(void)close(tree);
	put_mount("overlay", STAGE "/merged", MS_NOSUID,
		"lowerdir=" STAGE "/lower,upperdir=" STAGE "/upper,workdir=" STAGE
		"/work");
	put_mount("proc", STAGE "/merged/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL);
	put_mount("tmpfs", STAGE "/merged/dev", MS_NOSUID, "mode=0755,size=64k");
	must(mkdir(STAGE "/merged/dev/pts", 0755), "mkdir pts");
	put_mount("devpts", STAGE "/merged/dev/pts", MS_NOSUID,
		"newinstance,ptmxmode=0666");
	put_mount("tmpfs", STAGE "/merged/tmp", MS_NOSUID, "mode=1777");
	put_mount("tmpfs", STAGE "/merged/run", MS_NOSUID, "mode=0755");
	must(sethostname("floor", 5), "sethostname");
	must(chdir(STAGE "/merged"), "chdir");
	must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount the old root");
	if (idle)
		for (;;)
			(void)pause();
	(void)execv(argv[0], argv);
	die(argv[0]);
}

static pid_t open_box(char *const argv[], bool idle)
{
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
					    CLONE_NEWUTS | CLONE_NEWIPC,
		.exit_signal = SIGCHLD };
	int sock[2], tree;
	char path[64];
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), "socketpair");
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	must((int)pid, "clone3");
	if (pid == 0)
		box(sock[1], argv, idle);
	(void)close(sock[1]);
	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	write_file(path, maps);
	(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
	write_file(path, maps);
	tree = clone_lower(pid);
	send_fd(sock[0], tree);
	(void)close(tree);
	(void)close(sock[0]);
	return pid;
}

static void close_box(pid_t pid, bool killed)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (!killed && status != 0) {
		(void)fprintf(stderr, "floor: the command failed: status %#x\n",
			(unsigned int)status);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	char *const fallback[] = { (char[]){ "/bin/true" }, NULL };
	long count = 1;
	bool idle = false;
	int c;

	while ((c = getopt(argc, argv, "+n:i")) != -1) {
		if (c == 'n')
			count = strtol(optarg, NULL, 10);
		else if (c == 'i')
			idle = true;
		else
			return 2;
	}
	if (idle) {
		pid_t pid = open_box(NULL, true);

		(void)printf("%d\n", (int)pid);
		(void)fflush(stdout);
		while (getchar() != EOF)
			;
		must(kill(pid, SIGKILL), "kill");
		close_box(pid, true);
		return 0;
	}
	for (; count > 0; count--) {
		uint64_t start = now_usec();

		close_box(
			open_box(optind < argc ? argv + optind : fallback, false), false);
		(void)printf("%lu\n", (unsigned long)(now_usec() - start));
	}
	return 0;
}
