/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/own_sessions.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/paths.h"

#include <string.h>
#include <sys/mman.h>

/* ---- one request -------------------------------------------------------------------------- */

static int gone(const char *id, struct err *e)
{
	return err_set(e, 0, "no session has the id \"%.40s\"", id);
}

static int reach(const char *id, int *ret, struct err *e)
{
	int r = record_id_is_valid(id) ? session_socket_connect(getuid(), id, ret, e) : 1;

	return r > 0 ? gone(id, e) : r;
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cleanup_close(&fds[i]);
}

int own_ask(const char *id, enum session_request_kind kind, int value,
	struct session_answer *ret, int *ret_fd, struct err *e)
{
	_cleanup_close_ int sock = -EBADF;
	int fds[IO_FDS_MAX];
	size_t n = 0;

	if (reach(id, &sock, e) < 0 ||
		session_socket_ask(sock, id, kind, value, NULL, 0, e) < 0 ||
		session_socket_hear(sock, id, ret, fds, &n, e) < 0)
		return -1;
	if (ret_fd)
		*ret_fd = n > 0 ? take_fd(&fds[0]) : -EBADF;
	close_all(fds, n);
	return ret->value;
}

int own_say(const char *id, int where, const char *text, size_t size,
	struct session_answer *ret, struct err *e)
{
	_cleanup_close_ int sock = -EBADF, fd = -EBADF;

	if (where != SESSION_SAY_LIST) {
		fd = memfd_create("nsshell text", MFD_CLOEXEC);
		if (fd < 0 || io_write_all(fd, text, size) < 0)
			return err_set(e, errno, "write down what is to be said");
	}
	if (reach(id, &sock, e) < 0 ||
		session_socket_ask(sock, id, SESSION_SAY, where, &fd, fd >= 0, e) < 0 ||
		session_socket_hear(sock, id, ret, NULL, NULL, e) < 0)
		return -1;
	return ret->value;
}

int own_stop(const char *id, int *ret, struct err *e)
{
	_cleanup_close_ int sock = -EBADF;
	struct session_answer a;

	if (reach(id, &sock, e) < 0 ||
		session_socket_ask(sock, id, SESSION_STOP, 0, NULL, 0, e) < 0 ||
		session_socket_hear(sock, id, &a, NULL, NULL, e) < 0)
		return -1;
	*ret = take_fd(&sock);
	return 0;
}

/* ---- all of them -------------------------------------------------------------------------- */

/* One that ends meanwhile isn't there; nor is one that a crash left: that is root's to end. */
static bool look_at(const char *id, struct record *ret)
{
	struct session_answer a;
	struct err ignored;

	return own_ask(id, SESSION_RECORD, 0, &a, NULL, &ignored) >= 0 &&
	       record_parse(a.text, ret, &ignored) == 0;
}

int own_sessions(struct record **ret, size_t *ret_n, struct err *e)
{
	_cleanup_free_ struct record *all = NULL;
	_cleanup_dir_ DIR *dir = NULL;
	const struct dirent *entry;
	size_t n = 0, room = 0;
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%u", PATH_OWN, getuid());
	dir = opendir(path);
	if (!dir && errno != ENOENT && errno != EACCES)
		return err_set(e, errno, "read %s", path);
	while (dir && (entry = readdir(dir))) {
		if (!record_id_is_valid(entry->d_name))
			continue;
		if (n == room) {
			struct record *more = reallocarray(all, room + 16, sizeof(*all));

			if (!more)
				return err_set(e, ENOMEM, "read %s", path);
			all = more;
			room += 16;
		}
		n += look_at(entry->d_name, &all[n]);
	}
	if (n > 1)
		qsort(all, n, sizeof(*all), record_by_age);
	*ret = all;
	all = NULL;
	*ret_n = n;
	return 0;
}
