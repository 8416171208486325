/* SPDX-License-Identifier: BSD-3-Clause */
/* What a plan refuses, and the corners that the golden plans don't reach: accounts and
 * ids. */
#include "tests/unit/plan_story.h"

#include <sched.h>

static const struct plan *made(void)
{
	fixture_plan(&f);
	return f.plan;
}

static void refused(const char *because)
{
	fixture_refused(&f, because);
}

static bool noted(const struct plan *p, const char *what)
{
	for (size_t i = 0; i < p->n_notes; i++)
		if (strstr(p->notes[i], what))
			return true;
	return false;
}

/* ---- accounts and ids */

static void root_is_never_isolated(void **state)
{
	(void)state;
	f.account.uid = 0;
	refused("root is never isolated");
	f.account.uid = 1000;
	f.account.gid = 0;
	refused("group 0");
}

/* As passwd(5) has it, with a slash too many, and as it was looked at. */
static void a_home_is_the_one_that_was_looked_at(void **state)
{
	static const char *const written[] = { "/home/alice", "/home//alice",
		"//home/alice/", "/home/alice//" };

	(void)state;
	fixture_path(&f, "", PLAN_PATH_DIR);
	for (size_t i = 0; i < COUNT(written); i++) {
		f.account.home = (char *)written[i];
		f.paths[f.host.n_paths - 1] = (struct plan_path){
			.path = written[i], .use = PLAN_USE_HOME, .kind = PLAN_PATH_DIR
		};
		assert_string_equal(made()->home, "/home/alice");
		f.paths[f.host.n_paths - 1].refused = "it belongs to uid 1001";
		refused("belongs to uid 1001");
	}
}

static void a_uid_above_65535_is_kept(void **state)
{
	(void)state;
	f.account.uid = 1000200513;
	assert_int_equal(idmap_to_host(&made()->uids, 1000200513), 1000200513);
	assert_int_equal(idmap_to_host(&f.plan->uids, 65535), 165535);
	assert_string_equal(f.plan->runtime_dir, "/run/user/1000200513");
}

static void a_range_that_holds_the_uid_names_the_account(void **state)
{
	(void)state;
	f.account.uid = 100000;
	refused("account alice: the subuid range 100000:65536 holds uid 100000 itself");
}

static void ids_of_planners_are_no_account_s(void **state)
{
	(void)state;
	f.account.uid = 0x7fbe0000U;
	refused("account alice has uid 2143158272 and gid 1000, and the 4194304 from 2143158272 on are nsshell-planner's");
	f.account.uid = 0x7ffdffffU;
	refused("usermod -u");
	f.account.uid = 0x7ffe0000U;
	made();
	f.account.uid = 0x7fbdffffU;
	made();
	f.account.gid = 0x7fbe0001U;
	refused("groupmod -g");
}

static void no_ranges_is_an_error(void **state)
{
	(void)state;
	f.in.n_gid_ranges = 0;
	refused("subgid");
}

static void the_primary_group_comes_first_and_once(void **state)
{
	(void)state;
	f.groups[0] = 27;
	f.groups[1] = 1000;
	assert_int_equal(made()->n_groups, 3);
	assert_int_equal(f.plan->groups[0], 1000);
	assert_int_equal(f.plan->groups[1], 27);
	assert_int_equal(f.plan->groups[2], 100);
}

static void roots_group_is_shifted_and_said_so(void **state)
{
	(void)state;
	f.groups[1] = 0;
	assert_int_equal(made()->n_groups, 2);
	assert_int_equal(idmap_to_host(&f.plan->gids, 0), 100000);
	assert_true(noted(f.plan, "group 0"));
}

static void groups_none_keeps_the_primary_one(void **state)
{
	(void)state;
	f.policy.groups = GROUPS_NONE;
	assert_int_equal(made()->n_groups, 1);
	assert_int_equal(idmap_to_host(&f.plan->gids, 27), 100027);
	f.groups[2] = 70000;
	refused("group 70000");
}

static void groups_that_no_map_can_hold_are_refused_with_what_helps(void **state)
{
	gid_t many[600];

	(void)state;
	for (gid_t i = 0; i < 600; i++)
		many[i] = 1000 + 2 * i;
	f.account.groups = many;
	f.account.n_groups = 600;
	refused("SupplementaryGroups=none");
	f.policy.groups = GROUPS_NONE;
	made();
}

static void any_number_of_groups_that_fits_is_kept(void **state)
{
	gid_t many[340];

	(void)state;
	f.account.groups = many;
	f.account.gid = 10;
	for (gid_t n = 1; n <= 169; n++) {
		for (gid_t i = 0; i < n; i++)
			many[i] = 10 + 2 * i;
		f.account.n_groups = n;
		assert_int_equal(made()->n_groups, n);
	}
	for (gid_t i = 0; i < 340; i++)
		many[i] = 10 + i;
	f.account.n_groups = 340;
	assert_int_equal(made()->n_groups, 340);
	assert_int_equal(f.plan->gids.n, 3);
}

/* ---- names */

static const char *hostname_of(const char *pattern)
{
	f.policy.hostname = (char *)pattern;
	return made()->hostname;
}

static void the_hostname_is_expanded(void **state)
{
	(void)state;
	assert_string_equal(hostname_of(NULL), "build");
	assert_string_equal(hostname_of("%h-%u.%s"), "build-alice.k3v9x0ab12cd");
	assert_string_equal(hostname_of("box"), "box");
	f.policy.hostname = (char *)"%h%q";
	refused("Hostname=%h%q");
	f.policy.hostname = (char *)"%";
	refused("Hostname=%");
}

static void the_hostname_is_made_of_valid_characters(void **state)
{
	(void)state;
	f.account.name = (char *)"EXAMPLE\\jo_d";
	assert_string_equal(hostname_of("%u"), "EXAMPLE-jo-d");
	assert_string_equal(hostname_of("-.%%x-"), "x");
	assert_string_equal(hostname_of("%%"), "localhost");
	assert_string_equal(hostname_of(""), "localhost");
}

static void the_hostname_is_cut_to_64(void **state)
{
	(void)state;
	f.account.name =
		(char *)"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk";
	/* the '-' at the end is cut too */
	assert_int_equal(strlen(hostname_of("%u-%h")), 63);
	assert_int_equal(strlen(hostname_of("%u%h")), 64);
}

/* ---- logins */

static void a_session_id_is_checked(void **state)
{
	(void)state;
	f.login.id = "../../../etc";
	refused("session id");
	f.login.id = "short";
	refused("session id");
}

static const struct plan_op *terminal_of(const char *tty)
{
	f.login.tty = tty;
	made();
	for (size_t i = 0; i < f.plan->n_ops; i++)
		if (f.plan->ops[i].kind == PLAN_TERMINAL)
			return &f.plan->ops[i];
	return NULL;
}

static void a_console_keeps_its_name_and_a_pty_is_the_console(void **state)
{
	(void)state;
	assert_null(terminal_of(""));
	assert_string_equal(terminal_of("/dev/ttyS0")->target, "/dev/ttyS0");
	assert_string_equal(terminal_of("/dev/pts/7")->target, "/dev/console");
	assert_string_equal(terminal_of("/dev/pts/7")->source, "/dev/pts/7");
	assert_null(terminal_of("/dev/tty"));
	f.login.tty = "ssh";
	refused("not below /dev");
	f.login.tty = "/dev/../etc/passwd";
	refused("not below /dev");
}

/* ---- cgroups */

static void a_limit_without_its_controller_names_the_key(void **state)
{
	(void)state;
	f.policy.limits.tasks_max.n = 100;
	f.controllers.n = 4;
	refused("TasksMax=: this host has no pids controller");
	f.policy.limits.tasks_max.n = PARSE_INFINITY;
	made();
	f.policy.limits.memory_max.n = 1 << 30;
	f.controllers.n = 0;
	refused("MemoryMax=: this host has no memory controller; boot with");
	f.host.cgroup = PLAN_CGROUP_NONE;
	refused("MemoryMax=: no controller of cgroups");
}

static const char *setting(const char *name)
{
	for (size_t i = 0; i < f.plan->cgroup.n_settings; i++)
		if (strcmp(f.plan->cgroup.settings[i].name, name) == 0)
			return f.plan->cgroup.settings[i].value;
	fail_msg("no %s", name);
	return NULL;
}

static void limits_are_said_as_the_kernel_shows_them(void **state)
{
	(void)state;
	f.policy.limits.memory_max.n = 1000001;
	f.policy.limits.tasks_max.n = 1ULL << 40;
	f.policy.limits.cpu_quota = 1;
	f.policy.limits.cpu_weight = 1;
	made();
	assert_string_equal(setting("memory.max"), "999424");
	assert_string_equal(setting("pids.max"), "4194304");
	assert_string_equal(setting("cpu.max"), "1000 100000");
	assert_string_equal(setting("cpu.weight"), "1");
	f.host.cgroup = PLAN_CGROUP_V1;
	made();
	assert_string_equal(setting("cpu.shares"), "10");
	assert_string_equal(setting("cpu.cfs_quota_us"), "1000");
	assert_string_equal(setting("memory.limit_in_bytes"), "999424");
}

static void a_slice_has_its_own_limits_above_the_account(void **state)
{
	const struct plan_cgroup *c;

	(void)state;
	f.policy.slice = (char *)"course";
	f.policy.slice_limits.tasks_max.n = 70;
	f.policy.limits.tasks_max.n = 7;
	made();
	c = &f.plan->cgroup;
	assert_string_equal(c->slice_name, "course");
	assert_string_equal(c->slice, "nsshell/course.slice");
	assert_string_equal(c->account, "nsshell/course.slice/1000");
	assert_string_equal(c->supervise, "nsshell/course.slice/1000/supervise");
	assert_string_equal(setting("pids.max"), "7");
	assert_int_equal(c->n_slice_settings, 1);
	assert_string_equal(c->slice_settings[0].value, "70");
	f.policy.slice_limits.cpus = (char *)"64";
	f.host.cpus = "0-3";
	refused("[Slice course]: AllowedCPUs=64: this host has none");
}

static void an_account_with_sessions_stays_in_its_group(void **state)
{
	(void)state;
	f.policy.slice = (char *)"course";
	f.policy.slice_limits.tasks_max.n = 70;
	f.in.account_group = "nsshell/1000";
	made();
	assert_string_equal(f.plan->cgroup.account, "nsshell/1000");
	assert_string_equal(f.plan->cgroup.slice, "");
	assert_int_equal(f.plan->cgroup.n_slice_settings, 0);
	assert_non_null(strstr(f.plan->notes[0], "stay in nsshell/1000"));
	f.in.account_group = "nsshell/course.slice/1000";
	made();
	assert_string_equal(f.plan->cgroup.slice, "nsshell/course.slice");
	assert_int_equal(f.plan->n_notes, 0);
}

static void what_the_config_names_no_more_is_lifted(void **state)
{
	const struct strlist before = LIST((char *)"TasksMax=7",
		(char *)"MemoryMax=1048576", (char *)"IOReadBandwidthMax=/home 5",
		(char *)"[Slice course]", (char *)"TasksMax=70", (char *)"CPUQuota=50%");
	const struct plan_cgroup *c;

	(void)state;
	f.in.limits_before = &before;
	f.policy.limits.memory_max.n = 2 << 20;
	f.policy.slice = (char *)"course";
	f.policy.slice_limits.tasks_max.n = 71;
	made();
	c = &f.plan->cgroup;
	assert_int_equal(c->n_lifted, 2);
	assert_string_equal(c->lifted[0].name, "pids.max");
	assert_string_equal(c->lifted[0].value, "max");
	assert_string_equal(c->lifted[1].value, "* rbps=max");
	assert_int_equal(c->n_slice_lifted, 1);
	assert_string_equal(c->slice_lifted[0].name, "cpu.max");
	f.host.cgroup = PLAN_CGROUP_V1;
	f.policy.slice = NULL;
	made();
	c = &f.plan->cgroup;
	assert_int_equal(c->n_slice_lifted, 0);
	assert_string_equal(c->lifted[1].name, "blkio.throttle.read_bps_device");
	assert_string_equal(c->limits_text, "MemoryMax=2097152\n");
}

static void only_limits_bring_more_controllers(void **state)
{
	(void)state;
	made();
	assert_int_equal(f.plan->cgroup.n_controllers, 3);
	f.policy.limits.cpus = (char *)"0";
	f.policy.limits.io_weight = 5;
	f.host.weighs_io = true;
	made();
	assert_int_equal(f.plan->cgroup.n_controllers, 5);
	assert_int_equal(f.plan->n_notes, 0);
	f.host.weighs_io = false;
	made();
	assert_non_null(strstr(f.plan->notes[0], "IOWeight="));
}

static void a_whole_session_is_killed_where_the_kernel_can(void **state)
{
	(void)state;
	f.policy.oom = OOM_KILL;
	made();
	assert_int_equal(f.plan->cgroup.n_session_settings, 1);
	assert_string_equal(f.plan->cgroup.session_settings[0].name, "memory.oom.group");
	f.host.cgroup = PLAN_CGROUP_V1;
	refused("OOMPolicy=kill");
}

static void without_cgroups_there_is_no_cgroup_namespace(void **state)
{
	(void)state;
	assert_true(made()->namespaces & CLONE_NEWCGROUP);
	f.host.cgroup = PLAN_CGROUP_NONE;
	assert_false(made()->namespaces & CLONE_NEWCGROUP);
	assert_true(noted(f.plan, "no controller of cgroups"));
}

/* ---- the box's root */

static void root_inside_needs_an_image(void **state)
{
	(void)state;
	f.policy.root = true;
	refused("Root=yes needs RootFS=image");
}

static void nobody_gains_privileges(void **state)
{
	const uint64_t safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

	(void)state;
	assert_true(made()->no_new_privs);
	for (size_t i = 0; i < f.plan->n_overlays; i++)
		assert_int_equal(f.plan->overlays[i].attr & safe, safe);
	for (size_t i = 0; i < f.plan->n_ops; i++) {
		const struct plan_op *op = &f.plan->ops[i];

		if (op->kind == PLAN_BIND || op->kind == PLAN_TMPFS)
			assert_true(op->attr & MOUNT_ATTR_NOSUID);
		/* nodes can be opened in /dev and nowhere else */
		if ((op->kind == PLAN_BIND || op->kind == PLAN_TMPFS) &&
			strcmp(op->target, "/dev") != 0)
			assert_true(op->attr & MOUNT_ATTR_NODEV);
	}
	for (size_t i = 0; i < f.plan->n_login_caps; i++)
		assert_null(strstr(f.plan->login_caps[i], "admin"));
}

/* ---- the network */

static bool hides(const struct plan *p, const char *target)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == PLAN_HIDE && !strcmp(p->ops[i].target, target))
			return true;
	return false;
}

static void the_hosts_network_costs_nothing(void **state)
{
	(void)state;
	assert_false(made()->namespaces & CLONE_NEWNET);
	assert_string_equal(f.plan->network.text, "");
	assert_false(hides(f.plan, "/sys/class/net"));
}

static void a_network_of_ones_own_is_shared_by_who_asks_for_the_same(void **state)
{
	(void)state;
	f.policy.network.kind = NETWORK_NONE;
	assert_true(made()->namespaces & CLONE_NEWNET);
	assert_true(f.plan->network.share);
	assert_string_equal(f.plan->network.text, "none");
	assert_true(hides(f.plan, "/sys/class/net"));
	f.policy.network_share = NETWORK_OF_LOGIN;
	assert_false(made()->network.share);
	assert_string_equal(f.plan->network.text, "none:login");
}

static void another_network_is_another_box(void **state)
{
	static char lab[] = "lab";
	uint64_t host, none;

	(void)state;
	host = plan_rules_digest(made());
	f.policy.network.kind = NETWORK_NONE;
	none = plan_rules_digest(made());
	f.policy.network = (struct policy_network){ .kind = NETWORK_NETNS, .name = lab };
	assert_string_equal(made()->network.text, "netns:lab");
	assert_true(host != none && plan_rules_digest(f.plan) != none);
	f.policy.network.name = NULL;
}

static void anothers_network_is_as_that_account_has_it(void **state)
{
	static char alice[] = "alice";
	static uid_t guests[] = { 1002, 1003 };

	(void)state;
	f.policy.network = (struct policy_network){
		.kind = NETWORK_USER, .name = alice, .uid = 1001, .of = NETWORK_NONE
	};
	assert_string_equal(made()->network.text, "user:alice");
	assert_string_equal(f.plan->network.owner_text, "none");
	assert_int_equal(f.plan->network.owner, 1001);
	f.policy.network = (struct policy_network){ .kind = NETWORK_NONE };
	f.policy.guests = guests;
	f.policy.n_guests = 2;
	assert_int_equal(made()->network.n_guests, 2);
	assert_int_equal(f.plan->network.guests[1], 1003);
	f.policy.network_share = NETWORK_OF_LOGIN;
	assert_int_equal(made()->network.n_guests, 0);
	f.policy.guests = NULL;
	f.policy.n_guests = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(root_is_never_isolated),
		STORY(a_home_is_the_one_that_was_looked_at),
		STORY(a_uid_above_65535_is_kept),
		STORY(a_range_that_holds_the_uid_names_the_account),
		STORY(ids_of_planners_are_no_account_s),
		STORY(no_ranges_is_an_error),
		STORY(the_primary_group_comes_first_and_once),
		STORY(roots_group_is_shifted_and_said_so),
		STORY(groups_none_keeps_the_primary_one),
		STORY(groups_that_no_map_can_hold_are_refused_with_what_helps),
		STORY(any_number_of_groups_that_fits_is_kept),
		STORY(the_hostname_is_expanded),
		STORY(the_hostname_is_made_of_valid_characters),
		STORY(the_hostname_is_cut_to_64),
		STORY(a_session_id_is_checked),
		STORY(a_console_keeps_its_name_and_a_pty_is_the_console),
		STORY(a_limit_without_its_controller_names_the_key),
		STORY(limits_are_said_as_the_kernel_shows_them),
		STORY(a_whole_session_is_killed_where_the_kernel_can),
		STORY(what_the_config_names_no_more_is_lifted),
		STORY(only_limits_bring_more_controllers),
		STORY(an_account_with_sessions_stays_in_its_group),
		STORY(a_slice_has_its_own_limits_above_the_account),
		STORY(without_cgroups_there_is_no_cgroup_namespace),
		STORY(root_inside_needs_an_image),
		STORY(nobody_gains_privileges),
		STORY(the_hosts_network_costs_nothing),
		STORY(a_network_of_ones_own_is_shared_by_who_asks_for_the_same),
		STORY(another_network_is_another_box),
		STORY(anothers_network_is_as_that_account_has_it),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
