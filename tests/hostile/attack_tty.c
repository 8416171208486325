/* SPDX-License-Identifier: BSD-3-Clause */
/* Against terminals: typing into them, taking them away, finding the host's. */
#include "tests/hostile/attack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tiocl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* A path, or the terminal that this runs on. */
static int terminal(char **argv)
{
	return open(argv[0] ? argv[0] : "/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/* type [PATH]: what a shell that reads it would run */
static int type_into(char **argv)
{
	int fd = terminal(argv);
	char space = ' ';

	return fd < 0 ? errno : attack_result(ioctl(fd, TIOCSTI, &space));
}

/* The same with what the kernel ignores of the request's number, where a filter looks. */
static int type_into_wide(char **argv)
{
	int fd = terminal(argv);
	char space = ' ';

	return fd < 0 ? errno
		      : attack_result(ioctl(fd, TIOCSTI | 0xdead00000000UL, &space));
}

/* linux [PATH]: paste the console's selection */
static int paste(char **argv)
{
	char code = TIOCL_PASTESEL;
	int fd = terminal(argv);

	return fd < 0 ? errno : attack_result(ioctl(fd, TIOCLINUX, &code));
}

/* steal PATH: as the controlling terminal of a new session */
static int steal(char **argv)
{
	int fd = terminal(argv), status = 0;
	pid_t pid;

	if (fd < 0)
		return errno;
	pid = fork();
	if (pid == 0) {
		(void)setsid();
		_exit(attack_result(ioctl(fd, TIOCSCTTY, 1)));
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return WEXITSTATUS(status);
}

static int hang_up(char **argv)
{
	int fd = terminal(argv);

	return fd < 0 ? errno : attack_result(ioctl(fd, TIOCVHANGUP));
}

static int take_console(char **argv)
{
	int fd = terminal(argv);

	return fd < 0 ? errno : attack_result(ioctl(fd, TIOCCONS));
}

/* discipline NUMBER: which loads a module of the kernel */
static int discipline(char **argv)
{
	int fd = terminal(argv + 1), number = (int)attack_number(argv[0]);

	return fd < 0 ? errno : attack_result(ioctl(fd, TIOCSETD, &number));
}

static bool is_pty_slave(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && major(st->st_rdev) >= 136 &&
	       major(st->st_rdev) < 144;
}

static void look(const char *path, dev_t own, unsigned int *n, char first[300])
{
	struct stat st;

	if (stat(path, &st) == 0 && is_pty_slave(&st) && st.st_dev != own && (*n)++ == 0)
		(void)snprintf(first, 300, "%s", path);
}

/* foreign: terminals of another devpts than the box's, in any process or /dev */
static int foreign(char **argv)
{
	DIR *proc = opendir("/proc");
	const struct dirent *de;
	char path[300], first[300] = "";
	struct stat own;
	unsigned int n = 0;

	(void)argv;
	if (stat("/dev/pts", &own) < 0)
		return errno;
	while (proc && (de = readdir(proc)) != NULL)
		for (int fd = 0; strtol(de->d_name, NULL, 10) > 0 && fd < 64; fd++) {
			(void)snprintf(
				path, sizeof(path), "/proc/%.16s/fd/%d", de->d_name, fd);
			look(path, own.st_dev, &n, first);
		}
	if (proc)
		(void)closedir(proc);
	look("/dev/console", own.st_dev, &n, first);
	return attack_count(n, first);
}

/* others: ptys in the box's devpts that aren't the user's own */
static int others(char **argv)
{
	char path[300], first[300] = "";
	unsigned int n = 0;

	(void)argv;
	for (int i = 0; i < 4096; i++) {
		int fd;

		(void)snprintf(path, sizeof(path), "/dev/pts/%d", i);
		fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0 && n++ == 0)
			memcpy(first, path, sizeof(first));
		(void)close(fd);
	}
	return attack_count(n, first);
}

const struct attack attacks_tty[] = {
	{ "tty-type", type_into },
	{ "tty-type-wide", type_into_wide },
	{ "tty-paste", paste },
	{ "tty-steal", steal },
	{ "tty-hangup", hang_up },
	{ "tty-console", take_console },
	{ "tty-discipline", discipline },
	{ "tty-foreign", foreign },
	{ "tty-others", others },
	{ NULL, NULL },
};
