/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/host_session.h"

#include "core/base/event.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/run/cgroup/cgroup.h"
#include "helpers/worker/children.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

#define SESSION    "nsshell-session"
#define LOGIN      "nsshell-login"
#define OPEN_MS    15000
#define CLOSE_MS   10000
#define KILL_TRIES 200

static char *word(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int spawn(
	const struct plan *p, const char *service, const char *tty, int leash, pid_t *ret)
{
	char *const argv[] = { word(PATH_SESSION), word(service), word(p->user),
		word(p->rhost), word(tty), word(p->id), word(p->service), NULL };
	char *envp[] = { NULL };
	posix_spawn_file_actions_t files;
	int r = posix_spawn_file_actions_init(&files);

	if (r != 0)
		return r;
	r = posix_spawn_file_actions_adddup2(&files, leash, 3);
	if (r == 0)
		r = posix_spawn(ret, PATH_SESSION, &files, NULL, argv, envp);
	(void)posix_spawn_file_actions_destroy(&files);
	return r;
}

static int start(const struct plan *p, const char *service, const char *tty,
	struct host_session *h, struct err *e)
{
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "open %s", service);
	h->leash = pair[0];
	(void)snprintf(h->service, sizeof(h->service), "%s", service);
	r = spawn(p, service, tty, pair[1], &h->pid);
	(void)close(pair[1]);
	if (r != 0)
		return err_set(e, r, "start %s for %s", PATH_SESSION, service);
	h->pidfd = sys_pidfd_open(h->pid);
	return h->pidfd < 0 ? err_set(e, errno, "open %s", service) : 0;
}

/* What its modules have started, too: nothing else of ours is left by now. */
static void kill_all(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	for (int tries = 0; tries < KILL_TRIES && children_kill(); tries++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		clock_pause(5000);
	}
}

static int hear(const struct host_session *h, struct err *e)
{
	struct pollfd p = { .fd = h->leash, .events = POLLIN };
	struct err said;

	if (poll(&p, 1, OPEN_MS) <= 0) {
		/* Not asked to close what it hasn't opened: its leash is cut for nothing. */
		kill_all();
		return err_set(e, ETIMEDOUT,
			"a module of " SESSION " doesn't let go of the login");
	}
	if (io_recv(h->leash, &said, sizeof(said), NULL, NULL) != 0)
		return err_set(
			e, 0, "%s ended before its modules were done", PATH_SESSION);
	if (said.msg[0] == '\0')
		return 0;
	said.msg[sizeof(said.msg) - 1] = '\0';
	*e = said;
	return -1;
}

int host_session_open(const struct plan *p, struct host_session *ret, struct err *e)
{
	if (access(PATH_PAM_D "/" SESSION, F_OK) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "look for " SESSION);
	return start(p, SESSION, p->tty, ret, e) < 0 ? -1 : hear(ret, e);
}

void host_session_note(const struct plan *p, const char *line, struct host_session *ret)
{
	struct err e;

	if (access(PATH_PAM_D "/" LOGIN, F_OK) == 0 && start(p, LOGIN, line, ret, &e) < 0)
		event_session(LOG_WARNING, EVENT_NOTE, p, "%s", e.msg);
}

void host_session_join(const struct host_session *h)
{
	char groups[CGROUP_TEXT_MAX];

	if (h->leash < 0)
		return;
	cgroup_of(getpid(), groups);
	cgroup_put_back(h->pid, groups);
}

/* Return: whether it has ended. */
static bool end(struct host_session *h, const struct plan *p)
{
	struct pollfd gone = { .fd = h->pidfd, .events = POLLIN };
	bool ended;

	cleanup_close(&h->leash);
	if (h->pidfd < 0)
		return true;
	ended = poll(&gone, 1, CLOSE_MS) > 0;
	if (!ended)
		event_log(LOG_ERR, EVENT_OF(EVENT_NOTE, p),
			"session %s of %s: a module of %s doesn't end: its process is killed",
			p->id, p->user, h->service);
	(void)waitpid(h->pid, NULL, WNOHANG);
	cleanup_close(&h->pidfd);
	return ended;
}

void host_session_close(
	struct host_session *login, struct host_session *session, const struct plan *p)
{
	bool login_ended = end(login, p), session_ended = end(session, p);

	/* Not before both had their time: it ends whatever is left of either. */
	if (!login_ended || !session_ended)
		kill_all();
}
