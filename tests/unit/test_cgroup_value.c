/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a group's file back: when does it say what was written? */
#include "core/run/cgroup/cgroup.h"
#include "core/run/cgroup/cgroup_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static bool is(const char *controller, const char *value, const char *text)
{
	const struct plan_cgroup_setting s = { .controller = controller, .value = value };

	return cgroup_value_is(&s, text);
}

static void one_value_is_the_whole_file(void **state)
{
	(void)state;
	assert_true(is("pids", "78", "78\n"));
	assert_false(is("pids", "78", "77\n"));
	assert_false(is("pids", "78", "max\n"));
	assert_true(is("cpu", "150000 100000", "150000 100000\n"));
	assert_false(is("cpu", "150000 100000", "max 100000\n"));
	assert_true(is("cpuset", "0-3,7", "0-3,7\n"));
	assert_false(is("cpuset", "0-3", "0-3,7\n"));
	assert_true(is("cpuset", "", "\n"));
	assert_false(is("cpuset", "", "0\n"));
}

static void memory_is_rounded_down_to_pages(void **state)
{
	(void)state;
	assert_true(is("memory", "1000001", "999424\n"));
	assert_false(is("memory", "999424", "1003520\n"));
	assert_false(is("memory", "2097152", "1048576\n"));
	assert_false(is("memory", "1", "0\n")); /* memory.oom.group */
	assert_true(is("memory", "0", "0\n"));
	assert_true(is("memory", "-1", "9223372036854771712\n"));
	assert_false(is("memory", "-1", "1048576\n"));
}

static void a_device_has_a_line_among_others(void **state)
{
	static const char text[] = "8:0 rbps=1000 wbps=max riops=max wiops=max\n"
				   "259:1 rbps=max wbps=5 riops=7 wiops=max\n";

	(void)state;
	assert_true(is("io", "8:0 rbps=1000", text));
	assert_true(is("io", "259:1 riops=7", text));
	assert_false(is("io", "8:0 rbps=100", text));
	assert_false(is("io", "8:0 rbps=10000", text));
	assert_false(is("io", "8:0 wbps=5", text));
	assert_false(is("io", "8:16 rbps=1000", text));
	assert_true(is("blkio", "8:0 20", "8:0 20\n8:16 30\n"));
	assert_false(is("blkio", "8:0 2", "8:0 20\n8:16 30\n"));
}

static void no_limit_of_a_device_is_no_line(void **state)
{
	(void)state;
	assert_true(is("io", "8:0 rbps=max", ""));
	assert_true(
		is("io", "8:0 rbps=max", "8:16 rbps=1 wbps=max riops=max wiops=max\n"));
	assert_false(
		is("io", "8:0 rbps=max", "8:0 rbps=1 wbps=max riops=max wiops=max\n"));
	assert_true(is("blkio", "8:0 0", ""));
	assert_false(is("blkio", "8:0 0", "8:0 20\n"));
	assert_false(is("io", "8:0 rbps=1000", ""));
	assert_false(is("pids", "0", ""));
}

static void a_weight_is_told_as_the_default(void **state)
{
	(void)state;
	assert_true(is("io", "20", "default 20\n"));
	assert_false(is("io", "20", "default 200\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_value_is_the_whole_file),
		cmocka_unit_test(memory_is_rounded_down_to_pages),
		cmocka_unit_test(a_device_has_a_line_among_others),
		cmocka_unit_test(no_limit_of_a_device_is_no_line),
		cmocka_unit_test(a_weight_is_told_as_the_default),
	};

	return cmocka_run_group_tests_name("cgroup_value", tests, NULL, NULL);
}
