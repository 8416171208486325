/* SPDX-License-Identifier: BSD-3-Clause */
/* [Slice NAME]: limits that accounts share. */
#include "config_fixture.h"

static void an_account_has_the_limits_of_its_slice_beside_its_own(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[Slice course]\nMemoryMax=50%\nAllowedCPUs=0-3\n"
		     "[Default]\nMemoryMax=1G\nTasksMax=9\n"
		     "[Group students]\nSlice=course\n"
		     "[Slice other]\nTasksMax=5\n");
	expect_count(f, 0);
	policy_ok(f, "alice", "students", NULL);
	assert_string_equal(f->policy.slice, "course");
	assert_int_equal(f->policy.limits.memory_max.n, 1 << 30);
	assert_int_equal(f->policy.slice_limits.memory_max.permyriad, 5000);
	assert_string_equal(f->policy.slice_limits.cpus, "0-3");
	assert_true(f->policy.slice_limits.tasks_max.n == PARSE_INFINITY);
	policy_ok(f, "bob", NULL, NULL);
	assert_null(f->policy.slice);
	assert_true(f->policy.slice_limits.memory_max.n == PARSE_INFINITY);
	assert_int_equal(f->policy.slice_limits.memory_max.permyriad, 0);
}

static void a_later_section_leaves_the_slice(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[Slice a]\n[Slice b]\nTasksMax=5\n[Default]\nSlice=a\n"
		     "[User bob]\nSlice=none\n[User eve]\nSlice=b\n");
	expect_count(f, 0);
	policy_ok(f, "alice", NULL, NULL);
	assert_string_equal(f->policy.slice, "a");
	policy_ok(f, "bob", NULL, NULL);
	assert_null(f->policy.slice);
	policy_ok(f, "eve", NULL, NULL);
	assert_int_equal(f->policy.slice_limits.tasks_max.n, 5);
}

static void a_slice_takes_limits_only(void **state)
{
	struct fixture *f = *state;

	expect_one(f, "[Slice a]\nIsolate=yes\nTasksMax=5\n", 2, "Slice a", "Isolate",
		"takes limits only");
	expect_one(f, "[Slice a]\nSlice=a\n", 2, "Slice a", "Slice", "takes limits only");
	expect_one(
		f, "[Slice a]\nTasksMax=x\n", 2, "Slice a", "TasksMax", "whole number");
	expect_one(f, "[Slice a]\nMemoryMax=1G\nMemoryHigh=2G\n", 3, "Slice a",
		"MemoryHigh", "above MemoryMax=");
	/* What holds for every account isn't the slice's. */
	load_text(f, "[Default]\nMemoryMax=1G\n[Slice a]\nMemoryHigh=2G\n");
	expect_count(f, 0);
}

static void a_slice_has_a_plain_name_and_a_section(void **state)
{
	struct fixture *f = *state;

	expect_one(f, "[Slice a-b]\n", 1, "Slice a-b", NULL, "below another slice");
	expect_one(f, "[Slice none]\n", 1, "Slice none", NULL, "no slice");
	expect_one(f, "[Slice a.b]\n", 1, "Slice a.b", NULL, "other letters");
	expect_one(f, "[Slice abcdefghijklmnopqrstuvwxyz_123456]\n", 1,
		"Slice abcdefghijklmnopqrstuvwxyz_123456", NULL, "too long");
	expect_one(f, "[Default]\nSlice=a-b\n", 2, "Default", "Slice", "below another");
	expect_one(f, "[Slice a]\n[User bob]\nSlice=b\n", 3, "User bob", "Slice",
		"no section [Slice b]");
}

static void a_mistake_in_a_slice_concerns_its_accounts(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[Slice a]\nTasksMax=x\n[User bob]\nSlice=a\n");
	expect_count(f, 1);
	policy_ok(f, "alice", NULL, NULL);
	assert_int_equal(policy_of(f, "bob", NULL, NULL, NULL), -1);
	assert_non_null(strstr(f->e.msg, "[Slice a]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(an_account_has_the_limits_of_its_slice_beside_its_own),
		story(a_later_section_leaves_the_slice),
		story(a_slice_takes_limits_only),
		story(a_slice_has_a_plain_name_and_a_section),
		story(a_mistake_in_a_slice_concerns_its_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
