/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole plans, for hosts of different kinds: tests/golden/NAME.mountinfo is the host's
 * table, NAME.paths what else was looked at (a kind and a path a line), NAME.plan what
 * must come out.
 *
 * After a change that is meant:  UPDATE_GOLDEN=1 build/unit/test_golden && git diff
 * tests/golden
 */
#include "tests/unit/plan_input.h"

#include "core/base/cleanup.h"
#include "core/plan/plan_wire.h"

#include <libmount/libmount.h>

#define DIR_GOLDEN "tests/golden"

struct golden {
	const char *name;
	const char *home;
	const char *tty;
	enum plan_cgroup_kind cgroup;
	bool idmapped_lower;
	void (*change)(struct policy *p);
	bool systemd;
};

/* What a host has, read from the two files; freed together. */
struct tables {
	struct arena arena;
	struct plan_host_mount mounts[64];
	size_t n_mounts;
	struct plan_path paths[64];
	size_t n_paths;
};

static char *slurp(const char *path, bool must)
{
	_cleanup_file_ FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!f && !must)
		return strdup("");
	if (!f)
		fail_msg("%s: not there (tests run from the top of the tree)", path);
	if (getdelim(&text, &size, '\0', f) < 0) {
		free(text);
		text = strdup("");
	}
	return text;
}

static void read_mounts(const char *path, struct tables *t)
{
	struct libmnt_table *table = mnt_new_table_from_file(path);
	struct libmnt_iter *itr = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;

	assert_non_null(table);
	assert_non_null(itr);
	while (mnt_table_next_fs(table, itr, &fs) == 0) {
		assert_true(t->n_mounts < COUNT(t->mounts));
		t->mounts[t->n_mounts++] = (struct plan_host_mount){
			.target = arena_strdup(&t->arena, mnt_fs_get_target(fs)),
			.source = arena_strdup(&t->arena, mnt_fs_get_source(fs)),
			.root = arena_strdup(&t->arena, mnt_fs_get_root(fs)),
			.fstype = arena_strdup(&t->arena, mnt_fs_get_fstype(fs)),
			.readonly = mnt_fs_match_options(fs, "ro") == 1,
		};
	}
	mnt_free_iter(itr);
	mnt_unref_table(table);
	assert_true(t->n_mounts > 0);
}

static void read_paths(const char *path, struct tables *t)
{
	char *text = slurp(path, true);
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		bool dir = strncmp(line, "dir ", 4) == 0;

		assert_true(dir || strncmp(line, "file ", 5) == 0);
		assert_true(t->n_paths < COUNT(t->paths));
		t->paths[t->n_paths++] = (struct plan_path){
			.path = arena_strdup(&t->arena, line + (dir ? 4 : 5)),
			.kind = dir ? PLAN_PATH_DIR : PLAN_PATH_FILE,
		};
	}
	free(text);
}

static char *print_plan(const struct plan *p)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	plan_print(p, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void show_difference(const char *path, const char *want, const char *got)
{
	for (size_t at = 0, line = 1, begin = 0; want[at] || got[at]; at++) {
		if (want[at] != got[at])
			fail_msg("%s:%zu: expected\n  %.*s\nbut the plan says\n  %.*s",
				path, line, (int)strcspn(want + begin, "\n"),
				want + begin, (int)strcspn(got + begin, "\n"),
				got + begin);
		if (got[at] == '\n') {
			line++;
			begin = at + 1;
		}
	}
}

static void compare(const char *path, const char *got)
{
	char *want;

	if (getenv("UPDATE_GOLDEN")) {
		_cleanup_file_ FILE *f = fopen(path, "we");

		assert_non_null(f);
		assert_true(fputs(got, f) >= 0);
		return;
	}
	want = slurp(path, false);
	show_difference(path, want, got);
	free(want);
}

/* As it comes out of nsshell-planner: of other memory, and the same. */
static void cross(struct fixture *f)
{
	_cleanup_free_ void *bytes = NULL, *again = NULL;
	struct plan *p = calloc(1, sizeof(*p));
	struct arena arena = { 0 };
	size_t n, n_again;
	void *kept;

	assert_non_null(p);
	if (wire_put(&plan_wire, f->plan, &bytes, &n, &f->e) < 0)
		fail_msg("%s", f->e.msg);
	kept = arena_alloc(&arena, n);
	assert_non_null(kept);
	memcpy(kept, bytes, n);
	if (wire_take(&plan_wire, kept, n, &arena, p, &f->e) < 0)
		fail_msg("%s", f->e.msg);
	p->arena = arena;
	assert_int_equal(wire_put(&plan_wire, p, &again, &n_again, &f->e), 0);
	assert_int_equal(n, n_again);
	assert_memory_equal(bytes, again, n);
	assert_true(plan_rules_digest(p) == plan_rules_digest(f->plan));
	assert_true(plan_rootfs_digest(p) == plan_rootfs_digest(f->plan));
	assert_true(plan_tmp_digest(p) == plan_tmp_digest(f->plan));
	plan_free(f->plan);
	f->plan = p;
}

static const struct plan_block golden_blocks[] = {
	{ .path = "/data", .device = "8:16" },
};

static char *golden_layers[] = { (char *)"0123456789ab", (char *)"cdef01234567" };
static char *golden_environment[] = { (char *)"PATH=/opt/bin:/bin", (char *)"EDITOR=vi",
	(char *)"LD_PRELOAD=/x.so" };
static const struct plan_image golden_image = {
	.text = "course:2026@sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
	.lower = "/var/lib/nsshell/images/layers",
	.layers = golden_layers,
	.environment = golden_environment,
	.n_environment = COUNT(golden_environment),
	.n_layers = COUNT(golden_layers),
};

static void check(const struct golden *g)
{
	struct tables t = { 0 };
	struct fixture f;
	char path[128];
	_cleanup_free_ char *got = NULL;

	fixture_init(&f);
	(void)snprintf(path, sizeof(path), DIR_GOLDEN "/%s.mountinfo", g->name);
	read_mounts(path, &t);
	(void)snprintf(path, sizeof(path), DIR_GOLDEN "/%s.paths", g->name);
	read_paths(path, &t);
	f.account.home = (char *)g->home;
	f.login.tty = g->tty;
	f.host.mounts = t.mounts;
	f.host.n_mounts = t.n_mounts;
	f.host.paths = t.paths;
	f.host.n_paths = t.n_paths;
	f.host.cgroup = g->cgroup;
	f.host.hosts = "127.0.0.1\tlocalhost\n"
		       "127.0.1.1\tbuild.example.org build\n"
		       "192.0.2.20\tlicences # of the compiler\n";
	f.host.memory = 64ULL << 30;
	f.host.tasks = 32768;
	f.host.cpus = "0-7";
	f.host.blocks = golden_blocks;
	f.host.n_blocks = COUNT(golden_blocks);
	f.host.idmapped_lower = g->idmapped_lower;
	f.host.systemd = g->systemd;
	f.host.user_manager = "/usr/lib/systemd/systemd";
	f.host.ipv6 = f.host.forwards4 = f.host.forwards6 = true;
	f.in.number = 5;
	if (g->change)
		g->change(&f.policy);
	if (f.policy.image)
		f.host.image = &golden_image;
	if (plan_make(&f.in, &f.plan, &f.e) < 0)
		fail_msg("%s: %s", g->name, f.e.msg);
	arena_clear(&t.arena); /* the plan stands on its own */
	cross(&f);
	got = print_plan(f.plan);
	(void)snprintf(path, sizeof(path), DIR_GOLDEN "/%s.plan", g->name);
	compare(path, got);
	plan_free(f.plan);
}

static void a_laptop_has_root_and_home(void **state)
{
	(void)state;
	check(&(struct golden){ "laptop", "/home/alice", "/dev/tty2", PLAN_CGROUP_V2,
		true, NULL, false });
}

static void server_policy(struct policy *p)
{
	static char *speed[] = { (char *)"/data 20000000" };
	static char *binds[] = { (char *)"/data/shared", (char *)"-/not/there" };
	static char *ro[] = { (char *)"/data/sets:/sets" };
	static char *hide[] = { (char *)"/data/shared/private" };

	p->bind_paths = (struct strlist){ binds, 2 };
	p->bind_ro_paths = (struct strlist){ ro, 1 };
	p->inaccessible_paths = (struct strlist){ hide, 1 };
	p->hostname = (char *)"%h-%u";
	p->limits.memory_max.n = 2ULL << 30;
	p->limits.memory_high.n = (3ULL << 29) + 1;
	p->limits.tasks_max.n = 512;
	p->limits.cpu_quota = 150;
	p->limits.cpu_weight = 50;
	p->limits.cpus = (char *)"0-3,8";
	p->limits.io_weight = 20;
	p->limits.io[POLICY_IO_WRITE_BANDWIDTH] = (struct strlist){ speed, 1 };
	p->slice = (char *)"course";
	p->slice_limits.memory_max.permyriad = 5000;
	p->slice_limits.tasks_max.permyriad = 1000;
	p->oom = OOM_KILL;
}

static void a_server_has_usr_and_var_apart(void **state)
{
	(void)state;
	check(&(struct golden){ "server", "/home/alice", "/dev/pts/4", PLAN_CGROUP_V2,
		true, server_policy, false });
}

static void cluster_policy(struct policy *p)
{
	static char *binds[] = { (char *)"/scratch", (char *)"/projects/apollo" };
	static char *devices[] = { (char *)"-/dev/nvidia*", (char *)"-/dev/dri" };
	static char *sockets[] = { (char *)"-/run/munge/munge.socket.2" };

	p->bind_paths = (struct strlist){ binds, 2 };
	p->devices = (struct strlist){ devices, 2 };
	p->sockets = (struct strlist){ sockets, 1 };
	p->limits.memory_high.n = 1ULL << 30;
	p->limits.cpu_quota = 400;
	p->limits.cpu_weight = 200;
	p->share = SHARE_ACCOUNT;
	p->linger_usec = 3600ULL * 1000000;
}

static void a_cluster_automounts_homes_over_nfs(void **state)
{
	(void)state;
	check(&(struct golden){ "cluster", "/nfs/home/alice", "", PLAN_CGROUP_V1, true,
		cluster_policy, false });
}

/* And an account there has a network of its own. */
static void btrfs_policy(struct policy *p)
{
	static char *publish[] = { (char *)"80:8000", (char *)"[2001:db8::1]:53-54/udp" };
	static char *deny[] = { (char *)"10.0.0.0/8" };

	p->upper = UPPER_TMPFS;
	p->network.kind = NETWORK_PRIVATE;
	p->connections_max = 4096;
	p->publish = (struct strlist){ publish, 2 };
	p->ip_deny = (struct strlist){ deny, 1 };
}

static void a_btrfs_host_is_subvolumes(void **state)
{
	(void)state;
	check(&(struct golden){
		"btrfs", "/home/alice", "", PLAN_CGROUP_V2, true, btrfs_policy, false });
}

static void container_policy(struct policy *p)
{
	p->upper = UPPER_DISK;
	p->tmp = TMP_ACCOUNT;
	p->groups = GROUPS_NONE;
	p->linger_usec = PARSE_INFINITY;
}

static void a_container_has_an_overlay_for_root(void **state)
{
	(void)state;
	check(&(struct golden){ "container", "/srv/users/alice", "", PLAN_CGROUP_NONE,
		true, container_policy, false });
}

static void an_old_kernel_falls_back_to_plain_lowers(void **state)
{
	(void)state;
	check(&(struct golden){
		"oldkernel", "/home/alice", "", PLAN_CGROUP_V2, false, NULL, false });
}

static void debian_policy(struct policy *p)
{
	p->limits.memory_max.n = 2ULL << 30;
	p->limits.tasks_max.n = 512;
	p->limits.cpu_quota = 150;
	p->limits.cpu_weight = 50;
	p->user_manager = true;
	p->slice = (char *)"students";
	policy_limits_init(&p->slice_limits);
	p->slice_limits.memory_max.n = 8ULL << 30;
}

static void where_systemd_runs_it_makes_the_account_s_group(void **state)
{
	(void)state;
	check(&(struct golden){
		"debian", "/home/alice", "", PLAN_CGROUP_V2, true, debian_policy, true });
}

static void image_policy(struct policy *p)
{
	static char *ro[] = { (char *)"/srv/sets:/sets/2026" };
	static char *volumes[] = { (char *)"data:/srv/data", (char *)"cache:/tmp/cache" };
	static char *environment[] = { (char *)"EDITOR=nano", (char *)"MOTTO=so what" };

	p->image = (char *)"course:2026";
	p->bind_ro_paths = (struct strlist){ ro, 1 };
	p->upper = UPPER_DISK;
	p->shell = (char *)"/bin/dash";
	p->environment = (struct strlist){ environment, 2 };
	p->volumes = (struct strlist){ volumes, 2 };
}

static void a_box_over_an_image_has_little_of_the_host(void **state)
{
	(void)state;
	check(&(struct golden){
		"image", "/home/alice", "", PLAN_CGROUP_V2, true, image_policy, false });
}

static void root_policy(struct policy *p)
{
	p->image = (char *)"course:2026";
	p->upper = UPPER_DISK;
	p->root = true;
}

static void its_user_may_be_its_root(void **state)
{
	(void)state;
	check(&(struct golden){
		"root", "/home/alice", "", PLAN_CGROUP_V2, true, root_policy, false });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_laptop_has_root_and_home),
		cmocka_unit_test(a_server_has_usr_and_var_apart),
		cmocka_unit_test(a_cluster_automounts_homes_over_nfs),
		cmocka_unit_test(a_btrfs_host_is_subvolumes),
		cmocka_unit_test(a_container_has_an_overlay_for_root),
		cmocka_unit_test(an_old_kernel_falls_back_to_plain_lowers),
		cmocka_unit_test(a_box_over_an_image_has_little_of_the_host),
		cmocka_unit_test(its_user_may_be_its_root),
		cmocka_unit_test(where_systemd_runs_it_makes_the_account_s_group),
	};

	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
