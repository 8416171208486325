/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/init/user_manager.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/plan/loginenv.h"
#include "core/run/enter/enter_inside.h"
#include "core/run/enter/seccomp.h"
#include "core/run/ids/privs.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SAID_FD 3
#define HIGH_FD 16 /* above what is about to be filled */

/* ---- in its own process --------------------------------------------------------------- */

/* /dev/null is all it has, and the socket that its exec closes. */
static int keep_only(int said, struct err *e)
{
	said = fcntl(said, F_DUPFD_CLOEXEC, HIGH_FD);
	if (said < 0 || io_null_stdio() < 0)
		return err_set(e, errno, "set up stdio");
	if (dup3(said, SAID_FD, O_CLOEXEC) < 0 || sys_close_from(SAID_FD + 1) < 0)
		return err_set(e, errno, "close the rest");
	return 0;
}

static void person_of(const struct plan *plan, struct enter_person *p)
{
	*p = (struct enter_person){ .uid = plan->uid,
		.gid = plan->gid,
		.no_new_privs = plan->no_new_privs,
		.scoped = plan->scope_sockets };
	while (p->n_groups < plan->n_groups && p->n_groups < ENTER_GROUPS_MAX) {
		p->groups[p->n_groups] = plan->groups[p->n_groups];
		p->n_groups++;
	}
}

static int manager_become(
	const struct plan *plan, int group, int filter_fd, struct err *e)
{
	struct enter_person person;
	struct filter filter;

	if (io_write_all(group, "0", 1) < 0)
		return err_set(e, errno, "move into the cgroup %s", plan->cgroup.manager);
	if (setsid() < 0)
		return err_set(e, errno, "begin a session of its own");
	(void)io_write_text(AT_FDCWD, "/proc/self/oom_score_adj", "0");
	(void)umask(022);
	person_of(plan, &person);
	if (privs_leave_keyring(e) < 0 || filter_map(filter_fd, &filter, e) < 0)
		return -1;
	return enter_become(&person, &filter, e);
}

static int execute(const struct plan *plan, struct err *e)
{
	_cleanup_free_ const char **extra =
		calloc(plan->n_environment + 1, sizeof(*extra));
	const struct loginenv in = { .user = plan->user,
		.home = plan->home,
		.shell = plan->shell,
		.uid = plan->uid,
		.session = plan->id,
		.extra = extra,
		.n_extra = plan->n_environment + 1 };
	char *argv[] = { (char *)(uintptr_t)plan->user_manager, (char *)"--user", NULL };
	struct strlist env = { 0 };

	if (!extra)
		return err_set(e, ENOMEM, "make the environment");
	if (plan->n_environment > 0)
		memcpy(extra, plan->environment, plan->n_environment * sizeof(*extra));
	extra[plan->n_environment] = "NOTIFY_SOCKET=" USER_MANAGER_NOTIFY;
	if (loginenv_make(&in, &env, e) < 0)
		return -1;
	if (strlist_add(&env, "") < 0)
		return err_set(e, ENOMEM, "make the environment");
	env.v[env.n - 1] = NULL;
	if (chdir(plan->home) < 0 && chdir("/") < 0)
		return err_set(e, errno, "go to /");
	(void)execve(plan->user_manager, argv, env.v);
	return err_set(e, errno, "%s", plan->user_manager);
}

static _Noreturn void run(const struct plan *plan, int group, int filter, int said)
{
	struct err e = { 0 };

	enter_default_signals();
	if (manager_become(plan, group, filter, &e) == 0) {
		if (keep_only(said, &e) == 0)
			(void)execute(plan, &e);
		said = SAID_FD;
	}
	(void)io_send(said, &e, sizeof(e), NULL, 0);
	_exit(125);
}

/* ---- in init -------------------------------------------------------------------------- */

static int listen_for_ready(const struct plan *plan, int *ret, struct err *e)
{
	const struct sockaddr_un at = { .sun_family = AF_UNIX,
		.sun_path = USER_MANAGER_NOTIFY };
	_cleanup_close_ int fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
		chown(USER_MANAGER_NOTIFY, plan->uid, plan->gid) < 0 ||
		chmod(USER_MANAGER_NOTIFY, 0600) < 0)
		return err_set(e, errno, "listen on %s inside", USER_MANAGER_NOTIFY);
	*ret = take_fd(&fd);
	return 0;
}

static int start(const struct plan *plan, int group, int filter, struct user_manager *m,
	struct err *e)
{
	struct sys_clone how = {
		.flags = CLONE_PIDFD, .cgroup = -1, .exit_signal = SIGCHLD
	};
	int pair[2];

	if (listen_for_ready(plan, &m->notify, e) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "make a socket");
	m->said = pair[0];
	m->pid = sys_clone3(&how);
	if (m->pid == 0)
		run(plan, group, filter, pair[1]);
	(void)close(pair[1]);
	if (m->pid < 0) {
		m->pid = 0;
		return err_set(e, errno, "start a process");
	}
	m->pidfd = how.pidfd;
	return 0;
}

int user_manager_start(const struct plan *plan, int group, int filter,
	struct user_manager *ret, struct err *note)
{
	if (!*plan->user_manager)
		return 0;
	return start(plan, group, filter, ret, note) < 0
		       ? err_wrap(note, "start the user manager")
		       : 0;
}
