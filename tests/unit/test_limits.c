/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits: what a key becomes in a group's files, and values put over a policy. */
#include "config_fixture.h"

#include "core/plan/limits.h"

static struct policy unlimited(void)
{
	return (struct policy){ .memory_max = PARSE_INFINITY,
		.memory_high = PARSE_INFINITY,
		.tasks_max = PARSE_INFINITY };
}

static void assert_file(enum plan_cgroup_kind kind, const char *key,
	const struct policy *p, size_t n, const char *file, const char *value)
{
	struct limit_file f[LIMIT_FILES_MAX];

	assert_int_equal(limits_files(kind, key, p, f), n);
	assert_string_equal(f[n - 1].file, file);
	assert_string_equal(f[n - 1].value, value);
	assert_string_equal(f[n - 1].key, key);
}

static void a_limit_is_written_as_each_kernel_wants_it(void **state)
{
	struct policy p = { .memory_max = (2U << 20) + 5,
		.memory_high = 1U << 20,
		.tasks_max = 512,
		.cpu_quota = 150,
		.cpu_weight = 50 };

	(void)state;
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
	assert_file(PLAN_CGROUP_V2, "TasksMax", &p, 1, "pids.max", "max");
	assert_file(PLAN_CGROUP_V2, "CPUQuota", &p, 1, "cpu.max", "max 100000");
	assert_file(PLAN_CGROUP_V1, "CPUQuota", &p, 2, "cpu.cfs_quota_us", "-1");
	assert_file(PLAN_CGROUP_V2, "CPUWeight", &p, 1, "cpu.weight", "100");
	assert_file(PLAN_CGROUP_V1, "CPUWeight", &p, 1, "cpu.shares", "1024");
	for (size_t i = 0; limits_keys[i]; i++)
		assert_false(limits_is_set(limits_keys[i], &p));
}

static void without_cgroups_there_is_nothing_to_write(void **state)
{
	const struct policy p = unlimited();
	struct limit_file f[LIMIT_FILES_MAX];

	(void)state;
	assert_int_equal(limits_files(PLAN_CGROUP_NONE, "MemoryMax", &p, f), 0);
	assert_int_equal(limits_files(PLAN_CGROUP_V2, "Hostname", &p, f), 0);
}

static void a_value_is_put_over_a_policy(void **state)
{
	struct policy p = unlimited();
	struct err e;

	(void)state;
	assert_int_equal(config_policy_set(&p, "TasksMax=7", &e), 0);
	assert_int_equal(p.tasks_max, 7);
	assert_int_equal(config_policy_set(&p, "TasksMax=some", &e), -1);
	assert_non_null(strstr(e.msg, "whole number"));
	assert_int_equal(p.tasks_max, 7);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_is_written_as_each_kernel_wants_it),
		cmocka_unit_test(no_limit_is_the_kernels_own_word),
		cmocka_unit_test(without_cgroups_there_is_nothing_to_write),
		cmocka_unit_test(a_value_is_put_over_a_policy),
		cmocka_unit_test(values_that_contradict_are_told),
		story(the_services_of_every_section_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
