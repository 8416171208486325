/* SPDX-License-Identifier: BSD-3-Clause */
/* nsshell-door, setuid root: has the session of who calls it opened. nsshell(1) executes it. */
#include "nsshell/door/door.h"

#include "core/base/cleanup.h"
#include "core/base/event.h"
#include "core/base/io.h"

#include <fcntl.h>
#include <paths.h>
#include <poll.h>
#include <string.h>
#include <syslog.h>

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from ? from : "");
}

static void describe(const struct door *d, struct door_answer *a)
{
	copy(a->id, sizeof(a->id), d->reply.id);
	copy(a->runtime_dir, sizeof(a->runtime_dir), d->reply.runtime_dir);
	copy(a->bus, sizeof(a->bus), d->reply.bus);
	copy(a->wanted, sizeof(a->wanted), d->reply.shell);
	if (!d->who)
		return;
	copy(a->name, sizeof(a->name), d->who->pw_name);
	copy(a->home, sizeof(a->home), d->who->pw_dir);
	copy(a->shell, sizeof(a->shell), d->who->pw_shell);
	if (!a->shell[0])
		copy(a->shell, sizeof(a->shell), _PATH_BSHELL);
}

static void refuse(const struct door *d, struct door_answer *a, const struct err *e)
{
	const char *user = d->who ? d->who->pw_name : NULL;

	a->kind = DOOR_REFUSED;
	if (!d->reply.id[0]) {
		(void)snprintf(a->text, sizeof(a->text), "nsshell-door %.400s", e->msg);
		return;
	}
	/* What the helper denied it has logged. */
	if (d->reply.kind != PROTO_DENY)
		event_log(LOG_ERR,
			&(const struct event){ EVENT_REFUSED, d->reply.id, user },
			"nsshell-door: session %s: login of %s (uid %u) refused: %s",
			d->reply.id, user ? user : "?", d->before.uid, e->msg);
	(void)snprintf(a->text, sizeof(a->text),
		"This login was refused because its session could not be opened; please give "
		"your administrator the session id %s.",
		d->reply.id);
}

/* There is nothing left to do but to hold it: until nsshell ends, or the session does. */
static void hold(int lease)
{
	struct pollfd p[] = {
		{ .fd = DOOR_FD, .events = 0 },
		{ .fd = lease, .events = 0 },
	};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		(void)(null >= 0 ? dup2(null, fd) : close(fd));
	while (poll(p, 2, -1) <= 0)
		continue;
}

int main(int argc, char **argv)
{
	static struct door d = { .lease = -EBADF };
	static struct door_answer a = { .magic = DOOR_MAGIC };
	enum door_opened opened = DOOR_FAILS;
	struct err e = { 0 };

	(void)argv;
	if (door_harden(&d.before, &e) == 0 && argc != 1)
		(void)err_set(&e, 0, "is started by nsshell(1), and by nobody else");
	else if (!e.msg[0]) {
		openlog("nsshell", LOG_PID | LOG_NDELAY, LOG_AUTHPRIV);
		opened = door_open(&d, &e);
	}
	describe(&d, &a);
	a.kind = opened == DOOR_HOLDS ? DOOR_OPEN : DOOR_PLAIN;
	if (opened == DOOR_HOLDS && strchr(d.reply.text, '\n'))
		copy(a.text, sizeof(a.text), strchr(d.reply.text, '\n') + 1);
	if (opened == DOOR_FAILS)
		refuse(&d, &a, &e);
	/* Where it isn't setuid it never was anybody else. */
	if (geteuid() != d.before.uid && door_become_caller(&d.before) < 0)
		return DOOR_FAILED;
	/* Without a socket, who calls us by hand reads it; who doesn't keeps a process of their own. */
	if (io_send_now(DOOR_FD, &a, sizeof(a), NULL, 0) < 0) {
		if (a.kind == DOOR_REFUSED)
			(void)dprintf(2, "%s\n", a.text);
		return DOOR_FAILED;
	}
	if (opened == DOOR_HOLDS)
		hold(d.lease);
	return opened == DOOR_FAILS ? DOOR_FAILED : 0;
}
