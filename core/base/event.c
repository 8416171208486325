/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/event.h"

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/harmless.h"
#include "core/base/io.h"
#include "core/base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

const char *const event_names[] = {
	[EVENT_NOTE] = "note",
	[EVENT_OPENED] = "opened",
	[EVENT_JOINED] = "joined",
	[EVENT_OBSERVED] = "observed",
	[EVENT_LEFT] = "left",
	[EVENT_CLOSED] = "closed",
	[EVENT_RUN] = "run",
	[EVENT_COMMAND] = "command",
	[EVENT_REFUSED] = "refused",
	[EVENT_LIMIT] = "limit",
	[EVENT_OOM] = "oom",
	[EVENT_UNBOXED] = "unboxed",
	[EVENT_EXEMPT] = "exempt",
	[EVENT_CRASHED] = "crashed",
	[EVENT_KINDS] = NULL,
};

/* A text that is put together in a buffer, and cut at its end. */
struct out {
	char *buf;
	size_t len, size;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(o->buf + o->len, o->size - o->len, fmt, args);
	va_end(args);
	if (n > 0)
		o->len += (size_t)n < o->size - o->len ? (size_t)n : o->size - o->len - 1;
}

/* A member of a JSON object; what is neither text nor UTF-8 becomes '?'. */
static void put_member(struct out *o, const char *key, const char *value, size_t most)
{
	char text[EVENT_TEXT_MAX + 1];

	if (!value || !*value)
		return;
	(void)snprintf(text, sizeof(text), "%.*s", (int)most, value);
	harmless_line(text);
	put(o, ",\"%s\":\"", key);
	for (const char *c = text; *c; c++)
		put(o, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	put(o, "\"");
}

size_t event_line(const struct event *v, uint64_t usec, const char *text, char *buf)
{
	struct out o = { buf, 0, EVENT_LINE_MAX };

	put(&o, "{\"time\":%" PRIu64 ",\"event\":\"%s\"", usec, event_names[v->kind]);
	put_member(&o, "session", v->session, 64);
	put_member(&o, "user", v->user, 256);
	put_member(&o, "text", text, EVENT_TEXT_MAX);
	put(&o, "}\n");
	return o.len;
}

/* A field of the journal's is a line: what would end it becomes '?'. */
static void put_field(struct out *o, const char *key, const char *value)
{
	char *at = o->buf + o->len;

	if (!value || !*value)
		return;
	put(o, "%s=%.*s", key, EVENT_TEXT_MAX, value);
	for (; *at; at++)
		if ((unsigned char)*at < ' ')
			*at = '?';
	put(o, "\n");
}

/* As root, whoever has called a program that is so by its effective uid alone: the journal notes whose an entry is. */
static ssize_t send_to_journal(char *buf, size_t len)
{
	struct sockaddr_un journal = { AF_UNIX, "/run/systemd/journal/socket" };
	const struct ucred self = { getpid(), geteuid(), getegid() };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(self))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(self)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_CREDENTIALS } };
	struct iovec data = { buf, len };
	const struct msghdr m = { .msg_name = &journal,
		.msg_namelen = sizeof(journal),
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	const struct timeval patience = { .tv_sec = 1 };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(CMSG_DATA(&control.head), &self, sizeof(self));
	if (fd < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -1;
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

/* Return: whether there is a journal, and it has it; else errno, EAGAIN where it hangs. */
static bool to_journal(int level, const struct event *v, const char *text)
{
	char buf[EVENT_LINE_MAX];
	struct out o = { buf, 0, sizeof(buf) };

	put(&o, "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=nsshell\n", level,
		LOG_AUTHPRIV >> 3);
	put(&o, "SYSLOG_PID=%d\n", (int)getpid());
	put_field(&o, "NSSHELL_EVENT", event_names[v->kind]);
	put_field(&o, "NSSHELL_SESSION", v->session);
	put_field(&o, "NSSHELL_USER", v->user);
	put_field(&o, "MESSAGE", text);
	return send_to_journal(buf, o.len) >= 0;
}

/* Where others than root can write it is nobody's: a FIFO or a link may be there. */
static int open_file(void)
{
	struct err ignored;
	_cleanup_close_ int dir = io_open_state(PATH_LOG, 0700, &ignored);

	return dir < 0 ? -1
		       : openat(dir, strrchr(PATH_EVENTS, '/') + 1,
				 O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
					 O_CLOEXEC,
				 0600);
}

/* A full disk may have cut off the one before. */
static bool is_cut(int fd)
{
	struct stat st;
	char last = '\n';

	return fstat(fd, &st) == 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
	       last != '\n';
}

/*
 * In one piece: others write, too. A limit on files is what the caller of su was given, say: its signal would end su.
 */
static void append(int fd, const char *line, size_t len)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit was;

	if (getrlimit(RLIMIT_FSIZE, &was) < 0 ||
		(was.rlim_cur != RLIM_INFINITY && setrlimit(RLIMIT_FSIZE, &none) < 0))
		return;
	if (write(fd, line, len) < 0)
		errno = 0;
	if (was.rlim_cur != RLIM_INFINITY)
		(void)setrlimit(RLIMIT_FSIZE, &was);
}

static void to_file(const struct event *v, const char *text)
{
	_cleanup_close_ int fd = open_file();
	char line[1 + EVENT_LINE_MAX] = "\n";
	bool cut;
	size_t len;

	if (fd < 0)
		return;
	cut = is_cut(fd);
	len = event_line(v, clock_of(CLOCK_REALTIME), text, line + 1);
	append(fd, line + !cut, len + cut);
}

void event_log(int level, const struct event *v, const char *fmt, ...)
{
	char text[EVENT_TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (to_journal(level, v, text))
		return;
	/* Who hangs there has /dev/log, too, for which syslog(3) waits without end. */
	if (errno != EAGAIN)
		syslog(LOG_AUTHPRIV | level, "%s", text);
	to_file(v, text);
}
