/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/enter.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"
#include "core/run/cgroup_join.h"
#include "core/run/enter_inside.h"
#include "core/run/privs.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

/* ---- the joiner -------------------------------------------------------------------------- */

/* The session's login program has the limits that a login has; init those of a daemon. */
static pid_t model_of(const struct record *r)
{
	uint64_t start;

	/* Tried again: it is there, as a rule, and init's limits are others. */
	for (int tries = 0; r->caller.pid > 0 && tries < 2; tries++)
		if (io_process_start(r->caller.pid, &start) == 0)
			return start == r->caller.start ? r->caller.pid : r->init.pid;
	return r->init.pid;
}

static void take_limits(const struct record *r)
{
	pid_t model = model_of(r);

	for (int what = 0; what < RLIMIT_NLIMITS; what++) {
		struct rlimit limit;

		if (prlimit(model, (__rlimit_resource_t)what, NULL, &limit) == 0)
			(void)setrlimit((__rlimit_resource_t)what, &limit);
	}
	(void)setpriority(PRIO_PROCESS, 0, 0);
	(void)io_write_text(AT_FDCWD, "/proc/self/oom_score_adj", "0");
	(void)umask(022);
}

static int join(const struct enter *in, struct err *e)
{
	take_limits(in->record);
	if (sys_setns(in->held->init, (int)in->held->namespaces) < 0)
		return err_set(e, errno, "join session %s", in->record->id);
	if (privs_become_root_here(e) < 0)
		return -1;
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

/* A group that is full lets nobody be born in it, but lets an admin's process move in. */
static pid_t start_joiner(
	const struct enter *in, const struct cgroup_fds *groups, int ours, int theirs)
{
	struct sys_clone how = { .cgroup = groups->folder, .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&how);
	bool born_in_group = groups->folder >= 0;

	if (pid < 0 && born_in_group) {
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
		if (!(in->on_pty >> i & 1) && at < n)
			ret->stdio[i] = fds[at++];
	return at == n ? 0 : -1;
}

static enum enter_result failure(const struct enter_word *word, struct err *e)
{
	*e = word->error;
	return word->kind == ENTER_WORD_NO_EXEC ? ENTER_NO_EXEC : ENTER_FAILED;
}

static enum enter_result hear_end(int sock, struct err *e)
{
	struct enter_word word;
	int r = io_recv(sock, &word, sizeof(word), NULL, NULL);

	/* The exec closed the socket: the command runs. */
	if (r > 0)
		return ENTER_RUNS;
	if (r < 0) {
		(void)err_set(e, errno, "hear from inside");
		return ENTER_FAILED;
	}
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

		if (r != 0) {
			(void)err_set(e, r < 0 ? errno : 0, "session %s ended meanwhile",
				in->record->id);
			return ENTER_FAILED;
		}
		if (word.kind == ENTER_WORD_BORN) {
			ret->child = word.pid;
			born = true;
		} else if (word.kind == ENTER_WORD_STDIO) {
			if (take_stdio(in, fds, n, ret) < 0) {
				(void)err_set(e, EBADMSG, "hear from inside");
				return ENTER_FAILED;
			}
			stdio = true;
		} else {
			return failure(&word, e);
		}
		/* Any may be first: the joiner tells the birth, the rest is the child's. */
		if (born && stdio)
			return hear_end(sock, e);
	}
}

static void give_up(struct proxy *p)
{
	if (p->child > 0) {
		(void)kill(p->child, SIGKILL);
		while (waitpid(p->child, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
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
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		(void)err_set(e, errno, "make a socket to the inside");
		return ENTER_FAILED;
	}
	ours = pair[0];
	theirs = pair[1];
	joiner_pid = start_joiner(in, groups, ours, theirs);
	if (joiner_pid < 0) {
		(void)err_set(e, errno, "start a process");
		return ENTER_FAILED;
	}
	cleanup_close(&theirs);
	r = hear(in, ours, &p, e);
	while (waitpid(joiner_pid, NULL, 0) < 0 && errno == EINTR)
		continue;
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
	if (cgroup_join_open(in.held->proc, in.record->cgroup, &groups, e) < 0) {
		filter_unmap(&filter);
		return ENTER_FAILED;
	}
	r = start(&in, &groups, ret, e);
	cgroup_join_close(&groups);
	filter_unmap(&filter);
	return r;
}
