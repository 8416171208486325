/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/supervisor/session.h"

#include "core/base/event.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/io.h"
#include "core/base/paths.h"
#include "core/base/sys.h"
#include "core/plan/pidstart.h"
#include "core/run/session/account_log.h"
#include "core/run/session/account_sessions.h"
#include "core/run/enter/seccomp_make.h"
#include "core/run/ids/kin.h"
#include "core/run/cgroup/limits_published.h"
#include "core/run/mount/look.h"
#include "core/run/mount/volumes.h"
#include "core/run/network/netns.h"
#include "core/run/session/lent.h"
#include "core/run/session/session_socket.h"
#include "core/run/terminal/tty.h"
#include "core/run/ids/userns.h"
#include "helpers/opener/cgroup_worker.h"
#include "helpers/supervisor/rootfs_share.h"
#include "helpers/init/init.h"
#include "helpers/supervisor/join_socket.h"
#include "helpers/supervisor/network.h"
#include "helpers/supervisor/tmp_share.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#define LOCK_MS 1000

/* ---- the record --------------------------------------------------------------------- */

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from);
}

/* Names, a blank between two. */
static void note_volumes(const struct plan *plan, struct record *r)
{
	size_t at = 0;

	for (size_t i = 0; i < plan->n_ops && at < sizeof(r->volumes); i++) {
		const char *name = volume_of(&plan->ops[i]);

		if (name)
			at += (size_t)snprintf(r->volumes + at, sizeof(r->volumes) - at,
				"%s%s", at ? " " : "", name);
	}
}

static int begin_record(struct session *s, struct err *e)
{
	const struct plan *plan = s->plan;
	struct record *r = &s->record;
	_cleanup_close_ int own = -EBADF, order = -EBADF;

	copy(r->id, sizeof(r->id), plan->id);
	copy(r->user, sizeof(r->user), plan->user);
	copy(r->service, sizeof(r->service), plan->service);
	copy(r->rhost, sizeof(r->rhost), plan->rhost);
	copy(r->tty, sizeof(r->tty), plan->tty);
	copy(r->image, sizeof(r->image), plan->image);
	note_volumes(plan, r);
	if (plan->cgroup.kind != PLAN_CGROUP_NONE)
		copy(r->cgroup, sizeof(r->cgroup), plan->cgroup.session);
	r->uid = plan->uid;
	r->since = (uint64_t)time(NULL);
	r->state = RECORD_OPENING;
	r->rootfs = plan_rootfs_digest(plan);
	r->rules = plan_rules_digest(plan);
	r->share = plan->share_account;
	r->tmp = plan_tmp_digest(plan);
	r->no_new_privs = plan->no_new_privs;
	r->scoped = plan->scope_sockets;
	r->notify_join = plan->notify_join;
	r->number = plan->network.number;
	copy(r->network, sizeof(r->network), plan->network.text);
	r->supervisor.pid = getpid();
	if (filter_make(&plan->filter, &r->filter, &s->filter, e) < 0)
		return -1;
	if (io_process_start(r->supervisor.pid, &r->supervisor.start) < 0)
		return err_set(e, errno, "read the start time of the supervisor");
	if (plan->tty[0] && s->terminal >= 0) {
		lent_order(&order);
		if (lent_remember(s->terminal, plan->tty, &r->lent, e) < 0)
			return -1;
	}
	/*
	 * The id is new, and nobody's: who holds its lock is one that sweeps up after crashes and met a lock
	 * without a record, and lets go of it at once.
	 */
	if (record_lock(plan->id, LOCK_MS, &s->lock, e) != 0)
		return -1;
	/* Both are sources of binds. */
	own = session_socket_directory(plan->uid, plan->gid, e);
	return own < 0 || session_write(s, e) < 0
		       ? -1
		       : limits_now_create(plan->id, plan->cgroup.own_text, e);
}

/* ---- init --------------------------------------------------------------------------- */

/* Born in its network: only who is root of the host may enter that. */
static pid_t clone_init(const struct session *s, struct sys_clone *how, struct err *e)
{
	_cleanup_close_ int home = -EBADF;
	struct err ignored;
	pid_t pid;

	if (s->net < 0)
		return userns_clone(s->plan, how, e);
	if (netns_enter(s->proc, s->net, &home, e) < 0)
		return -1;
	pid = userns_clone(s->plan, how, e);
	if (pid != 0 && netns_return(home, pid < 0 ? &ignored : e) < 0)
		return -1;
	return pid;
}

static int start_init(struct session *s, const struct stage *stage, struct err *e)
{
	/* The one once it sits in the session's group; the other is there. */
	const uint64_t not_now = CLONE_NEWCGROUP | CLONE_NEWNET;
	struct sys_clone how = {
		.flags = (s->plan->namespaces & ~not_now) | CLONE_PIDFD,
		.cgroup = s->groups.directory,
		.exit_signal = SIGCHLD,
	};
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "make init's leash");
	s->leash = pair[0];
	pid = clone_init(s, &how, e);
	if (pid == 0) {
		(void)close(pair[0]);
		/* It may hang, where the user has a part in what it mounts. */
		cleanup_close(&s->account_lock);
		cleanup_close(&s->lock);
		init_run(s->plan, pair[1], s->record.pids, &s->groups, s->filter, stage,
			s->program);
	}
	(void)close(pair[1]);
	if (pid < 0)
		return -1;
	s->init = how.pidfd;
	s->record.init.pid = pid;
	return 0;
}

static int go(struct session *s, struct err *e)
{
	const char word = INIT_GO;

	if (userns_write_maps(s->proc, s->record.init.pid, s->plan, e) < 0)
		return -1;
	return io_send(s->leash, &word, 1, NULL, 0) < 0 ? err_set(e, errno, "start init")
							: 0;
}

/* ---- the whole ---------------------------------------------------------------------- */

/* From the rootfs to a running init, in a mount namespace that goes with this call: the rootfs' own,
 * but for one that others share. */
static int stage_and_start(
	struct session *s, const struct stage *stage, int host, struct err *e)
{
	if (s->plan->upper == UPPER_DISK && unshare(CLONE_NEWNS) < 0)
		return err_set(e, errno, "stage the session's mounts");
	if (stage_mount(s->plan, stage, host, e) < 0 ||
		groups_await(s->preparer, &s->groups, e) < 0)
		return -1;
	if (start_init(s, stage, e) < 0)
		return -1;
	return go(s, e);
}

/* From anywhere else nothing can be taken away again: what fails for want of memory is tried again. */
static int go_home(int home, struct err *e)
{
	for (int tries = 0; tries < 5; tries++) {
		if (sys_setns(home, CLONE_NEWNS) == 0)
			return 0;
		(void)err_set(e, errno, "go back to the host's mounts");
		clock_pause(20000);
	}
	return -1;
}

static int session_build(struct session *s, struct err *e)
{
	_cleanup_close_ int home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	struct err ignored;
	int r;

	if (home < 0)
		return err_set(e, errno, "remember the host's mounts");
	r = s->plan->share_tmp ? tmp_share(s, s->account_lock, &s->stage, e) : 0;
	if (r == 0)
		r = volumes_open(s->plan, &s->stage, e);
	if (r == 0)
		r = holder_take(s, s->account_lock, e);
	if (r == 0)
		r = volumes_fill(s->plan, &s->stage, s->proc, e);
	if (r == 0)
		r = stage_and_start(s, &s->stage, home, e);
	if (go_home(home, r < 0 ? &ignored : e) < 0)
		return -1;
	return r;
}

/* Only for the comfort of who keeps pids in files: what can't be read counts as nothing. */
static void choose_pids(struct session *s)
{
	_cleanup_free_ char(*ids)[PLAN_ID_LEN + 1] = NULL;
	uint32_t others[ACCOUNT_SESSIONS_MAX], max, luck = 0;
	size_t n_ids, n = 0;
	char text[32];
	struct record r;
	struct err ignored;

	if (account_sessions_ids(s->account_lock, &ids, &n_ids, &ignored) < 0 ||
		io_read_text(AT_FDCWD, "/proc/sys/kernel/pid_max", text, sizeof(text)) <
			0)
		return;
	text[strcspn(text, "\n")] = '\0';
	for (size_t i = 0; i < n_ids && n < ACCOUNT_SESSIONS_MAX; i++)
		if (record_read(ids[i], &r, &ignored) == 0)
			others[n++] = r.pids;
	if (getrandom(&luck, sizeof(luck), GRND_NONBLOCK) < 0)
		luck = (uint32_t)s->record.supervisor.pid;
	if (parse_u32(text, &max) == 0)
		s->record.pids = pidstart_choose(others, n, max, luck);
}

static int open_under_lock(struct session *s, struct err *e)
{
	const struct kin k = kin_of_plan(s->plan);
	uint64_t *born = &s->record.home_born;

	if (kin_check(s->account_lock, &k, e) < 0 || kin_home_born(&k, born, e) < 0 ||
		account_log_begin(s->plan->uid, s->plan->user, *born, e) < 0 ||
		account_sessions_add(
			s->account_lock, s->plan->id, s->plan->sessions_max, e) != 0)
		return -1;
	choose_pids(s);
	if (network_take(s, s->account_lock, e) < 0 || session_build(s, e) < 0 ||
		limits_now_write(s->account_lock, s->plan->cgroup.limits_text, e) < 0)
		return -1;
	/* The next login looks for both: they must be there before the lock goes. */
	if (s->plan->share_account &&
		join_socket_listen(s->plan->id, &s->listener, e) < 0)
		return -1;
	return session_write(s, e);
}

static int open_locked(struct session *s, struct err *e)
{
	int r;

	if (s->account_lock < 0 && account_sessions_lock(s->plan->uid, ACCOUNT_LOCK_MS,
					   &s->account_lock, e) != 0)
		return -1;
	r = open_under_lock(s, e);
	cleanup_close(&s->account_lock);
	return r;
}

static int open_stage(struct session *s, struct err *e)
{
	if (stage_open(s->plan, s->terminal, &s->stage, e) < 0)
		return -1;
	if (s->stage.plain)
		event_session(LOG_NOTICE, EVENT_NOTE, s->plan,
			"%s can't be idmapped: an access control list that is set there "
			"inside may name an id of the box's",
			s->stage.plain);
	return 0;
}

int session_open(struct session *s, struct err *e)
{
	int r;

	s->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->proc < 0)
		return err_set(e, errno, "open /proc");
	if (s->program < 0)
		return err_set(e, -s->program, "start %s", PATH_INIT);
	if (s->next < 0)
		return err_set(e, -s->next, "start %s", PATH_SUPERVISOR);
	if (s->worker < 0)
		return err_set(e, -s->worker, "start %s", PATH_WORKER);
	if (begin_record(s, e) < 0 || groups_begin(s->preparer, e) < 0)
		return -1;
	s->preparing = true;
	if (host_session_open(s->plan, &s->host, e) < 0)
		return -1;
	if (s->record.lent.path[0] && tty_lend(s->terminal, s->plan, e) < 0)
		return -1;
	r = open_stage(s, e);
	if (r == 0)
		r = open_locked(s, e);
	look_end();
	userns_reap();
	stage_close(&s->stage);
	cleanup_close(&s->program);
	return r;
}
