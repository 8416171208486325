/* SPDX-License-Identifier: BSD-3-Clause */
/* What is hidden and how, which overlays there are, and what can be shared. */
#include "tests/unit/plan_places.h"

static void hide_entry(const char *entry)
{
	static char *v[1];

	v[0] = (char *)entry;
	f.policy.inaccessible_paths = (struct strlist){ v, 1 };
}

/* ---- what is hidden */

static void what_a_box_needs_cannot_be_hidden(void **state)
{
	static const char *const paths[] = { "/", "/etc", "/usr/", "/proc", "/dev",
		"/run", "/tmp" };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		hide_entry(paths[i]);
		refused("can't do without");
	}
	hide_entry("relative");
	refused("absolute path");
	hide_entry("/not/there");
	refused("InaccessiblePaths=/not/there: isn't there; write -/not/there");
	hide_entry("-/not/there");
	made();
}

static void hidden_paths_are_hidden_where_they_would_be_seen(void **state)
{
	char *paths[] = { (char *)"/data/secret", (char *)"/opt/tool/*",
		(char *)"/run/thing", (char *)"/sys/thing", (char *)"/proc/thing" };

	(void)state;
	fixture_path(&f, "/data", PLAN_PATH_DIR);
	fixture_path(&f, "/data/secret", PLAN_PATH_DIR);
	fixture_path(&f, "/opt/tool/key", PLAN_PATH_FILE);
	fixture_path(&f, "/run/thing", PLAN_PATH_FILE);
	fixture_path(&f, "/sys/thing", PLAN_PATH_FILE);
	fixture_path(&f, "/proc/thing", PLAN_PATH_FILE);
	bind_entry("/data");
	f.policy.inaccessible_paths = (struct strlist){ paths, 5 };
	made();
	assert_true(whiteout("/etc/shadow") && whiteout("/root"));
	assert_true(whiteout("/opt/tool/key"));
	assert_true(op_at(PLAN_BIND, "/data") < op_at(PLAN_MASK, "/data/secret"));
	assert_true(has(PLAN_MASK, "/sys/thing"));
	bind_entry("/data:/mnt");
	made();
	assert_string_equal(op(PLAN_MASK, "/mnt/secret")->source, "/data/secret");
	assert_true(op(PLAN_MASK, "/mnt/secret")->renew);
	bind_entry("/data");
	made();
	assert_true(op_at(PLAN_PROC, "/proc") < op_at(PLAN_HIDE, "/proc/thing"));
	assert_false(whiteout("/run/thing") || has(PLAN_MASK, "/run/thing"));
}

static void hiding_a_directory_with_a_bind_in_it_leaves_the_bind(void **state)
{
	(void)state;
	fixture_path(&f, "/srv/all", PLAN_PATH_DIR);
	fixture_path(&f, "/srv/all/shared", PLAN_PATH_DIR);
	hide_entry("/srv/all");
	bind_entry("/srv/all/shared");
	made();
	assert_false(whiteout("/srv/all"));
	assert_true(op_at(PLAN_TMPFS, "/srv/all") < op_at(PLAN_DIR, "/srv/all/shared"));
	assert_true(op_at(PLAN_BIND, "/srv/all/shared") < op_at(PLAN_SEAL, "/srv/all"));
}

static void hiding_var_leaves_a_var_tmp(void **state)
{
	(void)state;
	fixture_path(&f, "/var", PLAN_PATH_DIR);
	hide_entry("/var");
	made();
	assert_true(op_at(PLAN_TMPFS, "/var") < op_at(PLAN_DIR, "/var/tmp"));
	assert_true(op_at(PLAN_DIR, "/var/tmp") < op_at(PLAN_TMPFS, "/var/tmp"));
}

static void a_path_behind_a_symlink_is_hidden_where_it_really_is(void **state)
{
	(void)state;
	fixture_path(&f, "/lib/secret", PLAN_PATH_FILE);
	f.paths[f.host.n_paths - 1].real = "/usr/lib/secret";
	hide_entry("/lib/secret");
	made();
	assert_true(whiteout("/usr/lib/secret"));
	assert_false(whiteout("/lib/secret"));
}

static void a_hidden_directory_hides_what_is_in_it(void **state)
{
	char *paths[] = { (char *)"/srv/a/b", (char *)"/srv/a" };

	(void)state;
	fixture_path(&f, "/srv/a", PLAN_PATH_DIR);
	fixture_path(&f, "/srv/a/b", PLAN_PATH_DIR);
	f.policy.inaccessible_paths = (struct strlist){ paths, 2 };
	made();
	assert_true(whiteout("/srv/a"));
	assert_false(whiteout("/srv/a/b"));
}

/* ---- overlays */

static bool overlay(const char *target)
{
	for (size_t i = 0; i < f.plan->n_overlays; i++)
		if (strcmp(f.plan->overlays[i].target, target) == 0)
			return true;
	return false;
}

static void a_host_without_a_root_is_refused(void **state)
{
	(void)state;
	f.host.n_mounts = 0;
	refused("no file system at /");
}

static void parents_come_before_children(void **state)
{
	(void)state;
	fixture_mount(&f, "/var/log", "xfs", false);
	fixture_mount(&f, "/usr", "xfs", true);
	fixture_mount(&f, "/opt/vendor", "fuse.sshfs", false);
	made();
	assert_int_equal(f.plan->n_overlays, 3);
	assert_string_equal(f.plan->overlays[0].target, "/");
	assert_string_equal(f.plan->overlays[1].target, "/usr");
	assert_true(f.plan->overlays[1].readonly);
	assert_true(f.plan->overlays[1].attr & MOUNT_ATTR_RDONLY);
}

static void what_a_later_mount_covers_is_not_there(void **state)
{
	(void)state;
	f.policy.upper = UPPER_TMPFS;
	fixture_mount(&f, "/var/log", "xfs", false);
	fixture_mount(&f, "/var", "ext4", true);
	fixture_mount(&f, "/var", "ext4", false);
	made();
	assert_int_equal(f.plan->n_overlays, 2);
	assert_true(overlay("/var") && !overlay("/var/log"));
	assert_false(f.plan->overlays[1].readonly);
}

static void what_is_hidden_or_bound_gets_no_overlay(void **state)
{
	(void)state;
	fixture_path(&f, "/var/lib/docker", PLAN_PATH_DIR);
	fixture_path(&f, "/srv/data", PLAN_PATH_DIR);
	fixture_mount(&f, "/var/lib/docker", "ext4", false);
	fixture_mount(&f, "/var/lib/docker/overlay2/1/merged", "overlay", false);
	fixture_mount(&f, "/srv/data", "xfs", false);
	fixture_mount(&f, "/var/lib/nsshell", "xfs", false);
	bind_entry("/srv/data");
	made();
	assert_int_equal(f.plan->n_overlays, 1);
	assert_true(whiteout("/var/lib/docker"));
	assert_true(has(PLAN_BIND, "/srv/data"));
}

/* ---- without an upper */

static bool live(const char *target)
{
	for (size_t i = 0; i < f.plan->n_overlays; i++)
		if (strcmp(f.plan->overlays[i].target, target) == 0)
			return f.plan->overlays[i].live;
	return false;
}

static void trees_that_nothing_lies_in_are_live(void **state)
{
	char *hide[] = { (char *)"/opt/key" };

	(void)state;
	fixture_path(&f, "/usr", PLAN_PATH_DIR);
	fixture_path(&f, "/opt", PLAN_PATH_DIR);
	fixture_path(&f, "/srv", PLAN_PATH_DIR);
	fixture_path(&f, "/nix", PLAN_PATH_DIR);
	f.paths[f.host.n_paths - 1].real = "/data/nix";
	fixture_path(&f, "/opt/key", PLAN_PATH_FILE);
	fixture_path(&f, "/data", PLAN_PATH_DIR);
	fixture_mount(&f, "/var", "ext4", false);
	f.policy.inaccessible_paths = (struct strlist){ hide, 1 };
	bind_entry("/data:/srv/data");
	made();
	assert_true(live("/usr"));
	assert_true(f.plan->overlays[0].readonly);
	/* what is hidden in one, or mounted, would go along with a directory that is renamed */
	assert_false(overlay("/opt") || overlay("/srv"));
	assert_true(overlay("/var") && !live("/var"));
	assert_false(overlay("/nix"));
	f.policy.upper = UPPER_TMPFS;
	made();
	assert_false(overlay("/usr") || f.plan->overlays[0].readonly);
}

static void what_login_programs_write_has_a_place(void **state)
{
	(void)state;
	made();
	assert_true(in_layer(PLAN_LAYER_SYMLINK, "/var/log/wtmp"));
	fixture_path(&f, "/var/log", PLAN_PATH_DIR);
	hide_entry("/var/log");
	made();
	assert_false(in_layer(PLAN_LAYER_SYMLINK, "/var/log/wtmp"));
	f.policy.upper = UPPER_DISK;
	hide_entry("-/not/there");
	made();
	assert_false(in_layer(PLAN_LAYER_SYMLINK, "/var/log/wtmp"));
}

/* ---- sharing */

static void the_digest_is_of_what_is_shared(void **state)
{
	uint64_t first;

	(void)state;
	made();
	first = plan_rootfs_digest(f.plan);
	f.login.id = "another12345";
	f.policy.limits.tasks_max.n = 7;
	made();
	assert_true(plan_rootfs_digest(f.plan) == first);
	f.policy.upper = UPPER_DISK;
	made();
	assert_false(plan_rootfs_digest(f.plan) == first);
	f.policy.upper = UPPER_TMPFS;
	f.groups[1] = 28;
	made();
	assert_false(plan_rootfs_digest(f.plan) == first);
	f.groups[1] = 27;
	fixture_mount(&f, "/usr", "xfs", false);
	made();
	assert_false(plan_rootfs_digest(f.plan) == first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_a_box_needs_cannot_be_hidden),
		STORY(hidden_paths_are_hidden_where_they_would_be_seen),
		STORY(hiding_a_directory_with_a_bind_in_it_leaves_the_bind),
		STORY(hiding_var_leaves_a_var_tmp),
		STORY(a_path_behind_a_symlink_is_hidden_where_it_really_is),
		STORY(a_hidden_directory_hides_what_is_in_it),
		STORY(a_host_without_a_root_is_refused),
		STORY(parents_come_before_children),
		STORY(what_a_later_mount_covers_is_not_there),
		STORY(what_is_hidden_or_bound_gets_no_overlay),
		STORY(trees_that_nothing_lies_in_are_live),
		STORY(what_login_programs_write_has_a_place),
		STORY(the_digest_is_of_what_is_shared),
	};

	return cmocka_run_group_tests_name("plan rootfs", tests, NULL, NULL);
}
