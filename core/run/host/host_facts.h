/* SPDX-License-Identifier: BSD-3-Clause */
/* What this host has, gathered for the planner. Needs no privilege. */
#pragma once

#include "core/base/account.h"
#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/plan/policy.h"
#include "core/run/mount/imagestore.h"

struct host {
	struct arena arena;
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

/* The part of it that looks at paths, by resolve_path(). Return: 0 or -1 with @e. */
int host_paths(const struct account *account, const struct policy *policy, struct host *h,
	struct err *e);
/* Of the services that the policy's commands name, those whose PAM file has nsshell's line. Return: 0 or -1 with @e. */
int host_guarded(const struct policy *policy, struct host *h, struct err *e);
/* What the store has of RootFS=image:NAME; who isn't root is told the name alone. Return: 0 or -1 with @e. */
int host_image(const struct policy *policy, struct host *h, struct err *e);
void host_clear(struct host *h);
