/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits as properties of a systemd unit, and which groups systemd makes. */
#include "tests/unit/plan_input.h"

#include "core/plan/property.h"

static void becomes(const char *file, const char *value, const char *property)
{
	char word[PROPERTY_MAX];

	if (!property_of(file, value, word, sizeof(word)))
		fail_msg("%s: no property", file);
	assert_string_equal(word, property);
}

static void is_left_to_nsshell(const char *file)
{
	char word[PROPERTY_MAX];

	if (property_of(file, "1000", word, sizeof(word)))
		fail_msg("%s: %s", file, word);
}

static void limits_become_properties(void **state)
{
	(void)state;
	becomes("memory.max", "2147483648", "MemoryMax=2147483648");
	becomes("memory.high", "4096", "MemoryHigh=4096");
	becomes("memory.swap.max", "0", "MemorySwapMax=0");
	becomes("pids.max", "512", "TasksMax=512");
	becomes("cpu.weight", "50", "CPUWeight=50");
	becomes("cpuset.cpus", "0-3,6", "AllowedCPUs=0-3,6");
	becomes("io.weight", "200", "IOWeight=200");
}

static void no_limit_is_infinity(void **state)
{
	(void)state;
	becomes("memory.max", "max", "MemoryMax=infinity");
	becomes("memory.limit_in_bytes", "-1", "MemoryMax=infinity");
	becomes("pids.max", "max", "TasksMax=infinity");
	becomes("cpu.max", "max 100000", "CPUQuotaPerSecUSec=infinity");
	becomes("cpu.cfs_quota_us", "-1", "CPUQuotaPerSecUSec=infinity");
	becomes("io.max", "8:0 rbps=max", "IOReadBandwidthMax=/dev/block/8:0 infinity");
}

static void a_quota_is_told_for_a_second(void **state)
{
	(void)state;
	becomes("cpu.max", "150000 100000", "CPUQuotaPerSecUSec=1500000");
	becomes("cpu.cfs_quota_us", "150000", "CPUQuotaPerSecUSec=1500000");
	becomes("cpu.cfs_period_us", "100000", "");
}

/* limit_files() rounds down on the way there. */
static void a_weight_survives_the_way_through_shares(void **state)
{
	(void)state;
	for (unsigned int weight = 1; weight <= 10000; weight++) {
		char value[16], word[32];
		unsigned int shares = weight * 1024 / 100;

		(void)snprintf(value, sizeof(value), "%u", shares < 2 ? 2 : shares);
		(void)snprintf(word, sizeof(word), "CPUWeight=%u", weight);
		becomes("cpu.shares", value, word);
	}
}

static void a_disk_is_named_by_its_node(void **state)
{
	(void)state;
	becomes("io.max", "8:0 rbps=1000", "IOReadBandwidthMax=/dev/block/8:0 1000");
	becomes("io.max", "254:16 wbps=1", "IOWriteBandwidthMax=/dev/block/254:16 1");
	becomes("io.max", "8:0 riops=10", "IOReadIOPSMax=/dev/block/8:0 10");
	becomes("io.max", "8:0 wiops=10", "IOWriteIOPSMax=/dev/block/8:0 10");
}

static void what_systemd_has_no_word_for_is_left_to_nsshell(void **state)
{
	(void)state;
	is_left_to_nsshell("memory.soft_limit_in_bytes");
	is_left_to_nsshell("memory.memsw.limit_in_bytes");
	is_left_to_nsshell("blkio.throttle.read_bps_device");
	is_left_to_nsshell("blkio.bfq.weight");
	is_left_to_nsshell("memory.oom.group");
}

static void of_v1_s_hierarchies_systemd_manages_some(void **state)
{
	struct plan_cgroup c = { .kind = PLAN_CGROUP_V1, .systemd = true };

	(void)state;
	assert_true(property_is_managed(&c, "memory"));
	assert_true(property_is_managed(&c, "name=systemd"));
	assert_true(property_is_managed(&c, "unified"));
	assert_false(property_is_managed(&c, "freezer"));
	assert_false(property_is_managed(&c, "cpuset"));
	c.kind = PLAN_CGROUP_V2;
	assert_true(property_is_managed(&c, "cpuset"));
	c.systemd = false;
	assert_false(property_is_managed(&c, "memory"));
}

/* ---- the plan ------------------------------------------------------------------------- */

static void on_v2_the_scope_takes_the_place_of_the_account_s_group(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.host.systemd = true;
	fixture_plan(&f);
	assert_true(f.plan->cgroup.systemd);
	assert_string_equal(f.plan->cgroup.scope, "nsshell-1000.scope");
	assert_string_equal(f.plan->cgroup.account, "nsshell.slice/nsshell-1000.scope");
	assert_string_equal(
		f.plan->cgroup.session, "nsshell.slice/nsshell-1000.scope/k3v9x0ab12cd");
	assert_string_equal(
		f.plan->cgroup.supervise, "nsshell.slice/nsshell-1000.scope/supervise");
	assert_string_equal(f.plan->cgroup.scope_title, "nsshell sessions of alice");
	plan_free(f.plan);
}

static void on_v1_sessions_leave_every_hierarchy_of_systemd(void **state)
{
	static char *names[] = { (char *)"memory", (char *)"pids", (char *)"devices",
		(char *)"name=systemd", (char *)"unified" };
	const char **use;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.host.cgroup = PLAN_CGROUP_V1;
	f.controllers = (struct strlist){ names, 5 };
	fixture_plan(&f);
	assert_int_equal(f.plan->cgroup.n_controllers, 2);
	assert_false(f.plan->cgroup.systemd);
	f.host.systemd = true;
	fixture_plan(&f);
	use = f.plan->cgroup.controllers;
	assert_int_equal(f.plan->cgroup.n_controllers, 5);
	assert_string_equal(use[3], "name=systemd");
	assert_string_equal(use[4], "unified"); /* the last: init is born there */
	plan_free(f.plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_become_properties),
		cmocka_unit_test(no_limit_is_infinity),
		cmocka_unit_test(a_quota_is_told_for_a_second),
		cmocka_unit_test(a_weight_survives_the_way_through_shares),
		cmocka_unit_test(a_disk_is_named_by_its_node),
		cmocka_unit_test(what_systemd_has_no_word_for_is_left_to_nsshell),
		cmocka_unit_test(of_v1_s_hierarchies_systemd_manages_some),
		cmocka_unit_test(on_v2_the_scope_takes_the_place_of_the_account_s_group),
		cmocka_unit_test(on_v1_sessions_leave_every_hierarchy_of_systemd),
	};

	return cmocka_run_group_tests_name("property", tests, NULL, NULL);
}
