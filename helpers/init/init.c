/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/init/init.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/ids/privs.h"
#include "core/run/ids/rlimits_set.h"
#include "core/run/mount/stage.h"
#include "helpers/init/left.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int wait_for_maps(int leash, struct err *e)
{
	char word = 0;

	if (io_recv(leash, &word, 1, NULL, NULL) != 0 || word != INIT_GO)
		return err_set(e, EPIPE, "wait for the id maps");
	return 0;
}

/* The /proc that is here is the host's; the kernel takes the writer's pid namespace. */
static void begin_pids(uint32_t pids)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", pids);
	/* A kernel without CONFIG_CHECKPOINT_RESTORE begins at 2. */
	if (pids > 0)
		(void)io_write_text(AT_FDCWD, "/proc/sys/kernel/ns_last_pid", text);
}

static int init_become(const struct plan *plan, int leash,
	const struct cgroup_fds *groups, const struct stage *stage, uint32_t pids,
	struct err *e)
{
	if (cgroup_move_born(groups, e) < 0)
		return -1;
	if ((plan->namespaces & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return err_set(e, errno, "make a cgroup namespace");
	/* Only now: those of who makes a user namespace bound all that is in it. */
	if (wait_for_maps(leash, e) < 0 || rlimits_lower(e) < 0 ||
		privs_become_root_here(e) < 0)
		return -1;
	begin_pids(pids);
	if (sethostname(plan->hostname, strlen(plan->hostname)) < 0)
		return err_set(e, errno, "set the host name %s", plan->hostname);
	return stage_enter(plan, stage, e);
}

/* ---- becoming nsshell-init ------------------------------------------------------------ */

/* A copy that its exec leaves open, and that isn't where the memfd goes. */
static int keep(int *fd)
{
	if (*fd >= 0)
		*fd = fcntl(*fd, F_DUPFD, INIT_LEFT_FD + 1);
	return *fd == -1 ? -1 : 0;
}

static int keep_all(struct init_left *left, struct err *e)
{
	struct user_manager *m = &left->manager;

	if (keep(&left->leash) < 0 || keep(&m->pidfd) < 0 || keep(&m->notify) < 0 ||
		keep(&m->said) < 0)
		return err_set(e, errno, "keep what init has open");
	return 0;
}

static int write_down(const struct init_left *left, struct err *e)
{
	int fd = memfd_create("nsshell init", 0);

	if (fd < 0 || io_write_all(fd, left, sizeof(*left)) < 0 ||
		(fd != INIT_LEFT_FD && dup2(fd, INIT_LEFT_FD) < 0))
		return err_set(e, errno, "hand over to %s", PATH_INIT);
	return 0;
}

/* By an fd: the program isn't in the box. */
static int execute(
	const struct plan *plan, const struct init_left *left, int program, struct err *e)
{
	char title[128];
	char *const argv[] = { title, NULL };
	char *const envp[] = { NULL };

	if (write_down(left, e) < 0)
		return -1;
	(void)snprintf(title, sizeof(title), "nsshell: init of %s", plan->user);
	(void)fexecve(program, argv, envp);
	return err_set(e, errno, "start %s", PATH_INIT);
}

_Noreturn void init_run(const struct plan *plan, int leash, uint32_t pids,
	const struct cgroup_fds *groups, int filter, const struct stage *stage,
	int program)
{
	struct init_left left = { .layout = INIT_LEFT_LAYOUT,
		.leash = leash,
		.share = plan->share_account,
		.manager = USER_MANAGER_NONE };
	struct init_report said = { 0 };
	sigset_t all;
	int r;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	r = init_become(plan, leash, groups, stage, pids, &said.error);
	/* As long as init may become somebody. */
	if (r == 0)
		(void)user_manager_start(
			plan, groups->manager, filter, &left.manager, &left.note);
	if (r == 0)
		r = privs_cap_mask(
			plan->init_caps, plan->n_init_caps, &left.caps, &said.error);
	if (r == 0)
		r = keep_all(&left, &said.error);
	if (r == 0)
		(void)execute(plan, &left, program, &said.error);
	/* Whoever waits for word that doesn't come is told by our end. */
	(void)io_send(left.leash >= 0 ? left.leash : leash, &said, sizeof(said), NULL, 0);
	_exit(1);
}
