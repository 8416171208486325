/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits: what a key becomes in a group's files, and values put over a policy. */
#include "config_fixture.h"

#include "core/plan/limits.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static char *every_v2[] = { (char *)"cpuset", (char *)"cpu", (char *)"io",
	(char *)"memory", (char *)"pids" };
static char *every_v1[] = { (char *)"cpuset", (char *)"cpu", (char *)"blkio",
	(char *)"memory", (char *)"pids" };
static const struct strlist v2_controllers = { every_v2, COUNT(every_v2) };
static const struct strlist v1_controllers = { every_v1, COUNT(every_v1) };
static const struct plan_block blocks[] = {
	{ .path = "/dev/sda", .device = "8:0" },
	{ .path = "/home", .device = "8:0" },
	{ .path = "/data", .device = "259:1" },
	{ .path = "/nfs", .why = "lies on no disk of this host" },
};

static struct plan_host host_of(enum plan_cgroup_kind kind)
{
	return (struct plan_host){ .cgroup = kind,
		.controllers = kind == PLAN_CGROUP_V1 ? &v1_controllers : &v2_controllers,
		.memory = 8ULL << 30,
		.tasks = 32768,
		.cpus = "0-3",
		.blocks = blocks,
		.n_blocks = COUNT(blocks) };
}

static struct policy unlimited(void)
{
	struct policy p = { 0 };

	policy_limits_init(&p.limits);
	policy_limits_init(&p.slice_limits);
	return p;
}

static const struct limit *row(const char *key)
{
	return limit_find(key, strlen(key));
}

static void give(struct policy *p, const char *assignment)
{
	struct err e;

	if (config_policy_set(p, assignment, &e) < 0)
		fail_msg("%s", e.msg);
}

static void assert_file_at(const struct plan_host *host, const char *key,
	const struct policy *p, size_t n, const char *file, const char *value)
{
	struct limit_file f[LIMIT_FILES_MAX];
	struct err e;
	size_t got;

	if (limit_files(host, row(key), &p->limits, f, &got, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(got, n);
	assert_string_equal(f[n - 1].file, file);
	assert_string_equal(f[n - 1].value, value);
	assert_string_equal(f[n - 1].key, key);
}

static void assert_file(enum plan_cgroup_kind kind, const char *key,
	const struct policy *p, size_t n, const char *file, const char *value)
{
	const struct plan_host host = host_of(kind);

	assert_file_at(&host, key, p, n, file, value);
}

static void assert_refused(const struct plan_host *host, const char *key,
	const struct policy *p, const char *because)
{
	struct limit_file f[LIMIT_FILES_MAX];
	struct err e = { 0 };
	size_t n;

	assert_int_equal(limit_files(host, row(key), &p->limits, f, &n, &e), -1);
	if (!strstr(e.msg, because) || !strstr(e.msg, key))
		fail_msg("\"%s\" says nothing of %s or %s", e.msg, key, because);
}

static void a_limit_is_written_as_each_kernel_wants_it(void **state)
{
	struct policy p = unlimited();

	(void)state;
	p.limits.memory_max.n = (2U << 20) + 5;
	give(&p, "MemoryHigh=1M");
	give(&p, "TasksMax=512");
	give(&p, "CPUQuota=150%");
	give(&p, "CPUWeight=50");
	assert_file(PLAN_CGROUP_V2, "MemoryMax", &p, 1, "memory.max", "2097152");
	assert_file(
		PLAN_CGROUP_V1, "MemoryMax", &p, 1, "memory.limit_in_bytes", "2097152");
	assert_file(PLAN_CGROUP_V2, "MemoryHigh", &p, 1, "memory.high", "1048576");
	assert_file(PLAN_CGROUP_V2, "TasksMax", &p, 1, "pids.max", "512");
	assert_file(PLAN_CGROUP_V2, "CPUQuota", &p, 1, "cpu.max", "150000 100000");
	assert_file(PLAN_CGROUP_V1, "CPUQuota", &p, 2, "cpu.cfs_quota_us", "150000");
	assert_file(PLAN_CGROUP_V2, "CPUWeight", &p, 1, "cpu.weight", "50");
	assert_file(PLAN_CGROUP_V1, "CPUWeight", &p, 1, "cpu.shares", "512");
}

static void no_limit_is_the_kernels_own_word(void **state)
{
	const struct policy p = unlimited();

	(void)state;
	assert_file(PLAN_CGROUP_V2, "MemoryMax", &p, 1, "memory.max", "max");
	assert_file(PLAN_CGROUP_V1, "MemoryMax", &p, 1, "memory.limit_in_bytes", "-1");
	assert_file(PLAN_CGROUP_V2, "MemorySwapMax", &p, 1, "memory.swap.max", "max");
	assert_file(PLAN_CGROUP_V1, "MemorySwapMax", &p, 1, "memory.memsw.limit_in_bytes",
		"-1");
	assert_file(PLAN_CGROUP_V2, "TasksMax", &p, 1, "pids.max", "max");
	assert_file(PLAN_CGROUP_V2, "CPUQuota", &p, 1, "cpu.max", "max 100000");
	assert_file(PLAN_CGROUP_V1, "CPUQuota", &p, 2, "cpu.cfs_quota_us", "-1");
	assert_file(PLAN_CGROUP_V2, "CPUWeight", &p, 1, "cpu.weight", "100");
	assert_file(PLAN_CGROUP_V1, "CPUWeight", &p, 1, "cpu.shares", "1024");
	assert_file(PLAN_CGROUP_V2, "AllowedCPUs", &p, 1, "cpuset.cpus", "");
	assert_file(PLAN_CGROUP_V1, "AllowedCPUs", &p, 1, "cpuset.cpus", "0-3");
	for (size_t i = 0; i < LIMITS; i++)
		assert_false(limit_is_set(&limits[i], &p.limits));
}

static void without_cgroups_there_is_nothing_to_write(void **state)
{
	const struct plan_host none = host_of(PLAN_CGROUP_NONE);
	struct policy p = unlimited();
	struct limit_file f[LIMIT_FILES_MAX];
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(limit_files(&none, row("MemoryMax"), &p.limits, f, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_null(row("Hostname"));
	give(&p, "MemoryMax=1G");
	assert_refused(&none, "MemoryMax", &p, "no controller of cgroups");
}

static void a_limit_may_be_one_of_v2_alone(void **state)
{
	const struct plan_host v1 = host_of(PLAN_CGROUP_V1), v2 = host_of(PLAN_CGROUP_V2);
	const struct limit zswap = { .key = "MemoryZSwapMax",
		.kind = LIMIT_MEMORY,
		.offset = offsetof(struct policy_limits, memory_high),
		.on[PLAN_CGROUP_V2] = {
			"memory", { { .file = "memory.zswap.max", .none = "max" } } } };
	struct policy p = unlimited();
	struct limit_file f[LIMIT_FILES_MAX];
	struct err e = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(limit_files(&v1, &zswap, &p.limits, f, &n, &e), 0);
	assert_int_equal(n, 0);
	give(&p, "MemoryHigh=5M");
	assert_int_equal(limit_files(&v2, &zswap, &p.limits, f, &n, &e), 0);
	assert_string_equal(f[0].value, "5242880");
	assert_int_equal(limit_files(&v1, &zswap, &p.limits, f, &n, &e), -1);
	assert_non_null(strstr(e.msg, "MemoryZSwapMax=: cgroup v1 has no such limit"));
}

static void a_percentage_is_one_of_the_machine(void **state)
{
	struct plan_host host = host_of(PLAN_CGROUP_V2);
	struct policy p = unlimited();

	(void)state;
	give(&p, "MemoryMax=25%");
	give(&p, "MemoryHigh=12.5%");
	give(&p, "MemorySwapMax=0.01%");
	give(&p, "TasksMax=10%");
	assert_file(PLAN_CGROUP_V2, "MemoryMax", &p, 1, "memory.max", "2147483648");
	assert_file(PLAN_CGROUP_V2, "MemoryHigh", &p, 1, "memory.high", "1073741824");
	/* 858993 bytes are 209 pages */
	assert_file(PLAN_CGROUP_V2, "MemorySwapMax", &p, 1, "memory.swap.max", "856064");
	assert_file(PLAN_CGROUP_V1, "TasksMax", &p, 1, "pids.max", "3276");
	host.memory = 0;
	assert_refused(&host, "MemoryMax", &p, "write a number");
}

static void swap_has_a_limit_of_its_own_on_v2_and_a_sum_on_v1(void **state)
{
	static char *lacks[] = { (char *)"memory.swap.max",
		(char *)"memory.memsw.limit_in_bytes" };
	const struct strlist lacking = { lacks, 2 };
	struct plan_host v1 = host_of(PLAN_CGROUP_V1), v2 = host_of(PLAN_CGROUP_V2);
	struct policy p = unlimited();

	(void)state;
	give(&p, "MemorySwapMax=0");
	assert_file(PLAN_CGROUP_V2, "MemorySwapMax", &p, 1, "memory.swap.max", "0");
	assert_refused(&v1, "MemorySwapMax", &p, "set MemoryMax=");
	give(&p, "MemoryMax=64M");
	give(&p, "MemorySwapMax=16M");
	assert_file(PLAN_CGROUP_V1, "MemorySwapMax", &p, 1, "memory.memsw.limit_in_bytes",
		"83886080");
	v1.lacking = v2.lacking = &lacking;
	assert_refused(&v1, "MemorySwapMax", &p, "swapaccount=1");
	assert_refused(&v2, "MemorySwapMax", &p, "swapaccount=1");
}

static void cpus_that_are_not_there_are_left_out(void **state)
{
	const struct plan_host host = host_of(PLAN_CGROUP_V2);
	struct policy p = unlimited();

	(void)state;
	give(&p, "AllowedCPUs=7 2-3,1,2");
	assert_string_equal(p.limits.cpus, "1-3,7");
	assert_file(PLAN_CGROUP_V2, "AllowedCPUs", &p, 1, "cpuset.cpus", "1-3");
	assert_file(PLAN_CGROUP_V1, "AllowedCPUs", &p, 1, "cpuset.cpus", "1-3");
	give(&p, "AllowedCPUs=8-11");
	assert_refused(&host, "AllowedCPUs", &p, "it has 0-3");
	give(&p, "AllowedCPUs=all");
	assert_false(limit_is_set(row("AllowedCPUs"), &p.limits));
	policy_clear(&p);
}

static void an_io_weight_goes_where_the_kernel_has_a_file(void **state)
{
	static char *lacks[] = { (char *)"io.weight", (char *)"blkio.bfq.weight",
		(char *)"io.bfq.weight", (char *)"blkio.weight" };
	const struct strlist two = { lacks, 2 }, four = { lacks, 4 };
	struct plan_host v1 = host_of(PLAN_CGROUP_V1), v2 = host_of(PLAN_CGROUP_V2);
	struct policy p = unlimited();

	(void)state;
	give(&p, "IOWeight=10000");
	assert_file(PLAN_CGROUP_V2, "IOWeight", &p, 2, "io.bfq.weight", "1000");
	assert_file(PLAN_CGROUP_V1, "IOWeight", &p, 1, "blkio.bfq.weight", "1000");
	give(&p, "IOWeight=50");
	v1.lacking = v2.lacking = &two;
	assert_file_at(&v2, "IOWeight", &p, 1, "io.bfq.weight", "50");
	assert_file_at(&v1, "IOWeight", &p, 1, "blkio.weight", "250");
	v1.lacking = v2.lacking = &four;
	assert_refused(&v2, "IOWeight", &p, "bfq");
	assert_refused(&v1, "IOWeight", &p, "bfq");
}

static void a_speed_is_written_for_the_disk_below_the_path(void **state)
{
	const struct plan_host host = host_of(PLAN_CGROUP_V2);
	struct policy p = unlimited();

	(void)state;
	give(&p, "IOReadBandwidthMax=/home 20M");
	assert_file(PLAN_CGROUP_V2, "IOReadBandwidthMax", &p, 1, "io.max",
		"8:0 rbps=20000000");
	assert_file(PLAN_CGROUP_V1, "IOReadBandwidthMax", &p, 1,
		"blkio.throttle.read_bps_device", "8:0 20000000");
	give(&p, "IOReadBandwidthMax=/dev/sda 1K");
	give(&p, "IOReadBandwidthMax=/data infinity");
	assert_file(
		PLAN_CGROUP_V2, "IOReadBandwidthMax", &p, 2, "io.max", "259:1 rbps=max");
	assert_file(PLAN_CGROUP_V1, "IOReadBandwidthMax", &p, 2,
		"blkio.throttle.read_bps_device", "259:1 0");
	/* /home and /dev/sda are one disk: the lower speed holds. */
	give(&p, "IOReadBandwidthMax=");
	give(&p, "IOReadBandwidthMax=/home 20M");
	give(&p, "IOReadBandwidthMax=/dev/sda 1K");
	assert_file(
		PLAN_CGROUP_V2, "IOReadBandwidthMax", &p, 1, "io.max", "8:0 rbps=1000");
	give(&p, "IOWriteIOPSMax=/data 500");
	assert_file(PLAN_CGROUP_V2, "IOWriteIOPSMax", &p, 1, "io.max", "259:1 wiops=500");
	give(&p, "IOWriteIOPSMax=/nfs 500");
	assert_refused(&host, "IOWriteIOPSMax", &p, "no disk");
	give(&p, "IOReadIOPSMax=/data infinity");
	assert_false(limit_is_set(row("IOReadIOPSMax"), &p.limits));
	policy_clear(&p);
}

static void a_value_is_put_over_a_policy(void **state)
{
	struct policy p = unlimited();
	struct err e;

	(void)state;
	assert_int_equal(config_policy_set(&p, "TasksMax=7", &e), 0);
	assert_int_equal(p.limits.tasks_max.n, 7);
	assert_int_equal(config_policy_set(&p, "TasksMax=some", &e), -1);
	assert_non_null(strstr(e.msg, "whole number"));
	assert_int_equal(p.limits.tasks_max.n, 7);
	assert_int_equal(config_policy_set(&p, "TaskMax=8", &e), -1);
	assert_non_null(strstr(e.msg, "TasksMax="));
	assert_int_equal(config_policy_set(&p, "TasksMax", &e), -1);
	assert_int_equal(config_policy_set(&p, "=7", &e), -1);
}

static void values_that_contradict_are_told(void **state)
{
	struct policy p = unlimited();
	struct err e;

	(void)state;
	assert_int_equal(config_policy_set(&p, "MemoryMax=1G", &e), 0);
	assert_int_equal(config_policy_check(&p, &e), 0);
	assert_int_equal(config_policy_set(&p, "MemoryHigh=2G", &e), 0);
	assert_int_equal(config_policy_check(&p, &e), -1);
}

static void the_services_of_every_section_are_found(void **state)
{
	struct fixture *f = *state;
	struct strlist l = { 0 };

	put_bytes(f, "nsshell.conf",
		"[Default]\nServices=\nServices=sshd\n"
		"[Group staff]\nServices=atd sshd\n"
		"[User bob]\nServices=\nServices=xrdp\n",
		101);
	assert_int_equal(config_load(f->path, &f->c, &f->e), 0);
	assert_int_equal(config_services(f->c, &l, &f->e), 0);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0], "sshd");
	assert_true(strlist_has(&l, "atd"));
	assert_true(strlist_has(&l, "xrdp"));
	strlist_clear(&l);
}

static void that_nobody_is_isolated_is_seen_without_an_account(void **state)
{
	struct fixture *f = *state;

	load(f);
	assert_false(config_isolates(f->c));
	load_text(f, "[Default]\nIsolate=no\nTasksMax=100\n[Group staff]\nIsolate=0\n");
	assert_false(config_isolates(f->c));
	put(f, "nsshell.conf.d/10.conf",
		"[User bob]\nIsolate=no\n[Group lab]\nIsolate=on\n");
	load(f);
	assert_true(config_isolates(f->c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_is_written_as_each_kernel_wants_it),
		cmocka_unit_test(no_limit_is_the_kernels_own_word),
		cmocka_unit_test(without_cgroups_there_is_nothing_to_write),
		cmocka_unit_test(a_limit_may_be_one_of_v2_alone),
		cmocka_unit_test(a_percentage_is_one_of_the_machine),
		cmocka_unit_test(swap_has_a_limit_of_its_own_on_v2_and_a_sum_on_v1),
		cmocka_unit_test(cpus_that_are_not_there_are_left_out),
		cmocka_unit_test(an_io_weight_goes_where_the_kernel_has_a_file),
		cmocka_unit_test(a_speed_is_written_for_the_disk_below_the_path),
		cmocka_unit_test(a_value_is_put_over_a_policy),
		cmocka_unit_test(values_that_contradict_are_told),
		story(the_services_of_every_section_are_found),
		story(that_nobody_is_isolated_is_seen_without_an_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
