/* SPDX-License-Identifier: BSD-3-Clause */
/* An account, a policy, a login and a host to plan for; each test changes what it is about. */
#pragma once

#include "core/plan/plan.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/mount.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* A strlist of literals, for as long as the function lasts. */
#define LIST(...)                                                                        \
	((struct strlist){                                                               \
		(char *[]){ __VA_ARGS__ }, COUNT(((char *[]){ __VA_ARGS__ })) })

struct fixture {
	gid_t groups[3];
	char *group_names[3];
	struct account account;
	struct policy policy;
	struct plan_login login;
	struct plan_host_mount mounts[8];
	struct plan_path paths[32];
	char *controller_names[5];
	struct strlist controllers;
	struct plan_host host;
	struct id_range range;
	struct plan_input in;
	struct plan *plan;
	struct err e;
};

static inline void fixture_policy(struct policy *p)
{
	*p = (struct policy){ .isolate = true,
		.tmp_size = 64 << 20,
		.upper_size = 256 << 20,
		.sessions_max = 32 };
	policy_limits_init(&p->limits);
	policy_limits_init(&p->slice_limits);
}

/* More of the host's paths; what is named in a test exists by that. */
static inline void fixture_path(
	struct fixture *f, const char *path, enum plan_path_kind kind)
{
	assert_true(f->host.n_paths < COUNT(f->paths));
	f->paths[f->host.n_paths++] = (struct plan_path){ .path = path, .kind = kind };
}

static inline void fixture_mount(
	struct fixture *f, const char *target, const char *fstype, bool readonly)
{
	assert_true(f->host.n_mounts < COUNT(f->mounts));
	f->mounts[f->host.n_mounts++] = (struct plan_host_mount){ .target = target,
		.source = "/dev/sda1",
		.root = "/",
		.fstype = fstype,
		.readonly = readonly };
}

static inline void fixture_init(struct fixture *f)
{
	*f = (struct fixture){ .groups = { 1000, 27, 100 },
		.account = { .name = (char *)"alice",
			.uid = 1000,
			.gid = 1000,
			.home = (char *)"/home/alice",
			.shell = (char *)"/bin/bash",
			.n_groups = 3 },
		.login = { .id = "k3v9x0ab12cd",
			.service = "sshd",
			.rhost = "192.0.2.7",
			.tty = "" },
		.controller_names = { (char *)"cpuset", (char *)"cpu", (char *)"io",
			(char *)"memory", (char *)"pids" },
		.range = { 100000, 65536 } };
	f->account.groups = f->groups;
	f->account.group_names = f->group_names;
	f->controllers = (struct strlist){ f->controller_names, 5 };
	fixture_policy(&f->policy);
	f->host = (struct plan_host){ .hostname = "build.example.org",
		.mounts = f->mounts,
		.paths = f->paths,
		.idmapped_lower = true,
		.cgroup = PLAN_CGROUP_V2,
		.controllers = &f->controllers };
	f->in = (struct plan_input){ &f->account, &f->policy, &f->login, &f->host,
		&f->range, 1, &f->range, 1, NULL, NULL, 0 };
	fixture_mount(f, "/", "ext4", false);
	fixture_mount(f, "/proc", "proc", false);
	fixture_path(f, "/etc/shadow", PLAN_PATH_FILE);
	fixture_path(f, "/root", PLAN_PATH_DIR);
	fixture_path(f, "/dev/null", PLAN_PATH_FILE);
	fixture_path(f, "/run/systemd/journal/dev-log", PLAN_PATH_FILE);
}

/* Plan anew, in place of what was there; the test fails when that is refused. */
static inline void fixture_plan(struct fixture *f)
{
	plan_free(f->plan);
	f->plan = NULL;
	if (plan_make(&f->in, &f->plan, &f->e) < 0)
		fail_msg("%s", f->e.msg);
	if (!f->plan)
		abort(); /* not reached; an analyzer can't know what fail_msg() does */
}

static inline void fixture_refused(struct fixture *f, const char *because)
{
	plan_free(f->plan);
	f->plan = NULL;
	assert_int_equal(plan_make(&f->in, &f->plan, &f->e), -1);
	assert_null(f->plan);
	if (!strstr(f->e.msg, because))
		fail_msg("\"%s\" says nothing of \"%s\"", f->e.msg, because);
}
