/* SPDX-License-Identifier: BSD-3-Clause */
/* Usage, read from directories that look like a control group's. */
#include "config_fixture.h"

#include "core/run/cgroup/usage.h"
#include "core/run/cgroup/usage_more.h"

static void read_directory(
	const struct fixture *f, enum plan_cgroup_kind kind, struct usage *u)
{
	int dirs[USAGE_DIRS];

	for (int i = 0; i < USAGE_DIRS; i++)
		dirs[i] = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	usage_read_at(kind, dirs, u);
	for (int i = 0; i < USAGE_DIRS; i++)
		assert_int_equal(close(dirs[i]), 0);
}

static void text(struct fixture *f, const char *name, const char *bytes)
{
	put_bytes(f, name, bytes, strlen(bytes));
}

static void a_v2_group_is_read(void **state)
{
	struct fixture *f = *state;
	struct usage u;

	text(f, "memory.current", "4096\n");
	text(f, "memory.peak", "8192\n");
	text(f, "memory.max", "max\n");
	text(f, "memory.high", "1048576\n");
	text(f, "memory.events", "low 0\nhigh 3\nmax 2\noom 2\noom_kill 1\n");
	text(f, "cpu.stat", "usage_usec 1500000\nuser_usec 1\nnr_throttled 9\n");
	text(f, "cpu.max", "150000 100000\n");
	text(f, "cpu.weight", "100\n");
	text(f, "pids.current", "5\n");
	text(f, "pids.max", "512\n");
	text(f, "pids.events", "max 4\n");
	text(f, "io.stat", "8:0 rbytes=100 wbytes=20 rios=1\n8:16 rbytes=1 wbytes=2\n");
	read_directory(f, PLAN_CGROUP_V2, &u);
	assert_int_equal(u.memory, 4096);
	assert_int_equal(u.memory_peak, 8192);
	assert_true(u.limits[LIMIT_MEMORY_MAX] == PARSE_INFINITY);
	assert_int_equal(u.limits[LIMIT_MEMORY_HIGH], 1048576);
	assert_int_equal(u.oom_kills, 1);
	assert_int_equal(u.cpu_usec, 1500000);
	assert_int_equal(u.throttled, 9);
	assert_int_equal(u.limits[LIMIT_CPU_QUOTA], 150);
	assert_int_equal(u.tasks, 5);
	assert_int_equal(u.limits[LIMIT_TASKS_MAX], 512);
	assert_int_equal(u.refused_forks, 4);
	assert_int_equal(u.io_read, 101);
	assert_int_equal(u.io_write, 22);
}

static void a_v1_group_is_read(void **state)
{
	struct fixture *f = *state;
	struct usage u;

	text(f, "memory.usage_in_bytes", "4096\n");
	text(f, "memory.limit_in_bytes", "9223372036854771712\n");
	text(f, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
	text(f, "cpuacct.usage", "2500000000\n");
	text(f, "cpu.cfs_quota_us", "-1\n");
	text(f, "cpu.cfs_period_us", "100000\n");
	text(f, "cpu.shares", "1024\n");
	text(f, "pids.current", "5\n");
	text(f, "pids.max", "max\n");
	text(f, "blkio.throttle.io_service_bytes_recursive",
		"8:0 Read 10\n8:0 Write 3\n8:0 Total 13\nTotal 13\n");
	read_directory(f, PLAN_CGROUP_V1, &u);
	assert_int_equal(u.memory, 4096);
	assert_true(u.limits[LIMIT_MEMORY_MAX] == PARSE_INFINITY);
	assert_int_equal(u.oom_kills, 7);
	assert_int_equal(u.cpu_usec, 2500000);
	assert_true(u.limits[LIMIT_CPU_QUOTA] == PARSE_INFINITY);
	assert_int_equal(u.limits[LIMIT_CPU_WEIGHT], 100);
	assert_true(u.limits[LIMIT_TASKS_MAX] == PARSE_INFINITY);
	assert_int_equal(u.io_read, 10);
	assert_int_equal(u.io_write, 3);
}

static void read_more(
	const struct fixture *f, enum plan_cgroup_kind kind, struct usage_more *u)
{
	int dir = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	usage_more_at(kind, dir, dir, u);
	assert_int_equal(close(dir), 0);
}

static void the_speed_of_each_disk_is_read(void **state)
{
	struct fixture *f = *state;
	struct usage_more u;

	text(f, "io.max",
		"8:0 rbps=1000 wbps=max riops=max wiops=7\n259:1 rbps=max wbps=5 riops=6 wiops=max\n");
	text(f, "cpuset.cpus.effective", "0-3\n");
	read_more(f, PLAN_CGROUP_V2, &u);
	assert_string_equal(u.cpus, "0-3");
	assert_int_equal(u.n_disks, 2);
	assert_string_equal(u.disks[0].device, "8:0");
	assert_int_equal(u.disks[0].max[POLICY_IO_READ_BANDWIDTH], 1000);
	assert_true(u.disks[0].max[POLICY_IO_WRITE_BANDWIDTH] == PARSE_INFINITY);
	assert_int_equal(u.disks[0].max[POLICY_IO_WRITE_IOPS], 7);
	assert_int_equal(u.disks[1].max[POLICY_IO_WRITE_BANDWIDTH], 5);
	assert_int_equal(u.disks[1].max[POLICY_IO_READ_IOPS], 6);
	text(f, "blkio.throttle.write_iops_device", "8:0 9\n");
	read_more(f, PLAN_CGROUP_V1, &u);
	assert_int_equal(u.n_disks, 1);
	assert_int_equal(u.disks[0].max[POLICY_IO_WRITE_IOPS], 9);
	assert_true(u.disks[0].max[POLICY_IO_READ_IOPS] == PARSE_INFINITY);
}

/* Whatever the file counts in. */
static void a_weight_is_told_as_the_key_takes_it(void **state)
{
	struct fixture *f = *state;
	struct usage u;

	text(f, "io.bfq.weight", "default 500\n");
	read_directory(f, PLAN_CGROUP_V2, &u);
	assert_int_equal(u.limits[LIMIT_IO_WEIGHT], 4500);
	text(f, "io.weight", "default 200\n8:0 300\n");
	read_directory(f, PLAN_CGROUP_V2, &u);
	assert_int_equal(u.limits[LIMIT_IO_WEIGHT], 200);
	text(f, "blkio.weight", "250\n");
	text(f, "cpu.shares", "512\n");
	read_directory(f, PLAN_CGROUP_V1, &u);
	assert_int_equal(u.limits[LIMIT_IO_WEIGHT], 50);
	assert_int_equal(u.limits[LIMIT_CPU_WEIGHT], 50);
}

/* v1 counts memory and swap together, and a quota in a period of its own. */
static void what_v1_says_in_two_files_is_put_together(void **state)
{
	struct fixture *f = *state;
	struct usage u;

	text(f, "memory.limit_in_bytes", "67108864\n");
	text(f, "memory.memsw.limit_in_bytes", "83886080\n");
	text(f, "cpu.cfs_quota_us", "50000\n");
	text(f, "cpu.cfs_period_us", "25000\n");
	read_directory(f, PLAN_CGROUP_V1, &u);
	assert_int_equal(u.limits[LIMIT_SWAP_MAX], 16777216);
	assert_int_equal(u.limits[LIMIT_CPU_QUOTA], 200);
}

static void what_the_kernel_does_not_say_is_unknown(void **state)
{
	struct fixture *f = *state;
	struct usage u;

	text(f, "memory.current", "a lot\n");
	text(f, "memory.events", "oom_kills 4\n");
	text(f, "cpu.max", "\n");
	read_directory(f, PLAN_CGROUP_V2, &u);
	assert_true(u.memory == USAGE_UNKNOWN);
	assert_true(u.oom_kills == USAGE_UNKNOWN);
	assert_true(u.limits[LIMIT_CPU_QUOTA] == USAGE_UNKNOWN);
	assert_true(u.tasks == USAGE_UNKNOWN);
	assert_true(u.io_read == USAGE_UNKNOWN);
}

static void pressure_is_percent_and_microseconds(void **state)
{
	struct usage_pressure p;

	(void)state;
	assert_int_equal(usage_pressure_parse(
				 "some avg10=1.53 avg60=0.87 avg300=12.00 total=1234\n"
				 "full avg10=0.01 avg60=0.00 avg300=0.00 total=5\n",
				 &p),
		0);
	assert_int_equal(p.some10, 153);
	assert_int_equal(p.some300, 1200);
	assert_int_equal(p.some_total, 1234);
	assert_true(p.full_there);
	assert_int_equal(p.full10, 1);
	assert_int_equal(usage_pressure_parse(
				 "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", &p),
		0);
	assert_false(p.full_there);
	assert_int_equal(usage_pressure_parse("", &p), -1);
}

static void limits_hit_are_counted_wherever_the_kernel_does(void **state)
{
	struct usage account, sum, one, two;

	(void)state;
	usage_clear(&account);
	usage_clear(&sum);
	usage_clear(&one);
	usage_clear(&two);
	one.oom_kills = 2;
	two.oom_kills = 3;
	account.oom_kills = 0;
	account.refused_forks = 7;
	account.throttled = 1;
	two.throttled = 4;
	usage_add_hits(&sum, &one);
	usage_add_hits(&sum, &two);
	usage_hits(&account, &sum);
	assert_int_equal(account.oom_kills, 5);
	assert_int_equal(account.refused_forks, 7);
	assert_int_equal(account.throttled, 4);
	assert_true(sum.refused_forks == USAGE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(a_v2_group_is_read),
		story(a_v1_group_is_read),
		story(the_speed_of_each_disk_is_read),
		story(a_weight_is_told_as_the_key_takes_it),
		story(what_v1_says_in_two_files_is_put_together),
		story(what_the_kernel_does_not_say_is_unknown),
		cmocka_unit_test(pressure_is_percent_and_microseconds),
		cmocka_unit_test(limits_hit_are_counted_wherever_the_kernel_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
