/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What fills up beside memory and processes: where the kernel counts for the whole machine, or
 * not at all, one account must not have everything.
 */
#include "core/plan/planner.h"

#define PAGE UINT64_C(4096)

/*
 * A file takes a page and its inode: many empty ones must not take all memory. Without a number
 * the kernel allows half as many as the machine has pages.
 */
uint64_t planner_inodes(uint64_t size)
{
	if (size == PARSE_INFINITY)
		return 0;
	return size / PAGE > 1024 ? size / PAGE : 1024;
}

/*
 * Terminals are counted for all boxes together: kernel.pty.max, 4096, of which the host keeps
 * kernel.pty.reserve, 1024. An account has two thirds of what is left at most.
 */
#define ACCOUNT_PTYS UINT64_C(2048)
#define PTYS_MOST    UINT64_C(1024)
#define PTYS_LEAST   UINT64_C(16)

uint64_t plan_ptys(const struct policy *policy)
{
	uint64_t sessions = policy->share == SHARE_ACCOUNT ? 1 : policy->sessions_max;
	uint64_t each = ACCOUNT_PTYS / (sessions ? sessions : 1);

	if (each > PTYS_MOST)
		return PTYS_MOST;
	return each < PTYS_LEAST ? PTYS_LEAST : each;
}

static void sysctl_add(struct planner *b, const char *path, const char *value)
{
	struct plan_op *op = planner_op(b, PLAN_SYSCTL, path);

	op->content = value;
	op->optional = true;
}

/*
 * System V IPC has no limit that counts, and stays when its process ends. Its shared memory may
 * be as large as /dev/shm; of message queues and semaphores there are as many as kernels before
 * 3.19 had. POSIX message queues have fit limits: mq_overview(7), RLIMIT_MSGQUEUE.
 *
 * Root of an ipc namespace's owner may write these since Linux 6.11; before that they are
 * left as they are, and it is MemoryMax= that counts.
 */
void plan_ipc(struct planner *b)
{
	uint64_t size = b->in->policy->tmp_size;

	if (size != PARSE_INFINITY)
		sysctl_add(b, "/proc/sys/kernel/shmall",
			planner_text(b, "%llu", (unsigned long long)(size / PAGE)));
	sysctl_add(b, "/proc/sys/kernel/msgmni", "128");
	sysctl_add(b, "/proc/sys/kernel/sem", "32000 32000 500 1024");
}
