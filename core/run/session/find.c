/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/session/find.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

/* ---- which ------------------------------------------------------------------------------- */

static bool is_joinable(const struct record *r)
{
	struct err ignored;

	return (r->state == RECORD_OPEN || r->state == RECORD_LINGERING) &&
	       r->init.pid > 0 && record_is_alive(r->id, &ignored) == 1;
}

static bool is_meant(const struct find_query *q, const struct record *r, bool by_id)
{
	if (q->id && strcmp(q->id, r->id) != 0)
		return false;
	return strcmp(q->name, by_id ? r->id : r->user) == 0;
}

/* Keep what is meant, in its order. */
static size_t sift(const struct find_query *q, const struct record *all, size_t n,
	struct record *ret)
{
	size_t kept = 0;

	for (int by_id = 0; by_id <= 1 && kept == 0; by_id++)
		for (size_t i = 0; i < n; i++)
			if (is_meant(q, &all[i], by_id) && is_joinable(&all[i]))
				ret[kept++] = all[i];
	return kept;
}

/* Nothing is found: is it that what is meant can't be understood? */
static int check_known(
	const struct find_query *q, const struct record *all, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].state == RECORD_UNKNOWN &&
			(is_meant(q, &all[i], true) || is_meant(q, &all[i], false)))
			return err_set(e, 0,
				"session %s is of another version of nsshell: nobody can step into it "
				"(nsctl stop %s ends it)",
				all[i].id, all[i].id);
	return 0;
}

int find_sessions(
	const struct find_query *q, struct record **ret, size_t *ret_n, struct err *e)
{
	_cleanup_free_ struct record *all = NULL, *kept = NULL;
	size_t n, bad;

	if (record_list(&all, &n, &bad, e) < 0)
		return -1;
	kept = calloc(n + 1, sizeof(*kept));
	if (!kept)
		return err_set(e, ENOMEM, "look for sessions");
	*ret_n = sift(q, all, n, kept);
	*ret = NULL;
	if (*ret_n == 0)
		return check_known(q, all, n, e);
	*ret = kept;
	kept = NULL;
	return 0;
}

/* ---- holding it -------------------------------------------------------------------------- */

/* Inode numbers of the namespaces that the kernel starts with: include/linux/proc_ns.h. */
enum {
	FIRST_CGROUP = 0xEFFFFFFB,
	FIRST_PID = 0xEFFFFFFC,
	FIRST_USER = 0xEFFFFFFD,
	FIRST_UTS = 0xEFFFFFFE,
	FIRST_IPC = 0xEFFFFFFF,
};

static const struct kind {
	const char *path; /* below /proc/PID */
	const char *own;
	int flag;
	size_t offset;  /* in struct record_namespaces; NO_RECORD: not recorded */
	uint64_t first; /* 0: no fixed number */
} kinds[] = {
#define NO_RECORD SIZE_MAX
#define KIND(name, flag, first)                                                          \
	{                                                                                \
		"ns/" #name, "/proc/self/ns/" #name, flag,                               \
			offsetof(struct record_namespaces, name), first                  \
	}
	KIND(user, CLONE_NEWUSER, FIRST_USER),
	KIND(pid, CLONE_NEWPID, FIRST_PID),
	KIND(mnt, CLONE_NEWNS, 0),
	KIND(uts, CLONE_NEWUTS, FIRST_UTS),
	KIND(ipc, CLONE_NEWIPC, FIRST_IPC),
	KIND(cgroup, CLONE_NEWCGROUP, FIRST_CGROUP),
	KIND(net, CLONE_NEWNET, 0),
	{ "ns/time", "/proc/self/ns/time", CLONE_NEWTIME, NO_RECORD, 0 },
#undef KIND
};

static int inode_of(int dir, const char *path, uint64_t *ret)
{
	struct stat st;

	if (fstatat(dir, path, &st, 0) < 0)
		return -1;
	*ret = st.st_ino;
	return 0;
}

/* One that the session shares with the host has no number in its record. */
static uint64_t recorded(const struct record *r, const struct kind *k)
{
	return k->offset == NO_RECORD
		       ? 0
		       : *(const uint64_t *)((const char *)&r->ns + k->offset);
}

static int check_namespace(
	const struct record *r, const struct kind *k, struct find_held *h, struct err *e)
{
	uint64_t theirs, ours, want = recorded(r, k);

	if (inode_of(h->proc, k->path, &theirs) < 0 ||
		inode_of(AT_FDCWD, k->own, &ours) < 0) {
		if (want == 0 && errno == ENOENT)
			return 0; /* a kernel without this kind */
		return err_set(e, errno, "look at %s of session %s", k->path, r->id);
	}
	if (want == 0 && k->offset != NO_RECORD && k->flag != CLONE_NEWCGROUP &&
		k->flag != CLONE_NEWNET)
		return err_set(
			e, 0, "the record of session %s has no %s", r->id, k->path);
	if (want != 0 && theirs != want)
		return err_set(e, 0,
			"%s of session %s isn't the recorded one: refused (`nsctl check`)",
			k->path, r->id);
	/* An admin may stand in the network that a session was given. */
	if (want != 0 && k->flag != CLONE_NEWNET &&
		(theirs == ours || theirs == k->first))
		return err_set(e, 0, "%s of session %s is the host's own: refused",
			k->path, r->id);
	if (theirs != ours)
		h->namespaces |= (uint64_t)k->flag;
	return 0;
}

/*
 * The directory is opened before the pidfd and read after it: when it still answers then, the
 * pid was its process's all the while, and the pidfd is of the same one.
 */
static int hold(const struct record *r, struct find_held *h, struct err *e)
{
	char path[32], stat[1024];
	uint64_t start;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)r->init.pid);
	h->proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->proc < 0)
		return err_set(e, errno == ENOENT ? ESRCH : errno, "session %s has ended",
			r->id);
	h->init = sys_pidfd_open(r->init.pid);
	if (h->init < 0)
		return err_set(e, errno, "hold session %s", r->id);
	if (io_read_text(h->proc, "stat", stat, sizeof(stat)) < 0)
		return err_set(e, errno, "session %s has ended", r->id);
	if (io_stat_start(stat, &start) < 0 || start != r->init.start)
		return err_set(e, 0, "pid %d isn't session %s any more", (int)r->init.pid,
			r->id);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (check_namespace(r, &kinds[i], h, e) < 0)
			return -1;
	return find_has_ended(h, 0) ? err_set(e, ESRCH, "session %s has ended", r->id)
				    : 0;
}

int find_hold(const struct record *r, struct find_held *ret, struct err *e)
{
	struct find_held h = FIND_HELD_NONE;

	if (r->uid == 0 || hold(r, &h, e) < 0) {
		find_release(&h);
		return r->uid == 0 ? err_set(e, 0, "session %s is root's: refused", r->id)
				   : -1;
	}
	*ret = h;
	return 0;
}

void find_release(struct find_held *h)
{
	cleanup_close(&h->proc);
	cleanup_close(&h->init);
}

bool find_has_ended(const struct find_held *h, int ms)
{
	struct pollfd p = { .fd = h->init, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}
