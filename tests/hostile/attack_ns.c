/* SPDX-License-Identifier: BSD-3-Clause */
/* Against namespaces that aren't one's own, and against the mounts of one's own. */
#include "tests/hostile/attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

static const struct {
	const char *name;
	int flag;
} kinds[] = {
	{ "user", CLONE_NEWUSER },
	{ "mnt", CLONE_NEWNS },
	{ "pid", CLONE_NEWPID },
	{ "uts", CLONE_NEWUTS },
	{ "ipc", CLONE_NEWIPC },
	{ "net", CLONE_NEWNET },
	{ "cgroup", CLONE_NEWCGROUP },
	{ "time", CLONE_NEWTIME },
};

#define KINDS (sizeof(kinds) / sizeof(*kinds))

static int unshare_kind(char **argv)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, argv[0]) == 0)
			return attack_result(unshare(kinds[i].flag));
	return EINVAL;
}

/* setns-all: everything in everybody's /proc/PID/ns */
static int setns_all(char **argv)
{
	DIR *proc = opendir("/proc");
	const struct dirent *de;
	unsigned int n = 0;
	char first[64] = "";

	(void)argv;
	while (proc && (de = readdir(proc)) != NULL)
		for (size_t i = 0; i < KINDS; i++) {
			char path[64];
			int fd;

			(void)snprintf(path, sizeof(path), "/proc/%.16s/ns/%s",
				de->d_name, kinds[i].name);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd >= 0 && setns(fd, 0) == 0 && n++ == 0)
				memcpy(first, path, sizeof(first));
			(void)close(fd);
		}
	if (proc)
		(void)closedir(proc);
	return attack_count(n, first);
}

static int setns_path(char **argv)
{
	int fd = open(argv[0], O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : attack_result(setns(fd, 0));
}

/* setns-pid PID: all of its namespaces at once */
static int setns_pid(char **argv)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)attack_number(argv[0]), 0);

	return fd < 0 ? errno
		      : attack_result(setns(fd, CLONE_NEWNS | CLONE_NEWPID |
							CLONE_NEWIPC | CLONE_NEWUSER));
}

/* parent KIND: the namespace above an own one */
static int parent(char **argv)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", argv[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : attack_result(ioctl(fd, NS_GET_PARENT));
}

/* owner KIND: the user namespace that an own namespace, such as that of the net, belongs to */
static int owner(char **argv)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", argv[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : attack_result(ioctl(fd, NS_GET_USERNS));
}

/* ---- what somebody handed over ------------------------------------------------------------- */

static int receive(const char *name, int *fds, size_t max, size_t *ret)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char byte, control[CMSG_SPACE(16 * sizeof(int))];
	struct iovec io = { &byte, 1 };
	struct msghdr m = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct cmsghdr *c;

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", name);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 || recvmsg(fd, &m, 0) < 0)
		return errno;
	c = CMSG_FIRSTHDR(&m);
	*ret = c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
	if (*ret == 0 || *ret > max)
		return EBADMSG;
	memcpy(fds, CMSG_DATA(c), *ret * sizeof(int));
	return 0;
}

/* passed PATH: fds of namespaces and processes that a socket gives; none must be of use */
static int passed(char **argv)
{
	const int all =
		CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	unsigned int used = 0;
	char first[16] = "";
	int fds[16];
	size_t n = 0;
	int r = receive(argv[0], fds, 16, &n);

	if (r != 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		bool good =
			setns(fds[i], 0) == 0 || setns(fds[i], all) == 0 ||
			setns(fds[i], CLONE_NEWNS) == 0 ||
			syscall(SYS_pidfd_send_signal, fds[i], SIGKILL, NULL, 0) == 0 ||
			syscall(SYS_pidfd_getfd, fds[i], 0, 0) >= 0;

		if (good && used++ == 0)
			(void)snprintf(first, sizeof(first), "number %zu", i);
	}
	return used ? attack_count(used, first) : attack_say("none of %zu", n);
}

/* ---- mounts, as the user ------------------------------------------------------------------- */

static int mount_tmpfs(char **argv)
{
	return attack_result(mount("none", argv[0], "tmpfs", 0, NULL));
}

static int mount_bind(char **argv)
{
	return attack_result(mount(argv[0], argv[1], NULL, MS_BIND, NULL));
}

static int remount(char **argv)
{
	return attack_result(mount(NULL, argv[0], NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int make_shared(char **argv)
{
	return attack_result(mount(NULL, argv[0], NULL, MS_SHARED | MS_REC, NULL));
}

static int unmount(char **argv)
{
	return attack_result(umount2(argv[0], MNT_DETACH));
}

static int new_mount(char **argv)
{
	return attack_result(fsopen(argv[0], FSOPEN_CLOEXEC));
}

static int clone_tree(char **argv)
{
	return attack_result(
		open_tree(AT_FDCWD, argv[0], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

static int mount_attributes(char **argv)
{
	struct mount_attr a = { .attr_clr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };

	return attack_result(mount_setattr(AT_FDCWD, argv[0], 0, &a, sizeof(a)));
}

static int pivot(char **argv)
{
	return attack_result(syscall(SYS_pivot_root, argv[0], argv[0]));
}

/* listmount(2), number 458 everywhere */
enum {
	LISTMOUNT = 458
};

/* mount-lists: of every mount namespace by its number, since Linux 6.11 */
static int mount_lists(char **argv)
{
	struct {
		uint32_t size, spare;
		uint64_t mount, parameter, ns;
	} q = { .size = 32, .mount = UINT64_MAX };
	uint64_t own = 0, found[4];
	int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	unsigned int n = 0;
	char first[24] = "";

	(void)argv;
	(void)ioctl(fd, _IOR(0xb7, 0x5, uint64_t), &own); /* NS_GET_MNTNS_ID */
	for (q.ns = 1; q.ns < own + 1000 && q.ns < 200000; q.ns++) {
		if (q.ns == own || syscall(LISTMOUNT, &q, found, 4UL, 0) < 0)
			continue;
		if (n++ == 0)
			(void)snprintf(first, sizeof(first), "%lu", q.ns);
	}
	return attack_count(n, first);
}

const struct attack attacks_ns[] = {
	{ "unshare", unshare_kind },
	{ "setns-all", setns_all },
	{ "setns", setns_path },
	{ "setns-pid", setns_pid },
	{ "ns-parent", parent },
	{ "ns-owner", owner },
	{ "passed", passed },
	{ "mount-tmpfs", mount_tmpfs },
	{ "mount-bind", mount_bind },
	{ "remount", remount },
	{ "make-shared", make_shared },
	{ "umount", unmount },
	{ "fsopen", new_mount },
	{ "open-tree", clone_tree },
	{ "mount-setattr", mount_attributes },
	{ "pivot-root", pivot },
	{ "mount-lists", mount_lists },
	{ NULL, NULL },
};
