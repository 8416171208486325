/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/terminal/observe_inside.h"

#include "core/base/cleanup.h"
#include "core/base/parse.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/terminal/observe.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* Of what an account may have put there, looked at. */
#define ENTRIES_MAX 1024

/* ---- inside ------------------------------------------------------------------------------ */

bool observe_inside_is_on(void)
{
	struct stat st;

	return lstat(PATH_RUN_TERMINALS, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

static void address(unsigned int number, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	(void)snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/%u", PATH_RUN_TERMINALS,
		number);
}

int observe_inside_listen(unsigned int number, int *ret, struct err *e)
{
	_cleanup_close_ int sock =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un to;

	address(number, &to);
	/* One that was killed with an earlier terminal of that number has left its own. */
	observe_inside_gone(number);
	if (sock < 0 || bind(sock, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		listen(sock, OBSERVERS_MAX) < 0)
		return err_set(e, errno, "listen on %s", to.sun_path);
	*ret = take_fd(&sock);
	return 0;
}

void observe_inside_gone(unsigned int number)
{
	struct sockaddr_un to;

	address(number, &to);
	(void)unlink(to.sun_path);
}

/* ---- from outside ------------------------------------------------------------------------- */

struct shown {
	uint32_t number;
	struct timespec since;
};

static int newest_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct shown *)a)->since;
	const struct timespec *y = &((const struct shown *)b)->since;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	return (x->tv_nsec < y->tv_nsec) - (x->tv_nsec > y->tv_nsec);
}

/* Sockets of the account's own: nothing that it has only put there. */
static size_t list(DIR *dir, struct shown shown[OBSERVE_INSIDE_MAX])
{
	const struct dirent *entry;
	size_t n = 0, seen = 0;
	struct stat directory, st;

	if (fstat(dirfd(dir), &directory) < 0)
		return 0;
	while (n < OBSERVE_INSIDE_MAX && seen++ < ENTRIES_MAX && (entry = readdir(dir))) {
		if (parse_u32(entry->d_name, &shown[n].number) < 0 ||
			fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISSOCK(st.st_mode) && st.st_uid == directory.st_uid)
			shown[n++].since = st.st_mtim;
	}
	qsort(shown, n, sizeof(*shown), newest_first);
	return n;
}

/* By an fd of the socket itself: what its name stands for can't change in between. Return: 0 or
 * -1, who can't be connected to at once being as good as gone. */
static int reach(int dir, unsigned int number, int *ret)
{
	_cleanup_close_ int at = -EBADF;
	_cleanup_close_ int sock =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	char name[16];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%u", number);
	at = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (sock < 0 || at < 0 || fstat(at, &st) < 0 || !S_ISSOCK(st.st_mode))
		return -1;
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", at);
	if (connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		fcntl(sock, F_SETFL, 0) < 0)
		return -1;
	*ret = take_fd(&sock);
	return 0;
}

/* Return: fd; -1 with errno. */
static int open_terminals(int proc)
{
	/* The link is the kernel's; what comes below is the box's. */
	_cleanup_close_ int root = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return root < 0 ? -1
			: sys_openat2(root, &PATH_RUN_TERMINALS[1],
				  O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0,
				  RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS |
					  RESOLVE_NO_MAGICLINKS);
}

int observe_inside_connect(int proc, const char *notice, int *ret,
	unsigned int *ret_number, size_t *ret_n, struct err *e)
{
	int fd = open_terminals(proc), sock;
	_cleanup_dir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct shown shown[OBSERVE_INSIDE_MAX];
	size_t n;

	if (fd < 0 && errno == ENOENT)
		return OBSERVE_INSIDE_OFF;
	if (!dir) {
		cleanup_close(&fd);
		return err_set(e, errno, "look for terminals of the session");
	}
	n = list(dir, shown);
	for (size_t i = 0; i < n; i++) {
		if (reach(dirfd(dir), shown[i].number, &sock) < 0)
			continue;
		observe_notify(sock, notice);
		*ret = sock;
		*ret_number = shown[i].number;
		*ret_n = n;
		return OBSERVE_INSIDE_CONNECTED;
	}
	return OBSERVE_INSIDE_NONE;
}
