/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session or an account uses, and its limits, as the kernel counts them. */
#pragma once

#include "core/base/parse.h"
#include "core/plan/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* The kernel doesn't say: no such controller, an older kernel, another cgroup version. */
#define USAGE_UNKNOWN (UINT64_MAX - 1)

/* Numbers of 64 bits, all of them. */
struct usage {
	uint64_t memory;            /* bytes, page cache included */
	uint64_t memory_peak;       /* v2: Linux 5.19 */
	uint64_t swap;              /* v2 only */
	uint64_t cpu_usec;          /* user and system */
	uint64_t throttled;         /* times that CPUQuota= made it wait */
	uint64_t tasks;             /* processes and threads */
	uint64_t io_read, io_write; /* bytes; where an io or blkio controller is there */
	/* Counted for the group at its limit (v2; forks since Linux 6.11), or only for the group of
	 * the process (v1, and forks before): usage_hits() takes both. */
	uint64_t oom_kills;     /* v1: Linux 4.13 */
	uint64_t refused_forks; /* TasksMax= said no */
	/* Of the account's network, netcount.h; nsctl_network_look() fills them in */
	uint64_t net_in, net_out; /* bytes */
	uint64_t net_in_packets, net_out_packets;
	uint64_t net_refused; /* packets */
	/* Those that are one number, as the key takes it; PARSE_INFINITY: none. MemorySwapMax= of v1
	 * is what memory and swap together may be above MemoryMax=. */
	uint64_t limits[LIMITS];
};

/* One line of a PSI file, "some" or "full": percent times 100, and microseconds. */
struct usage_pressure {
	bool some_there, full_there;
	uint32_t some10, some60, some300, full10, full60, full300;
	uint64_t some_total, full_total;
};

/* Directories of one group, one a controller; on v2 they are all the same. */
enum usage_dir {
	USAGE_MEMORY,
	USAGE_CPU,
	USAGE_CPUACCT,
	USAGE_PIDS,
	USAGE_IO,
	USAGE_DIRS,
};

/* Everything unknown. */
void usage_clear(struct usage *u);

/**
 * usage_read_at() - Read a group's files
 * @dirs:	directory fds, -1 where there is none
 *
 * What can't be read is USAGE_UNKNOWN; nothing fails.
 */
void usage_read_at(
	enum plan_cgroup_kind kind, const int dirs[USAGE_DIRS], struct usage *ret);

/* The same for "nsshell/1000" or "nsshell/1000/ID". */
void usage_read(enum plan_cgroup_kind kind, const char *group, struct usage *ret);

/**
 * usage_hits() - Take over how often limits were hit by sessions of an account
 * @account:	what its own group counts
 * @sessions:	what those of its sessions count together
 */
void usage_hits(struct usage *account, const struct usage *sessions);

/* Take over what a session says of its account's network, where it says something. */
void usage_network(struct usage *account, const struct usage *session);

/* Add what a session counts of limits that were hit. */
void usage_add_hits(struct usage *sum, const struct usage *session);

/* The text of a PSI file (Linux 4.20). Return: 0, -1 when there is nothing in it. */
int usage_pressure_parse(const char *text, struct usage_pressure *ret);

/**
 * usage_pressure_read() - Pressure that a group feels
 * @what:	"cpu", "memory", "io"
 *
 * Return: 0; -1 where the kernel has none: v1, PSI not built in or switched off.
 */
int usage_pressure_read(enum plan_cgroup_kind kind, const char *group, const char *what,
	struct usage_pressure *ret);
