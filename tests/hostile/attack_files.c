/* SPDX-License-Identifier: BSD-3-Clause */
/* Against files: handles, nodes, links, and ways up. */
#include "tests/hostile/attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/quota.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

static int try_open(char **argv)
{
	char byte;
	int fd = open(argv[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return errno;
	/* A mask is an empty file or directory. */
	return read(fd, &byte, 1) == 0 ? attack_say("empty") : 0;
}

static int try_write(char **argv)
{
	return attack_result(open(argv[0], O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

static int try_list(char **argv)
{
	DIR *d = opendir(argv[0]);
	const struct dirent *de;
	unsigned int n = 0;

	if (!d)
		return errno;
	while ((de = readdir(d)) != NULL)
		n += de->d_name[0] != '.';
	(void)closedir(d);
	return n ? 0 : attack_say("empty");
}

static int node(char **argv)
{
	dev_t dev = makedev((unsigned int)attack_number(argv[1]),
		(unsigned int)attack_number(argv[2]));

	return attack_result(mknod(argv[0], S_IFBLK | 0666, dev));
}

static int try_link(char **argv)
{
	return attack_result(link(argv[0], argv[1]));
}

static int set_xattr(char **argv)
{
	return attack_result(setxattr(argv[0], argv[1], "y", 1, 0));
}

/* ---- file handles -------------------------------------------------------------------------- */

/* handle MOUNT INODE: the file system's root below a bind, as "shocker" did it */
static int by_handle(char **argv)
{
	union {
		struct file_handle head;
		unsigned char room[sizeof(struct file_handle) + 8];
	} h = { .head = { .handle_bytes = 8, .handle_type = 1 } };
	const uint32_t number[2] = { (uint32_t)attack_number(argv[1]), 0 };
	int mount = open(argv[0], O_RDONLY | O_CLOEXEC);

	if (mount < 0)
		return errno;
	memcpy(h.head.f_handle, number, sizeof(number));
	return attack_result(open_by_handle_at(mount, &h.head, O_RDONLY));
}

/* own-handle PATH: a true handle of an own file, opened anew */
static int own_handle(char **argv)
{
	union {
		struct file_handle head;
		unsigned char room[sizeof(struct file_handle) + 128];
	} h = { .head = { .handle_bytes = 128 } };
	int id, mount = open(argv[0], O_RDONLY | O_CLOEXEC);

	if (mount < 0 || name_to_handle_at(AT_FDCWD, argv[0], &h.head, &id, 0) < 0)
		return errno;
	return attack_result(open_by_handle_at(mount, &h.head, O_RDONLY));
}

enum {
	NSFS_ROOT = -10003,
	PIDFS_ROOT = -10002
};

union any_handle {
	struct file_handle head;
	unsigned char room[sizeof(struct file_handle) + 128];
};

/* ns-handle KIND INODE: the handle of an own namespace, with another's number (Linux 6.18) */
static int ns_handle(char **argv)
{
	union any_handle h = { .head = { .handle_bytes = 128 } };
	const uint32_t inode = (uint32_t)attack_number(argv[1]);
	char path[64];
	int id;

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", argv[0]);
	if (name_to_handle_at(AT_FDCWD, path, &h.head, &id, AT_SYMLINK_FOLLOW) < 0)
		return errno;
	/* struct nsfs_file_handle of <linux/nsfs.h>: a 64-bit id or 0, type, inode */
	memset(h.head.f_handle, 0, 8);
	memcpy(h.head.f_handle + 12, &inode, sizeof(inode));
	return attack_result(open_by_handle_at(NSFS_ROOT, &h.head, O_RDONLY));
}

/* Whether a pidfd is of a process that this pid namespace doesn't have. */
static bool is_foreign(int fd)
{
	char path[64], text[256];
	const char *pid;
	ssize_t got;
	int info;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	got = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	(void)close(info);
	text[got < 0 ? 0 : got] = '\0';
	pid = strstr(text, "\nPid:");
	/* -1: it has died meanwhile */
	return pid && strtol(pid + 5, NULL, 10) == 0;
}

/* pid-handles: every process of late by its number in pidfs (since Linux 6.13) */
static int pid_handles(char **argv)
{
	union any_handle h = { .head = { .handle_bytes = 128 } };
	int id, fd, own = (int)syscall(SYS_pidfd_open, getpid(), 0);
	unsigned int n = 0;
	char first[24] = "";
	uint64_t last;

	(void)argv;
	if (name_to_handle_at(own, "", &h.head, &id, AT_EMPTY_PATH) < 0)
		return errno;
	memcpy(&last, h.head.f_handle, sizeof(last));
	for (uint64_t i = last > 50000 ? last - 50000 : 1; i < last + 100; i++) {
		memcpy(h.head.f_handle, &i, sizeof(i));
		fd = open_by_handle_at(PIDFS_ROOT, &h.head, O_RDONLY);
		if (fd >= 0 && is_foreign(fd) && n++ == 0)
			(void)snprintf(first, sizeof(first), "%lu", i);
		(void)close(fd);
	}
	return attack_count(n, first);
}

/* ---- ways up ------------------------------------------------------------------------------- */

/* climb PATH: ".." until nothing changes; "root" where that is the root of the box */
static int climb(char **argv)
{
	struct stat root, here;
	int fd = open(argv[0], O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || stat("/", &root) < 0)
		return errno;
	for (int i = 0; i < 200; i++) {
		int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		(void)close(fd);
		if (up < 0)
			return errno;
		fd = up;
	}
	if (fstat(fd, &here) < 0)
		return errno;
	return attack_say("%s", root.st_ino == here.st_ino && root.st_dev == here.st_dev
					? "root"
					: "elsewhere");
}

/* fds: those that a login hands down beyond 0 to 2, and which of 0 to 2 are no pipes */
static int fds(char **argv)
{
	unsigned int n = 0;
	char path[32], first[256] = "";

	(void)argv;
	for (int fd = 3; fd < 65536; fd++) {
		ssize_t len;

		if (fcntl(fd, F_GETFD) < 0 || n++ > 0)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, first, sizeof(first) - 1);
		first[len < 0 ? 0 : len] = '\0';
	}
	return attack_count(n, first);
}

/* directory-fds: a directory among all open fds of all processes that can be looked at */
static int directory_fds(char **argv)
{
	DIR *proc = opendir("/proc");
	const struct dirent *de;
	unsigned int n = 0;
	char first[300] = "";

	(void)argv;
	while (proc && (de = readdir(proc)) != NULL) {
		for (int fd = 0; fd < 64; fd++) {
			char path[300];
			struct stat st;

			(void)snprintf(
				path, sizeof(path), "/proc/%.16s/fd/%d", de->d_name, fd);
			if (strtol(de->d_name, NULL, 10) > 0 &&
				strtol(de->d_name, NULL, 10) != getpid() &&
				stat(path, &st) == 0 && S_ISDIR(st.st_mode) && n++ == 0)
				memcpy(first, path, sizeof(first));
		}
	}
	if (proc)
		(void)closedir(proc);
	return attack_count(n, first);
}

static int try_chroot(char **argv)
{
	return attack_result(chroot(argv[0]));
}

/* ---- the whole machine --------------------------------------------------------------------- */

static int watch_all(char **argv)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY);

	if (fd < 0)
		return errno;
	return attack_result(fanotify_mark(
		fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, AT_FDCWD, argv[0]));
}

static int deny_opens(char **argv)
{
	(void)argv;
	return attack_result(fanotify_init(FAN_CLASS_CONTENT, O_RDONLY));
}

static int swap_on(char **argv)
{
	return attack_result(swapon(argv[0], 0));
}

static int account(char **argv)
{
	return attack_result(acct(argv[0]));
}

static int quota_off(char **argv)
{
	return attack_result(quotactl(QCMD(Q_QUOTAOFF, USRQUOTA), argv[0], 0, NULL));
}

const struct attack attacks_files[] = {
	{ "open", try_open },
	{ "write", try_write },
	{ "list", try_list },
	{ "mknod", node },
	{ "link", try_link },
	{ "setxattr", set_xattr },
	{ "handle", by_handle },
	{ "own-handle", own_handle },
	{ "ns-handle", ns_handle },
	{ "pid-handles", pid_handles },
	{ "climb", climb },
	{ "fds", fds },
	{ "directory-fds", directory_fds },
	{ "chroot", try_chroot },
	{ "watch-all", watch_all },
	{ "deny-opens", deny_opens },
	{ "swapon", swap_on },
	{ "acct", account },
	{ "quota-off", quota_off },
	{ NULL, NULL },
};
