/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/ids/userns.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/base/sys.h"

#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOLDER_STACK 16384

/* Who held the last namespace. */
static pid_t dying;

/* "4294967295 4294967295 65536\n" an extent at most. */
#define MAP_TEXT_MAX (IDMAP_EXTENTS_MAX * 33 + 1)

static int write_map(
	int proc, pid_t pid, const char *file, const struct idmap *map, struct err *e)
{
	char path[48], text[MAP_TEXT_MAX];

	if (idmap_format(map, text, sizeof(text)) < 0)
		return err_set(e, E2BIG, "write %s", file);
	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	return io_write_text(proc, path, text) < 0 ? err_set(e, errno, "write %s", file)
						   : 0;
}

int userns_write_maps(int proc, pid_t pid, const struct plan *plan, struct err *e)
{
	if (write_map(proc, pid, "uid_map", &plan->uids, e) < 0)
		return -1;
	return write_map(proc, pid, "gid_map", &plan->gids, e);
}

int userns_refused(struct err *e, int num)
{
	return err_set(e, num, "make a user namespace%s",
		num == ENOSPC || num == EUSERS
			? " (user.max_user_namespaces or another of these limits, pid, mnt, uts or ipc, allows no more: "
			  "sysctl -a -r '^user.max_.*_namespaces')"
		: num == EPERM ? " (the kernel forbids it: see `nsctl check`)"
			       : "");
}

/* Shares our memory (no page table is copied), and our end. */
static int hold_namespace(void *parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	while (getppid() == *(const pid_t *)parent)
		(void)pause();
	_exit(0);
}

static int open_namespace(int proc, pid_t pid, int *ret_fd, struct err *e)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "%d/ns/user", (int)pid);
	*ret_fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(e, errno, "open the user namespace") : 0;
}

void userns_reap(void)
{
	while (dying > 0 && waitpid(dying, NULL, 0) < 0 && errno == EINTR)
		continue;
	dying = 0;
}

int userns_create(int proc, const struct idmap *uids, const struct idmap *gids,
	int *ret_fd, struct err *e)
{
	static char stack[HOLDER_STACK] __attribute__((aligned(16)));
	static pid_t parent;
	pid_t pid;
	int r;

	/* It had this stack. */
	userns_reap();
	parent = getpid();
	pid = clone(hold_namespace, stack + sizeof(stack),
		CLONE_NEWUSER | CLONE_VM | SIGCHLD, &parent);
	if (pid < 0)
		return userns_refused(e, errno);
	r = write_map(proc, pid, "uid_map", uids, e);
	if (r == 0)
		r = write_map(proc, pid, "gid_map", gids, e);
	if (r == 0)
		r = open_namespace(proc, pid, ret_fd, e);
	/* It holds copies of our fds, locks among them: nothing goes on while it lives. */
	for (int tries = 0; tries < 3 && kill(pid, SIGKILL) < 0; tries++)
		continue;
	dying = pid;
	return r;
}

/* Without the fix-up effective capabilities stay: kernels exist that ask for them. */
static int own_as(uid_t uid, struct err *e)
{
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

	if (bits < 0 ||
		prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0)
		return err_set(e, errno, "keep capabilities over a change of ids");
	if (setresuid((uid_t)-1, uid, (uid_t)-1) < 0)
		return err_set(e, errno, "make a namespace as uid %u", uid);
	return bits;
}

/* Changing ids makes the process what fs.suid_dumpable says (prctl(2)). */
static int own_no_more(int bits, struct err *e)
{
	/* Who stays somebody else can't end what it has begun: nsshell-net, started by it, would have no right. */
	for (int tries = 0; tries < 3 && setresuid((uid_t)-1, 0, (uid_t)-1) < 0; tries++)
		continue;
	if (geteuid() != 0 || prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "be root again");
	return 0;
}

pid_t userns_clone(const struct plan *plan, struct sys_clone *how, struct err *e)
{
	int bits = own_as(idmap_to_host(&plan->uids, 0), e), failed;
	pid_t pid;

	if (bits < 0)
		return -1;
	pid = sys_clone3(how);
	if (pid == 0)
		return 0;
	failed = errno;
	if (own_no_more(bits, e) < 0)
		return -1;
	return pid < 0 ? userns_refused(e, failed) : pid;
}
