/* SPDX-License-Identifier: BSD-3-Clause */
/* What this host has, gathered for the planner. */
#pragma once

#include "core/base/account.h"
#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/plan/policy.h"
#include "core/run/mount/imagestore.h"

#include <sys/stat.h>

/* How a process without rights looks at what it can't see itself. */
struct host_eyes {
	/* stat(2) or lstat(2). Return: 0, or -1 with errno */
	int (*look)(const char *path, bool follow, struct stat *ret);
	bool (*lxcfs_answers)(const char *where);
};

struct host {
	struct arena arena;
	const struct host_eyes *eyes; /* NULL: its own suffice */
	struct strlist controllers;
	struct strlist lacking;
	struct strlist guarded;
	struct image found; /* RootFS=image: */
	struct plan_image image;
	struct plan_host facts; /* points into the others */
};

/**
 * host_gather() - Mount table, paths, cgroups, kernel features, the image
 * @account:	with whose rights paths are looked at; NULL: none are, enough for limits
 * @policy:	whose paths to look at, beside the built-in lists
 * @ret:	filled on success; free with host_clear()
 *
 * The mount table is read through libmount from /proc/self/mountinfo.
 *
 * Return: 0 or -1 with @e.
 */
int host_gather(const struct account *account, const struct policy *policy,
	struct host *ret, struct err *e);

/**
 * host_world() - The part of it that anybody may look at, or by @eyes: mount table, cgroups, kernel, PAM files
 *
 * Return: 0 or -1 with @e.
 */
int host_world(const struct policy *policy, const struct host_eyes *eyes,
	struct host *ret, struct err *e);

/**
 * host_account() - The part that takes rights: paths and the image
 * @h:		{ 0 }, or from host_world(); free with host_clear(), also on failure
 *
 * Return: 0 or -1 with @e.
 */
int host_account(const struct account *account, const struct policy *policy,
	struct host *h, struct err *e);

/* stat(2) or lstat(2), by what eyes there are. Return: 0, or -1 with errno. */
int host_look(const struct host *h, const char *path, bool follow, struct stat *ret);

/* The part of it that looks at paths, by resolve_path(). Return: 0 or -1 with @e. */
int host_paths(const struct account *account, const struct policy *policy, struct host *h,
	struct err *e);
/* Of the services that the policy's commands name, those that host_is_guarded(). Return: 0 or -1 with @e. */
int host_guarded(const struct policy *policy, struct host *h, struct err *e);
/* Whether a PAM service's file has nsshell's line, and nothing before it ends the stack. Return: 1; 0, also where it can't
 * be read by us; or -1 with errno. */
int host_is_guarded(const char *service);
/* What the store has of RootFS=image:NAME; who isn't root is told the name alone. Return: 0 or -1 with @e. */
int host_image(const struct policy *policy, struct host *h, struct err *e);
void host_clear(struct host *h);
