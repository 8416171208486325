/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/account_log.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define HALF  (ACCOUNT_LOG_MAX / 2)
#define OLDER ".old"

static void name_of(uid_t uid, const char *end, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s/%u.log%s", PATH_ACCOUNTS, uid, end);
}

/* "# NAME BORN": whose it is. */
static void head_of(const char *user, uint64_t born, char *buf, size_t size)
{
	(void)snprintf(buf, size, "# %s %" PRIu64 "\n", user, born);
}

static int create(const char *path, const char *head)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -1 : io_write_all(fd, head, strlen(head));
}

int account_log_begin(uid_t uid, const char *user, uint64_t born, struct err *e)
{
	char path[64], older[64], head[128], there[128] = "";
	_cleanup_close_ int fd = -EBADF;
	ssize_t n;

	name_of(uid, "", path, sizeof(path));
	name_of(uid, OLDER, older, sizeof(older));
	head_of(user, born, head, sizeof(head));
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, there, strlen(head));
	if (n == (ssize_t)strlen(head) && memcmp(there, head, (size_t)n) == 0)
		return 0;
	(void)unlink(older);
	return create(path, head) < 0 ? err_set(e, errno, "begin %s", path) : 0;
}

/* The next half begins with whose it is, too. Two at once make one of them lose a line. */
static void turn(uid_t uid, const char *path, int fd)
{
	char older[64], head[128];
	ssize_t n = pread(fd, head, sizeof(head) - 1, 0);
	char *end;

	head[n > 0 ? n : 0] = '\0';
	end = strchr(head, '\n');
	if (!end)
		return;
	end[1] = '\0';
	name_of(uid, OLDER, older, sizeof(older));
	if (rename(path, older) == 0)
		(void)create(path, head);
}

void account_log(uid_t uid, const struct event *v, const char *fmt, ...)
{
	char path[64], text[EVENT_TEXT_MAX], line[EVENT_LINE_MAX];
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	va_list args;

	name_of(uid, "", path, sizeof(path));
	fd = open(path, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	(void)io_write_all(fd, line, event_line(v, clock_of(CLOCK_REALTIME), text, line));
	if (fstat(fd, &st) == 0 && st.st_size > (off_t)HALF)
		turn(uid, path, fd);
}

void account_event(int level, uid_t uid, const struct event *v, const char *fmt, ...)
{
	char text[EVENT_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	event_log(level, v, "%s", text);
	account_log(uid, v, "%s", text);
}

static int copy_half(const char *path, int to)
{
	_cleanup_close_ int from = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[4096];
	ssize_t n;

	if (from < 0)
		return errno == ENOENT ? 0 : -1;
	while ((n = read(from, text, sizeof(text))) > 0)
		if (io_write_all(to, text, (size_t)n) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

int account_log_copy(uid_t uid, struct err *e)
{
	_cleanup_close_ int to = memfd_create("nsshell log", MFD_CLOEXEC);
	char path[64], older[64];

	name_of(uid, "", path, sizeof(path));
	name_of(uid, OLDER, older, sizeof(older));
	if (to < 0 || copy_half(older, to) < 0 || copy_half(path, to) < 0)
		return err_set(e, errno, "copy %s", path);
	return take_fd(&to);
}
