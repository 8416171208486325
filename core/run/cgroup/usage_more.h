/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits of a group that aren't one number: its CPUs, and the speed of each disk. */
#pragma once

#include "core/plan/plan.h"

#include <stddef.h>
#include <stdint.h>

#define USAGE_CPUS_MAX  128
#define USAGE_DISKS_MAX 16

struct usage_disk {
	char device[16]; /* "8:0" */
	/* in the order of POLICY_IO_*; PARSE_INFINITY: no limit */
	uint64_t max[POLICY_IO_KINDS];
};

struct usage_more {
	char cpus[USAGE_CPUS_MAX]; /* "0-3", "" where that isn't known */
	struct usage_disk disks[USAGE_DISKS_MAX];
	size_t n_disks;
};

/**
 * usage_more_at() - Read a group's files
 * @cpuset:	its directory for that controller, -1 where there is none; on v2 they are the same
 * @io:		the same for "io" or "blkio"
 *
 * What can't be read is left out; nothing fails.
 */
void usage_more_at(
	enum plan_cgroup_kind kind, int cpuset, int io, struct usage_more *ret);

/* The same for "nsshell/1000". */
void usage_more_read(
	enum plan_cgroup_kind kind, const char *group, struct usage_more *ret);
