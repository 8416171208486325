/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-door, setuid root: opens or joins the session of who calls it, and runs that
 * account's shell there. nsshell(1) executes it.
 */
#include "nsshell/door.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/capability.h>
#include <syslog.h>
#include <time.h>

/* Everything that can be asked for. */
static const struct {
	const char *word;
	bool login, command;
} requests[] = {
	{ DOOR_SHELL, false, false },
	{ DOOR_LOGIN, true, false },
	{ DOOR_COMMAND, false, true },
	{ DOOR_LOGIN_COMMAND, true, true },
};

static int take_request(struct door *d, int argc, char **argv, struct err *e)
{
	if (argc < 2)
		return err_set(e, 0, "is started by nsshell(1), and by nobody else");
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		if (strcmp(argv[1], requests[i].word) != 0)
			continue;
		if (requests[i].command ? argc < 3 : argc != 2)
			break;
		d->login = requests[i].login;
		d->command = requests[i].command;
		d->argv = argv + 1;
		return 0;
	}
	return err_set(e, 0, "was asked for something that it doesn't know");
}

/* With the shell running there is nothing left to do that takes a right, or stdio. */
static void rest(void)
{
	struct pollfd caller = { .fd = DOOR_FD, .events = 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	cap_t none = cap_init();

	for (int fd = 0; fd < 3; fd++)
		(void)(null >= 0 ? dup2(null, fd) : close(fd));
	if (null >= 0)
		(void)close(null);
	if (!none || cap_set_proc(none) < 0)
		_exit(DOOR_FAILED);
	(void)cap_free(none);
	/* nsshell's end: then the lease goes with us, and the session. */
	while (poll(&caller, 1, -1) <= 0)
		continue;
}

static int start(struct door *d, struct door_answer *answer, struct err *e)
{
	int fds[IO_FDS_MAX], r;
	size_t n = 0;

	r = door_start(d, answer, fds, &n, e);
	/* From here on it is the session's login, whose limits others take over. */
	(void)door_limits_back(&d->before);
	if (r == 0 && io_send_now(DOOR_FD, answer, sizeof(*answer), fds, n) < 0)
		r = err_set(e, errno, "answer nsshell");
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
	if (r == 0)
		rest();
	return r;
}

static int refuse(const struct door *d, struct door_answer *answer, const struct err *e)
{
	answer->kind = DOOR_REFUSED;
	if (d->reply.id[0]) {
		syslog(LOG_ERR, "session %s: login of %s (uid %u) refused: %s",
			d->reply.id, d->account.name ? d->account.name : "?",
			d->before.uid, e->msg);
		(void)snprintf(answer->text, sizeof(answer->text),
			"This login was refused because its session could not be opened; "
			"please give your administrator the session id %s.",
			d->reply.id);
	} else {
		(void)snprintf(answer->text, sizeof(answer->text), "nsshell-door %.400s",
			e->msg);
	}
	/* Without a socket, who calls us by hand reads it; who doesn't keeps a process of their own. */
	if (io_send_now(DOOR_FD, answer, sizeof(*answer), NULL, 0) < 0 &&
		(geteuid() == d->before.uid || door_become_caller(&d->before) == 0))
		(void)dprintf(2, "%s\n", answer->text);
	return DOOR_FAILED;
}

int main(int argc, char **argv)
{
	static struct door d = { .lease = -EBADF, .listener = -EBADF };
	static struct door_answer answer = { .magic = DOOR_MAGIC };
	struct err e = { 0 };

	if (door_harden(&d.before, DOOR_FD, &e) < 0 ||
		take_request(&d, argc, argv, &e) < 0)
		return refuse(&d, &answer, &e);
	/* What syslog(3) needs of the host, before it is another's. */
	tzset();
	openlog("nsshell", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
	switch (door_open(&d, &e)) {
	case DOOR_INSIDE:
		return start(&d, &answer, &e) < 0 ? refuse(&d, &answer, &e) : 0;
	case DOOR_UNBOXED:
		answer.kind = DOOR_PLAIN;
		(void)snprintf(answer.shell, sizeof(answer.shell), "%s", d.shell);
		return io_send_now(DOOR_FD, &answer, sizeof(answer), NULL, 0) < 0
			       ? DOOR_FAILED
			       : 0;
	default:
		return refuse(&d, &answer, &e);
	}
}
