/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * As root of a user namespace made inside, with every capability there: all that the box's
 * mounts hide is to stay hidden. Where none can be made, the answer is "no namespace".
 */
#include "tests/hostile/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NO_NAMESPACE 250
#define PLACE        "/tmp/nst-place"

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		r = errno;
	(void)close(fd);
	return r;
}

static int become_root(void)
{
	char uids[64], gids[64];

	(void)snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	(void)snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER) < 0)
		return NO_NAMESPACE;
	if (put("/proc/self/setgroups", "deny") || put("/proc/self/uid_map", uids) ||
		put("/proc/self/gid_map", gids))
		return NO_NAMESPACE;
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
		    CLONE_NEWCGROUP) < 0)
		return NO_NAMESPACE;
	(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	(void)mkdir(PLACE, 0700);
	return 0;
}

/* In a process of its own, as the first of the new pid namespace. */
static int inside(int (*what)(char **argv), char **argv)
{
	int status = 0, r;
	pid_t pid = fork();

	if (pid == 0) {
		r = become_root();
		if (r != 0)
			_exit(r);
		pid = fork();
		if (pid == 0)
			_exit(what(argv));
		_exit(waitpid(pid, &status, 0) < 0 ? NO_NAMESPACE : WEXITSTATUS(status));
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	if (WEXITSTATUS(status) == NO_NAMESPACE)
		return attack_say("no namespace");
	return WEXITSTATUS(status);
}

/* ---- with all capabilities ----------------------------------------------------------------- */

/* FSTYPE [OPTIONS] */
static int mount_type(char **argv)
{
	return attack_result(mount("none", PLACE, argv[0], 0, argv[1]));
}

static int mount_disk(char **argv)
{
	return attack_result(mount(argv[0], PLACE, argv[1], 0, NULL));
}

static int unmount(char **argv)
{
	return attack_result(umount2(argv[0], MNT_DETACH));
}

/* Each mount below a path, the deepest first: how many could be taken away. */
static int unmount_all(char **argv)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[4096], target[4096];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %*s %*s %4095s", target) == 1 &&
			strcmp(target, "/") != 0 && umount2(target, MNT_DETACH) == 0)
			n++;
	(void)argv;
	if (f)
		(void)fclose(f);
	return n ? 0 : EINVAL;
}

static int writable(char **argv)
{
	return attack_result(mount(NULL, argv[0], NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int allow_setuid(char **argv)
{
	return attack_result(mount(
		NULL, argv[0], NULL, MS_REMOUNT | MS_BIND | MS_NODEV | MS_RDONLY, NULL));
}

/* What lies below the mounts on a directory: a bind without them. */
static int look_below(char **argv)
{
	return attack_result(mount(argv[0], PLACE, NULL, MS_BIND, NULL));
}

static int look_below_new(char **argv)
{
	return attack_result(
		open_tree(AT_FDCWD, argv[0], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

/* All mounts somewhere else, then those of the copy away. */
static int copy_and_uncover(char **argv)
{
	char path[256];

	if (mount("/", PLACE, NULL, MS_BIND | MS_REC, NULL) < 0)
		return errno;
	(void)snprintf(path, sizeof(path), PLACE "%s", argv[0]);
	return attack_result(umount2(path, MNT_DETACH));
}

/*
 * CVE-2022-0492: of each cgroup v1 hierarchy that can be mounted, a file opened for writing, or a
 * group made. The worst answer of all.
 */
static int in_cgroups(const char *file)
{
	static const char *const controllers[] = { "memory", "cpu", "cpuacct",
		"cpu,cpuacct", "cpuset", "devices", "freezer", "blkio", "pids", "rdma",
		"misc", "net_cls", "net_prio", "net_cls,net_prio", "perf_event",
		"hugetlb", "none,name=systemd" };
	char path[256];
	int last = EPERM;

	for (size_t i = 0; i < sizeof(controllers) / sizeof(*controllers); i++) {
		if (mount("none", PLACE, "cgroup", 0, controllers[i]) < 0)
			continue;
		(void)snprintf(path, sizeof(path), PLACE "/%s", file);
		if (strcmp(file, "nst") == 0 ? mkdir(path, 0755) == 0
					     : open(path, O_WRONLY | O_CLOEXEC) >= 0)
			return 0;
		last = errno;
		(void)umount2(PLACE, MNT_DETACH);
	}
	return last;
}

static int agent(char **argv)
{
	(void)argv;
	return in_cgroups("release_agent");
}

static int group(char **argv)
{
	(void)argv;
	return in_cgroups("nst");
}

static int escape(char **argv)
{
	(void)argv;
	return in_cgroups("tasks");
}

static int device_node(char **argv)
{
	(void)argv;
	if (mount("none", PLACE, "tmpfs", 0, NULL) < 0)
		return errno;
	return attack_result(mknod(PLACE "/disk", S_IFBLK | 0600, makedev(8, 0)));
}

/* An overlay over the root, its upper in /tmp: a file of root's opened for writing copies it up. */
static int overlay(char **argv)
{
	if (mount("none", PLACE, "tmpfs", 0, NULL) < 0 || mkdir(PLACE "/u", 0700) < 0 ||
		mkdir(PLACE "/w", 0700) < 0 || mkdir(PLACE "/m", 0700) < 0)
		return errno;
	if (mount("none", PLACE "/m", "overlay", 0,
		    "lowerdir=/,upperdir=" PLACE "/u,workdir=" PLACE "/w") < 0)
		return errno;
	(void)argv;
	return attack_result(open(PLACE "/m/etc/passwd", O_WRONLY | O_CLOEXEC));
}

static int host_clock(char **argv)
{
	struct timespec now;

	(void)argv;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return attack_result(clock_settime(CLOCK_REALTIME, &now));
}

static int other_user(char **argv)
{
	(void)argv;
	return attack_result(setresuid(1, 1, 1));
}

static int read_file(char **argv)
{
	return attack_result(open(argv[0], O_RDONLY | O_CLOEXEC));
}

static int write_file(char **argv)
{
	return attack_result(open(argv[0], O_WRONLY | O_CLOEXEC));
}

static const struct {
	const char *name;
	int (*what)(char **argv);
} tries[] = {
	{ "mount", mount_type },
	{ "disk", mount_disk },
	{ "umount", unmount },
	{ "umount-all", unmount_all },
	{ "writable", writable },
	{ "allow-setuid", allow_setuid },
	{ "below", look_below },
	{ "below-new", look_below_new },
	{ "copy", copy_and_uncover },
	{ "mknod", device_node },
	{ "agent", agent },
	{ "group", group },
	{ "escape", escape },
	{ "overlay", overlay },
	{ "clock", host_clock },
	{ "setuid", other_user },
	{ "read", read_file },
	{ "write", write_file },
};

/* userns TRY ARGUMENT... */
static int in_userns(char **argv)
{
	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++)
		if (strcmp(tries[i].name, argv[0]) == 0)
			return inside(tries[i].what, argv + 1);
	return EINVAL;
}

/* ---- with every id that the own namespace has, which takes CAP_SETUID there ------------------ */

/* Ids of a map, "INSIDE OUTSIDE COUNT", as they are. */
static int same_ids(pid_t pid, const char *file)
{
	char path[64], text[4096] = "";
	unsigned int inside, count;
	size_t at = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/self/%s", file);
	f = fopen(path, "re");
	while (f && at < sizeof(text) && fscanf(f, "%u %*u %u", &inside, &count) == 2)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%u %u %u\n", inside,
			inside, count);
	if (f)
		(void)fclose(f);
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return put(path, text);
}

static int inside_all(int (*what)(char **argv), char **argv, int go)
{
	char word;
	pid_t pid;
	int status;

	if (unshare(CLONE_NEWUSER) < 0 || kill(getpid(), SIGSTOP) < 0 ||
		read(go, &word, 1) != 1 || setresgid(0, 0, 0) < 0 ||
		setresuid(0, 0, 0) < 0 ||
		unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
			CLONE_NEWCGROUP) < 0)
		return NO_NAMESPACE;
	(void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	(void)mkdir(PLACE, 0700);
	pid = fork();
	if (pid == 0)
		_exit(what(argv));
	return waitpid(pid, &status, 0) < 0 ? NO_NAMESPACE : WEXITSTATUS(status);
}

static int with_all(int (*what)(char **argv), char **argv)
{
	int ends[2], status = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	pid = fork();
	if (pid == 0)
		_exit(inside_all(what, argv, ends[0]));
	if (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status)) {
		if (same_ids(pid, "uid_map") || same_ids(pid, "gid_map"))
			(void)kill(pid, SIGKILL);
		(void)!write(ends[1], "", 1);
		(void)kill(pid, SIGCONT);
		(void)waitpid(pid, &status, 0);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) == NO_NAMESPACE)
		return attack_say("no namespace");
	return WEXITSTATUS(status);
}

/* userns-all TRY ARGUMENT... */
static int in_userns_all(char **argv)
{
	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++)
		if (strcmp(tries[i].name, argv[0]) == 0)
			return with_all(tries[i].what, argv + 1);
	return EINVAL;
}

/* userns-map FILE TEXT: a map that a new namespace isn't entitled to */
static int map(char **argv)
{
	if (unshare(CLONE_NEWUSER) < 0)
		return attack_say("no namespace");
	return put(argv[0], argv[1]);
}

/* userns-nest: how deep they go */
static int nest(char **argv)
{
	int depth = 0;

	(void)argv;
	while (depth < 64 && unshare(CLONE_NEWUSER) == 0)
		depth++;
	return depth > 33 ? 0 : depth ? EUSERS : attack_say("no namespace");
}

const struct attack attacks_userns[] = {
	{ "userns", in_userns },
	{ "userns-all", in_userns_all },
	{ "userns-map", map },
	{ "userns-nest", nest },
	{ NULL, NULL },
};
