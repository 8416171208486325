/* SPDX-License-Identifier: BSD-3-Clause */
/* What limits are parts of: memory, tasks, CPUs and disks of this host. */
#pragma once

#include "core/run/host/host_facts.h"

struct libmnt_table;

/**
 * machine_gather() - What the limits of a policy need to know of the host
 * @mounts:	the mount table, for file systems that have no device of their own (btrfs)
 * @ret:	its cgroup and controllers are filled; gets memory, tasks, cpus, blocks, lacking
 *
 * Only what a limit of the policy asks for is looked at, so most logins look at nothing.
 *
 * Return: 0 or -1 with @e (no memory).
 */
int machine_gather(const struct policy *policy, struct libmnt_table *mounts,
	struct host *ret, struct err *e);

/* Bytes of RAM, and how many tasks there may be as systemd.resource-control(5) takes TasksMax= in percent; 0: not known. */
uint64_t machine_memory(void);
uint64_t machine_tasks(void);
