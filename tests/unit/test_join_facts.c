/* SPDX-License-Identifier: BSD-3-Clause */
/* What a join reads of the kernel's texts: cgroups, mounts, id maps, start times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/io.h"
#include "core/run/cgroup/cgroup_internal.h"
#include "core/run/cgroup/cgroup_join.h"
#include "core/run/enter/enter.h"
#include "core/run/session/find.h"

#include <stdio.h>
#include <string.h>

#define GROUP "nsshell/1000/abcdefghijkl"

static size_t places(const char *text, struct cgroup_place *ret)
{
	char copy[1024];

	(void)snprintf(copy, sizeof(copy), "%s", text);
	return cgroup_places(copy, GROUP, ret);
}

static void the_hierarchies_of_the_session_are_found(void **state)
{
	struct cgroup_place p[CGROUP_FDS_MAX];

	(void)state;
	assert_int_equal(places("9:name=systemd:/x\n4:cpu,cpuacct:/" GROUP
				"\n3:pids:/" GROUP "\n0::/\n",
				 p),
		2);
	assert_string_equal(p[0].controller, "cpu");
	assert_string_equal(p[1].controller, "pids");
	assert_int_equal(places("0::/" GROUP "\n", p), 1);
	assert_string_equal(p[0].controller, "");
	assert_string_equal(p[0].path, "/" GROUP);
	assert_int_equal(places("0::/system.slice/nsshell.service/" GROUP "\n", p), 1);
}

static void a_group_that_only_looks_like_it_is_not_it(void **state)
{
	struct cgroup_place p[CGROUP_FDS_MAX];

	(void)state;
	assert_int_equal(places("0::/x" GROUP "\n", p), 0);
	assert_int_equal(places("0::/" GROUP "/below\n", p), 0);
	assert_int_equal(places("0::" GROUP "\n", p), 0);
	assert_int_equal(places("0::/" GROUP "x\n", p), 0);
	assert_int_equal(places("nonsense\n\n:\n", p), 0);
	assert_int_equal(places("", p), 0);
}

static const char *mounted(const char *line, const char *controller)
{
	static char copy[512];
	struct cgroup_mount m;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	if (!cgroup_mount_parse(copy, &m) || !m.whole)
		return NULL;
	return (*controller ? !m.v2 && cgroup_has_word(m.words, controller) : m.v2)
		       ? m.at
		       : NULL;
}

static void a_hierarchy_is_found_where_it_is_mounted_whole(void **state)
{
	static const char v1[] =
		"35 32 0:31 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - "
		"cgroup cgroup rw,cpu,cpuacct";
	static const char v2[] =
		"33 32 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate";

	(void)state;
	assert_string_equal(mounted(v1, "cpu"), "/sys/fs/cgroup/cpu,cpuacct");
	assert_string_equal(mounted(v1, "cpuacct"), "/sys/fs/cgroup/cpu,cpuacct");
	assert_null(mounted(v1, "cp"));
	assert_null(mounted(v1, ""));
	assert_string_equal(mounted(v2, ""), "/sys/fs/cgroup");
	assert_null(mounted(v2, "cpu"));
	assert_null(
		mounted("33 32 0:28 /part /sys/fs/cgroup rw - cgroup2 cgroup2 rw", ""));
	assert_null(mounted("33 32 0:28 / /a\\040b rw - cgroup2 cgroup2 rw", ""));
	assert_null(mounted("33 32 0:28 / /tmp rw - tmpfs tmpfs rw,cpu", "cpu"));
	assert_null(mounted("", ""));
	assert_null(mounted("a - b", ""));
}

static const char map[] = "         0     165536       1000\n"
			  "      1000       1000          1\n"
			  "      1001     166537      64535\n";

static void an_id_is_in_a_map_or_not(void **state)
{
	(void)state;
	assert_true(enter_map_has(map, 0));
	assert_true(enter_map_has(map, 999));
	assert_true(enter_map_has(map, 1000));
	assert_true(enter_map_has(map, 65535));
	assert_false(enter_map_has(map, 65536));
	assert_false(enter_map_has(map, UINT32_MAX));
	assert_false(enter_map_has("", 0));
	assert_true(enter_map_has("0 0 4294967295\n", 77));
}

static void groups_that_the_session_lacks_and_its_roots_are_left_out(void **state)
{
	struct enter_person p = { .groups = { 1000, 0, 70000, 27, 65535 },
		.n_groups = 5 };

	(void)state;
	enter_keep_mapped(map, &p);
	assert_int_equal(p.n_groups, 3);
	assert_int_equal(p.groups[0], 1000);
	assert_int_equal(p.groups[1], 27);
	assert_int_equal(p.groups[2], 65535);
}

static void the_users_groups_are_those_that_map_to_themselves(void **state)
{
	struct enter_person p = { .n_groups = 7 };

	(void)state;
	enter_own_groups(map, &p);
	assert_int_equal(p.n_groups, 1);
	assert_int_equal(p.groups[0], 1000);
	enter_own_groups("0 100000 50\n50 50 2\n52 100052 65484\n70000 70000 1\n", &p);
	assert_int_equal(p.n_groups, 3);
	assert_int_equal(p.groups[0], 50);
	assert_int_equal(p.groups[1], 51);
	assert_int_equal(p.groups[2], 70000);
	enter_own_groups("0 0 4294967295\n", &p);
	assert_int_equal(p.n_groups, ENTER_GROUPS_MAX);
}

static void a_start_time_is_read_behind_any_name(void **state)
{
	uint64_t start = 0;

	(void)state;
	assert_int_equal(
		io_stat_start("7 (a) 3 4) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 "
			      "18 4242 20",
			&start),
		0);
	assert_int_equal(start, 4242);
	assert_int_equal(io_stat_start("7 (a) S 1 2", &start), -1);
	assert_int_equal(io_stat_start("", &start), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hierarchies_of_the_session_are_found),
		cmocka_unit_test(a_group_that_only_looks_like_it_is_not_it),
		cmocka_unit_test(a_hierarchy_is_found_where_it_is_mounted_whole),
		cmocka_unit_test(an_id_is_in_a_map_or_not),
		cmocka_unit_test(
			groups_that_the_session_lacks_and_its_roots_are_left_out),
		cmocka_unit_test(the_users_groups_are_those_that_map_to_themselves),
		cmocka_unit_test(a_start_time_is_read_behind_any_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
