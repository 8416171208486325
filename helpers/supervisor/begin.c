/* SPDX-License-Identifier: BSD-3-Clause */
/* From a fork of the opener's to nsshell-supervisor. */
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/paths.h"
#include "core/run/network/number.h"
#include "core/run/session/held.h"
#include "helpers/opener/cgroup_worker.h"
#include "helpers/supervisor/join_socket.h"
#include "helpers/supervisor/left.h"
#include "helpers/supervisor/sibling.h"
#include "helpers/supervisor/supervisor.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* For what it shows of itself later, title.h. */
#define TITLE_ROOM 128

static int listen_to_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGIO);
	(void)sigaddset(&set, RENEW_SIGNAL);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Returns on failure only. */
static int supervisor_exec(struct supervisor_left *l, struct err *e)
{
	char title[TITLE_ROOM], number[16];
	char *const argv[] = { title, number, NULL };
	char *const envp[] = { NULL };
	_cleanup_close_ int fd = -EBADF;

	if (cgroup_mounts_tell(l->mounts, sizeof(l->mounts)) < 0)
		return err_set(e, 0, "find where control groups are mounted");
	if (left_write(l, &fd, e) < 0)
		return -1;
	(void)snprintf(
		title, sizeof(title), "%-*s", TITLE_ROOM - 1, "nsshell-supervisor");
	(void)snprintf(number, sizeof(number), "%d", fd);
	(void)fexecve(l->session.next, argv, envp);
	return err_set(e, errno, "start %s", PATH_SUPERVISOR);
}

_Noreturn void supervisor_run(const struct plan *plan, const struct stage *stage,
	int sock, int terminal, int preparer, int account_lock,
	const struct cgroup_fds *born, const struct programs *programs, bool allow)
{
	static struct supervisor_left left;
	struct session *s = &left.session;
	struct err e = { 0 };

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	*s = (struct session){
		.plan = plan,
		.signals = listen_to_signals(),
		.lock = -EBADF,
		.listener = -EBADF,
		.init = -EBADF,
		.leash = -EBADF,
		.program = programs->init,
		.next = programs->supervisor,
		.worker = programs->worker,
		.terminal = terminal,
		.holder = plan->upper == UPPER_DISK    ? SIBLING_ROOTFS_FD
			  : plan->upper == UPPER_TMPFS ? HELD_UPPER_FD
						       : -EBADF,
		.host = HOST_SESSION_NONE,
		.login = HOST_SESSION_NONE,
		.net = plan->network.kind != NETWORK_HOST ? SIBLING_NET_FD : -EBADF,
		.number = number_lock(),
		.filter = -EBADF,
		.proc = -EBADF,
		.ptys = -EBADF,
		.renew = RENEW_NONE,
		.allow = allow,
		.preparer = preparer,
		.stage = *stage,
		.account_lock = account_lock,
		.groups = CGROUP_FDS_NONE,
	};
	left.sock = sock;
	left.caller = join_socket_peer(sock);
	left.begun = clock_usec();
	cgroup_of(left.caller, left.before);
	if (cgroup_move_born(born, &e) == 0 && session_open(s, &e) == 0)
		(void)supervisor_exec(&left, &e);
	groups_let_go(s->preparer);
	session_forsake(s, sock, left.caller, left.before, &e);
	_exit(0);
}
