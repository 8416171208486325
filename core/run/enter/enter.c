/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/enter/enter.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/plan/plan.h"
#include "core/run/cgroup/cgroup_join.h"
#include "core/run/enter/enter_inside.h"
#include "core/run/ids/privs.h"
#include "core/run/ids/rlimits_set.h"
#include "core/run/ids/schedule.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Whoever is in the box can stop the command's process on its way to its exec. */
#define HEAR_S 30
#define END_MS 2000

/* ---- ids --------------------------------------------------------------------------------- */

bool enter_map_has(const char *map, uint32_t id)
{
	unsigned long inside, outside, count;
	int len;

	while (sscanf(map, "%lu %lu %lu%n", &inside, &outside, &count, &len) == 3) {
		if (id >= inside && id - inside < count)
			return true;
		map += len;
	}
	return false;
}

void enter_own_groups(const char *map, struct enter_person *p)
{
	unsigned long inside, outside, count;
	int len;

	p->n_groups = 0;
	while (sscanf(map, "%lu %lu %lu%n", &inside, &outside, &count, &len) == 3) {
		map += len;
		if (inside != outside)
			continue;
		while (count-- > 0 && p->n_groups < ENTER_GROUPS_MAX)
			p->groups[p->n_groups++] = (gid_t)inside++;
	}
}

void enter_keep_mapped(const char *gid_map, struct enter_person *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n_groups; i++)
		if (p->groups[i] != 0 && enter_map_has(gid_map, p->groups[i]))
			p->groups[kept++] = p->groups[i];
	p->n_groups = kept;
}

int enter_caps(struct enter_person *p, struct err *e)
{
	size_t n = 0;

	p->caps = 0;
	if (p->no_new_privs)
		return 0;
	while (plan_root_caps[n])
		n++;
	return privs_cap_mask(plan_root_caps, n, &p->caps, e);
}

/* ---- the joiner -------------------------------------------------------------------------- */

/*
 * Those of the session's login. Once that is gone nobody has them: init's are another's. Who asks
 * for a session of their own gets no more than they have.
 */
static void choose_limits(const struct enter *in, struct rlimit ret[RLIMIT_NLIMITS])
{
	if (rlimits_of(&in->record->caller, ret) < 0)
		rlimits_usual(ret);
	if (in->limits)
		rlimits_cap(ret, in->limits);
}

static int be_served(const struct enter *in, struct err *e)
{
	struct rlimit limits[RLIMIT_NLIMITS];

	choose_limits(in, limits);
	schedule_reset();
	if (in->like > 0)
		schedule_like(in->like);
	if (in->slack > 0)
		(void)prctl(PR_SET_TIMERSLACK, in->slack, 0, 0, 0);
	(void)umask(in->mask);
	return rlimits_set(limits, e);
}

static int join(const struct enter *in, struct err *e)
{
	if (be_served(in, e) < 0)
		return -1;
	if (sys_setns(in->held->init, (int)in->held->namespaces) < 0)
		return err_set(e, errno, "join session %s", in->record->id);
	if (privs_become_root_here(e) < 0)
		return -1;
	/* Changing ids may have set it (fs.suid_dumpable in proc(5)). */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "hide from the box");
	return chdir("/") < 0 ? err_set(e, errno, "go to the root of the box") : 0;
}

/*
 * Should:   get into every namespace of the session, or into none, and bear the command there
 * Mustn't:  come back; live on: its own pid isn't of the session
 */
static _Noreturn void joiner(const struct enter *in, const struct cgroup_fds *groups,
	bool born_in_group, int sock)
{
	struct sys_clone how = { .flags = CLONE_PARENT, .cgroup = -1 };
	struct enter_word word = { .kind = ENTER_WORD_FAILED };
	struct cgroup_fds none = CGROUP_FDS_NONE;
	pid_t pid = -1;

	if (join(in, &word.error) == 0) {
		pid = sys_clone3(&how);
		if (pid == 0)
			enter_inside(in, born_in_group ? &none : groups, sock);
		if (pid < 0)
			(void)err_set(&word.error, errno,
				"start a process in session %s%s", in->record->id,
				errno == EAGAIN ? " (its TasksMax is used up)" : "");
	}
	if (pid > 0) {
		word.kind = ENTER_WORD_BORN;
		word.pid = pid;
	}
	(void)io_send(sock, &word, sizeof(word), NULL, 0);
	_exit(0);
}

/* A group that is full lets nobody be born in it, but lets an admin's process move in. Its user's
 * doesn't: TasksMax= would be no limit. */
static pid_t start_joiner(
	const struct enter *in, const struct cgroup_fds *groups, int ours, int theirs)
{
	struct sys_clone how = { .cgroup = groups->directory, .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&how);
	bool born_in_group = groups->directory >= 0;

	if (pid < 0 && born_in_group && !(in->limits && errno == EAGAIN)) {
		how.cgroup = -1;
		born_in_group = false;
		pid = sys_clone3(&how);
	}
	if (pid == 0) {
		(void)close(ours);
		joiner(in, groups, born_in_group, theirs);
	}
	return pid;
}

/* ---- outside ----------------------------------------------------------------------------- */

static int take_stdio(const struct enter *in, const int *fds, size_t n, struct proxy *ret)
{
	size_t at = 0;

	if (in->on_pty) {
		if (n < 2)
			return -1;
		ret->master = fds[at++];
		ret->slave = fds[at++];
	}
	for (int i = 0; i < 3; i++)
		if (!(in->on_pty >> i & 1) && in->given[i] < 0 && at < n)
			ret->stdio[i] = fds[at++];
	if (in->agent && at < n)
		*in->ret_agent = fds[at++];
	return at == n ? 0 : -1;
}

static enum enter_result failure(const struct enter_word *word, struct err *e)
{
	*e = word->error;
	return word->kind == ENTER_WORD_NO_EXEC ? ENTER_NO_EXEC : ENTER_FAILED;
}

static enum enter_result not_heard(const struct enter *in, struct err *e)
{
	if (errno == EAGAIN)
		(void)err_set(e, 0,
			"session %s didn't let the command start within %d s: it was paused, or "
			"has no processor time or processes left (`nsctl status %s`)",
			in->record->id, HEAR_S, in->record->id);
	else
		(void)err_set(e, errno, "read what the session answers");
	return ENTER_FAILED;
}

static enum enter_result hear_end(const struct enter *in, int sock, struct err *e)
{
	struct enter_word word;
	int r = io_recv(sock, &word, sizeof(word), NULL, NULL);

	/* The exec closed the socket: the command runs. */
	if (r > 0)
		return ENTER_RUNS;
	if (r < 0)
		return not_heard(in, e);
	return failure(&word, e);
}

static enum enter_result hear(
	const struct enter *in, int sock, struct proxy *ret, struct err *e)
{
	bool born = false, stdio = false;

	for (;;) {
		struct enter_word word;
		int fds[IO_FDS_MAX];
		size_t n = 0;
		int r = io_recv(sock, &word, sizeof(word), fds, &n);

		if (r < 0)
			return not_heard(in, e);
		if (r > 0) {
			(void)err_set(e, 0, "session %s ended meanwhile", in->record->id);
			return ENTER_FAILED;
		}
		if (word.kind == ENTER_WORD_BORN) {
			ret->child = word.pid;
			born = true;
		} else if (word.kind == ENTER_WORD_STDIO) {
			if (take_stdio(in, fds, n, ret) < 0) {
				(void)err_set(
					e, EBADMSG, "read what the session answers");
				return ENTER_FAILED;
			}
			stdio = true;
		} else {
			return failure(&word, e);
		}
		/* Any may be first: the joiner tells the birth, the rest is the child's. */
		if (born && stdio)
			return hear_end(in, sock, e);
	}
}

/* On cgroup v1 one that is paused dies once it goes on: nobody waits for that. */
static void end(pid_t pid)
{
	_cleanup_close_ int pidfd = sys_pidfd_open(pid);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	(void)kill(pid, SIGKILL);
	if (pidfd >= 0 && poll(&p, 1, END_MS) > 0)
		(void)waitpid(pid, NULL, 0);
}

static void give_up(struct proxy *p)
{
	if (p->child > 0)
		end(p->child);
	cleanup_close(&p->master);
	cleanup_close(&p->slave);
	for (int i = 0; i < 3; i++)
		cleanup_close(&p->stdio[i]);
}

static enum enter_result start(const struct enter *in, const struct cgroup_fds *groups,
	struct proxy *ret, struct err *e)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	struct proxy p = PROXY_NONE;
	enum enter_result r;
	pid_t joiner_pid;
	const struct timeval patience = { .tv_sec = HEAR_S };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
		setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience,
			sizeof(patience)) < 0) {
		(void)err_set(e, errno, "make a socket to the session");
		return ENTER_FAILED;
	}
	ours = pair[0];
	theirs = pair[1];
	joiner_pid = start_joiner(in, groups, ours, theirs);
	if (joiner_pid < 0) {
		(void)err_set(e, errno, "start a process in session %s%s", in->record->id,
			errno == EAGAIN ? " (it has as many as it may have)" : "");
		return ENTER_FAILED;
	}
	cleanup_close(&theirs);
	r = hear(in, ours, &p, e);
	/* It has said all that it had to say. */
	end(joiner_pid);
	if (r != ENTER_RUNS) {
		give_up(&p);
		return r;
	}
	*ret = p;
	return r;
}

enum enter_result enter_session(
	const struct enter *asked, struct proxy *ret, struct err *e)
{
	struct filter filter;
	struct enter in = *asked;
	struct cgroup_fds groups;
	enum enter_result r;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) {
		(void)err_set(e, errno, "hide from debuggers");
		return ENTER_FAILED;
	}
	if (filter_map_key(in.record->filter, &filter, e) < 0)
		return ENTER_FAILED;
	in.filter = &filter;
	if (cgroup_join_open(in.held->proc, in.record->cgroup, in.limits != NULL, &groups,
		    e) < 0) {
		(void)err_wrap(e, "session %s", in.record->id);
		filter_unmap(&filter);
		return ENTER_FAILED;
	}
	r = start(&in, &groups, ret, e);
	cgroup_fds_close(&groups);
	filter_unmap(&filter);
	return r;
}
