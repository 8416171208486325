/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host's mount table, as libmount reads it, and the plan that comes of it: whoever may mount
 * (FUSE, automounts, containers) chooses what stands there.
 */
#include "core/base/cleanup.h"
#include "core/plan/plan.h"
#include "tests/fuzz/fuzz.h"

#include <libmount/libmount.h>

#define MOUNTS 64

struct table {
	struct arena arena;
	struct plan_host_mount v[MOUNTS];
	size_t n;
};

static const char *keep(struct table *t, const char *s)
{
	const char *copy = arena_strdup(&t->arena, s ? s : "");

	must(copy);
	return copy;
}

static void read_table(FILE *in, struct table *t)
{
	struct libmnt_table *table = mnt_new_table();
	struct libmnt_iter *at = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;

	must(table && at);
	if (mnt_table_parse_stream(table, in, "mountinfo") == 0)
		while (t->n < MOUNTS && mnt_table_next_fs(table, at, &fs) == 0)
			t->v[t->n++] = (struct plan_host_mount){
				.target = keep(t, mnt_fs_get_target(fs)),
				.source = keep(t, mnt_fs_get_source(fs)),
				.root = keep(t, mnt_fs_get_root(fs)),
				.fstype = keep(t, mnt_fs_get_fstype(fs)),
				.readonly = mnt_fs_match_options(fs, "ro") == 1,
			};
	mnt_free_iter(at);
	mnt_unref_table(table);
}

static void plan_for(const struct table *t)
{
	gid_t group = 1000;
	char *group_name = (char *)"alice", *bind = (char *)"-/srv/data:/data";
	const struct account alice = { (char *)"alice", 1000, 1000, (char *)"/home/alice",
		(char *)"/bin/sh", &group, &group_name, 1 };
	struct policy policy = { .isolate = true,
		.bind_paths = { &bind, 1 },
		.tmp_size = 1 << 20,
		.upper_size = 1 << 20 };
	const struct plan_login login = {
		.id = "k3v9x0ab12cd", .service = "sshd", .rhost = "", .tty = ""
	};
	const struct strlist none = { 0 };
	const struct plan_host host = { .hostname = "host",
		.mounts = t->v,
		.n_mounts = t->n,
		.idmapped_lower = true,
		.controllers = &none };
	const struct id_range range = { 100000, 65536 };
	const struct plan_input in = { .account = &alice,
		.policy = &policy,
		.login = &login,
		.host = &host,
		.uid_ranges = &range,
		.n_uid_ranges = 1,
		.gid_ranges = &range,
		.n_gid_ranges = 1 };
	struct plan *plan = NULL;
	struct err e = { 0 };

	policy_limits_init(&policy.limits);
	if (plan_make(&in, &plan, &e) < 0) {
		must(e.msg[0]);
		return;
	}
	for (size_t i = 0; i < plan->n_ops; i++)
		must(plan->ops[i].target && plan->ops[i].target[0] == '/');
	plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_file_ FILE *in =
		size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct table t = { 0 };

	if (!in)
		return 0;
	read_table(in, &t);
	plan_for(&t);
	arena_clear(&t.arena);
	return 0;
}
