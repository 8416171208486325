/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/presence.h"

#include "core/base/event.h"
#include "core/base/cleanup.h"
#include "core/base/harmless.h"
#include "core/base/sys.h"
#include "core/run/terminal/utmp.h"
#include "core/run/terminal/wall.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

/* What is shown at a time; root alone can write there. */
#define RELAY_MAX 4096

/* Services whose users see no login in `who`: they only change who somebody is. */
static const char *const no_logins[] = { "su", "su-l", "runuser", "runuser-l", "cron",
	"atd", "sudo", "sudo-i", PROTO_SERVICE_RUN,
	/* What comes before it, sshd or su, notes the login on the host or doesn't. */
	PROTO_SERVICE_DOOR };

static bool is_login(const char *service)
{
	for (size_t i = 0; i < sizeof(no_logins) / sizeof(*no_logins); i++)
		if (strcmp(service, no_logins[i]) == 0)
			return false;
	return true;
}

/* ---- the host's terminal ---------------------------------------------------------------- */

/* Root's alone: mesg(1) of the session's terminals is theirs, and nobody else is passed on. */
static int open_terminal(int *ret_master, int *ret_slave, unsigned int *ret_number)
{
	const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
	_cleanup_close_ int master = open("/dev/ptmx", flags | O_NONBLOCK);
	_cleanup_close_ int slave = -EBADF;
	int unlock = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0 ||
		ioctl(master, TIOCGPTN, ret_number) < 0)
		return -1;
	slave = ioctl(master, TIOCGPTPEER, flags);
	if (slave < 0 || fchmod(slave, 0600) < 0 || fchown(slave, 0, 0) < 0)
		return -1;
	*ret_master = take_fd(&master);
	*ret_slave = take_fd(&slave);
	return 0;
}

/* ---- telling the host ------------------------------------------------------------------- */

static void tell_host(struct presence *p)
{
	struct record *r = &p->session->record;
	unsigned int number;
	struct err e;

	if (p->lent && strncmp(r->lent.path, "/dev/", 5) == 0)
		(void)snprintf(r->line, sizeof(r->line), "%.31s", r->lent.path + 5);
	else if (open_terminal(&p->master, &p->slave, &number) == 0)
		(void)snprintf(r->line, sizeof(r->line), "pts/%u", number);
	else
		(void)snprintf(r->line, sizeof(r->line), "ns/%s", r->id);
	/* In the record first: what utmp says then is taken back whenever we are killed. */
	r->logged_in = true;
	if (session_write(p->session, &e) < 0)
		event_session(LOG_ERR, EVENT_NOTE, r, "%s", e.msg);
	login_write(r);
	host_session_note(p->session->plan, r->line, &p->session->login);
}

static bool has_terminal(int ptys)
{
	int at =
		ptys < 0 ? -EBADF : openat(ptys, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_dir_ DIR *dir = at < 0 ? NULL : fdopendir(at);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			return true;
	return false;
}

void presence_look(struct presence *p)
{
	if (!p->due || !has_terminal(p->session->ptys))
		return;
	p->due = false;
	(void)fcntl(p->session->ptys, F_NOTIFY, 0);
	tell_host(p);
}

static void begin(struct presence *p)
{
	const struct session *s = p->session;

	p->begun = true;
	/* dnotify, of which there are as many as there are directories: inotify has 128 for root. */
	if ((p->lent && s->record.lent.path[0]) ||
		fcntl(s->ptys, F_NOTIFY, DN_CREATE | DN_MULTISHOT) < 0) {
		tell_host(p);
		return;
	}
	p->due = true;
	presence_look(p);
}

void presence_begin(struct presence *p, struct session *s)
{
	*p = PRESENCE_NONE;
	p->session = s;
	p->lent = is_login(s->plan->service);
	if (p->lent)
		begin(p);
}

/* Its service isn't told with the socket: programs of those that are no logins have their names. */
static bool is_login_program(const struct session *s, pid_t pid)
{
	static const char *const ours[] = { "nsctl", "nsshell-door" };
	char path[32], exe[4096];
	const char *name;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/exe", (int)pid);
	n = readlinkat(s->proc, path, exe, sizeof(exe) - 1);
	if (n <= 0)
		return false;
	exe[n] = '\0';
	name = strrchr(exe, '/');
	name = name ? name + 1 : exe;
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (strcmp(ours[i], name) == 0)
			return false;
	return is_login(name);
}

void presence_another(struct presence *p, pid_t caller)
{
	if (!p->begun && is_login_program(p->session, caller))
		begin(p);
}

/* ---- passing on ------------------------------------------------------------------------- */

void presence_wants(const struct presence *p, struct pollfd *ret)
{
	*ret = (struct pollfd){ .fd = p->master, .events = POLLIN };
}

void presence_relay(const struct presence *p)
{
	char text[RELAY_MAX];
	ssize_t n = read(p->master, text, sizeof(text) - 1);

	if (n <= 0)
		return;
	harmless_make(text, (size_t)n);
	text[n] = '\0';
	(void)notice_ptys_in(p->session->ptys, text);
}
