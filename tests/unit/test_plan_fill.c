/* SPDX-License-Identifier: BSD-3-Clause */
/* What fills up has an end, whatever the config says. */
#include "tests/unit/plan_places.h"

static void every_tmpfs_has_a_limit_of_bytes_and_of_files(void **state)
{
	(void)state;
	f.policy.upper = UPPER_TMPFS;
	made();
	for (size_t i = 0; i < f.plan->n_ops; i++)
		if (f.plan->ops[i].kind == PLAN_TMPFS)
			assert_true(f.plan->ops[i].size > 0 && f.plan->ops[i].inodes > 0);
	assert_int_equal(op(PLAN_TMPFS, "/tmp")->inodes, (64 << 20) / 4096);
	assert_int_equal(f.plan->upper_inodes, (256 << 20) / 4096);
	f.policy.tmp_size = f.policy.upper_size = 4096;
	made();
	assert_int_equal(op(PLAN_TMPFS, "/dev/shm")->inodes, 1024);
	assert_int_equal(f.plan->upper_inodes, 1024);
}

static void a_size_of_memory_is_no_limit_of_a_disk(void **state)
{
	(void)state;
	f.policy.upper = UPPER_DISK;
	made();
	assert_true(f.plan->upper_size == PARSE_INFINITY);
	assert_int_equal(f.plan->upper_inodes, 0);
	f.policy.upper_sized = true;
	made();
	assert_int_equal(f.plan->upper_size, 256 << 20);
	assert_int_equal(f.plan->upper_inodes, (256 << 20) / 4096);
}

static void no_limit_is_the_kernels(void **state)
{
	(void)state;
	f.policy.upper = UPPER_TMPFS;
	f.policy.tmp_size = f.policy.upper_size = PARSE_INFINITY;
	made();
	assert_int_equal(op(PLAN_TMPFS, "/tmp")->size, 0);
	assert_int_equal(op(PLAN_TMPFS, "/tmp")->inodes, 0);
	assert_int_equal(f.plan->upper_inodes, 0);
	assert_false(has(PLAN_SYSCTL, "/proc/sys/kernel/shmall"));
}

static uint64_t ptys(enum policy_share share, uint64_t sessions)
{
	f.policy.share = share;
	f.policy.sessions_max = sessions;
	made();
	return op(PLAN_DEVPTS, "/dev/pts")->inodes;
}

static void an_account_has_two_thirds_of_the_terminals(void **state)
{
	(void)state;
	assert_int_equal(ptys(SHARE_LOGIN, 32), 64);
	assert_int_equal(ptys(SHARE_LOGIN, 1), 1024);
	assert_int_equal(ptys(SHARE_LOGIN, PARSE_INFINITY), 16);
	assert_int_equal(ptys(SHARE_ACCOUNT, 32), 1024);
}

static void shared_memory_is_as_large_as_dev_shm(void **state)
{
	(void)state;
	made();
	assert_string_equal(op(PLAN_SYSCTL, "/proc/sys/kernel/shmall")->content, "16384");
	assert_true(op_at(PLAN_PROC, "/proc") <
		    op_at(PLAN_SYSCTL, "/proc/sys/kernel/shmall"));
	assert_true(op_at(PLAN_SYSCTL, "/proc/sys/kernel/shmall") <
		    op_at(PLAN_READONLY, "/proc/sys"));
}

static void a_default_that_the_host_cannot_keep_is_left_out_and_told(void **state)
{
	(void)state;
	f.host.tasks = 1000;
	f.policy.limits.tasks_max =
		(struct policy_amount){ .permyriad = 3300, .preset = true };
	made();
	assert_int_equal(f.plan->cgroup.n_settings, 1);
	assert_string_equal(f.plan->cgroup.settings[0].value, "330");
	f.controllers.n = 4;
	made();
	assert_int_equal(f.plan->cgroup.n_settings, 0);
	assert_int_equal(f.plan->n_notes, 1);
	assert_non_null(strstr(f.plan->notes[0], "no pids controller"));
	f.policy.limits.tasks_max.preset = false;
	refused("TasksMax=: this host has no pids controller");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(every_tmpfs_has_a_limit_of_bytes_and_of_files),
		STORY(a_size_of_memory_is_no_limit_of_a_disk),
		STORY(no_limit_is_the_kernels),
		STORY(an_account_has_two_thirds_of_the_terminals),
		STORY(shared_memory_is_as_large_as_dev_shm),
		STORY(a_default_that_the_host_cannot_keep_is_left_out_and_told),
	};

	return cmocka_run_group_tests_name("plan fill", tests, NULL, NULL);
}
