/* SPDX-License-Identifier: BSD-3-Clause */
/* Where things land in a box: homes in odd places, binds, devices, sockets. */
#include "tests/unit/plan_places.h"

static void home_is(const char *home)
{
	f.account.home = (char *)home;
}

/* ---- numbers of the session's own */

static void files_of_lxcfs_cover_those_of_proc(void **state)
{
	(void)state;
	f.host.lxcfs = "/var/lib/lxcfs";
	made();
	for (const char *const *file = plan_lxcfs_files; *file; file++) {
		assert_true(op_at(PLAN_PROC, "/proc") < op_at(PLAN_COVER, *file));
		assert_true(op(PLAN_COVER, *file)->optional);
		assert_true(op(PLAN_COVER, *file)->attr & MOUNT_ATTR_RDONLY);
	}
	assert_string_equal(
		op(PLAN_COVER, "/proc/meminfo")->source, "/var/lib/lxcfs/proc/meminfo");
	assert_int_equal(f.plan->n_notes, 0);
}

static void a_dead_lxcfs_covers_nothing_and_is_told(void **state)
{
	(void)state;
	f.host.lxcfs_dead = true;
	made();
	assert_false(has(PLAN_COVER, "/proc/meminfo"));
	assert_int_equal(f.plan->n_notes, 1);
	assert_non_null(strstr(f.plan->notes[0], "nsctl refresh"));
}

/* ---- homes */

static void a_home_is_there_and_no_other(void **state)
{
	(void)state;
	made();
	assert_true(op_at(PLAN_TMPFS, "/home") < op_at(PLAN_DIR, "/home/alice"));
	assert_true(op_at(PLAN_DIR, "/home/alice") < op_at(PLAN_BIND, "/home/alice"));
	assert_true(op_at(PLAN_BIND, "/home/alice") < op_at(PLAN_SEAL, "/home"));
	assert_true(op(PLAN_BIND, "/home/alice")->must_own);
	assert_true(op(PLAN_BIND, "/home/alice")->as_user);
	assert_true(op(PLAN_BIND, "/home/alice")->recursive);
	assert_true(op(PLAN_SEAL, "/home")->attr & MOUNT_ATTR_RDONLY);
}

static void a_deep_home_has_its_directories_made(void **state)
{
	(void)state;
	home_is("/home/students//2026/alice/");
	made();
	assert_string_equal(f.plan->home, "/home/students/2026/alice");
	assert_true(has(PLAN_DIR, "/home/students"));
	assert_true(has(PLAN_DIR, "/home/students/2026"));
	assert_true(has(PLAN_BIND, "/home/students/2026/alice"));
}

static void a_home_elsewhere_has_its_directory_covered(void **state)
{
	(void)state;
	home_is("/export/users/alice");
	made();
	assert_true(has(PLAN_TMPFS, "/home") && has(PLAN_SEAL, "/home"));
	assert_true(has(PLAN_TMPFS, "/export/users") && has(PLAN_SEAL, "/export/users"));
	assert_true(has(PLAN_DIR, "/export/users/alice"));
}

static void a_home_in_a_system_directory_is_bound_in_place(void **state)
{
	static const char *const homes[] = { "/alice", "/srv/alice", "/opt/alice",
		"/var/lib/alice", "/usr/local/share/alice", "/var/www/alice" };

	(void)state;
	for (size_t i = 0; i < COUNT(homes); i++) {
		home_is(homes[i]);
		made();
		assert_true(has(PLAN_BIND, homes[i]));
		assert_false(has(PLAN_DIR, homes[i]));
		assert_true(has(PLAN_TMPFS, "/home") && has(PLAN_SEAL, "/home"));
		assert_false(has(PLAN_TMPFS, "/srv") || has(PLAN_TMPFS, "/var/lib"));
	}
}

static void a_home_in_run_is_made_there(void **state)
{
	(void)state;
	home_is("/run/alice/home");
	made();
	assert_true(op_at(PLAN_TMPFS, "/run") < op_at(PLAN_DIR, "/run/alice"));
	assert_true(
		op_at(PLAN_DIR, "/run/alice/home") < op_at(PLAN_BIND, "/run/alice/home"));
	assert_false(has(PLAN_TMPFS, "/run/alice"));
}

static void a_home_that_would_be_hidden_is_seen_alone(void **state)
{
	(void)state;
	fixture_path(&f, "/var/lib/postgresql", PLAN_PATH_DIR);
	home_is("/var/lib/postgresql");
	made();
	assert_false(whiteout("/var/lib/postgresql"));
	assert_true(has(PLAN_BIND, "/var/lib/postgresql"));
	home_is("/root/alice/x");
	made();
	assert_false(whiteout("/root"));
	assert_true(op_at(PLAN_TMPFS, "/root") < op_at(PLAN_BIND, "/root/alice/x"));
	assert_true(has(PLAN_SEAL, "/root"));
}

static void what_is_no_home_is_refused(void **state)
{
	static const char *const homes[] = { "/proc", "/proc/1", "/sys/x", "/dev",
		"/dev/null", "/run", "/tmp", "/var", "/var/tmp", "/usr", "/var/lib",
		"/var/lib/nsshell", "/var/lib/nsshell/x", "/run/nsshell/x" };

	(void)state;
	home_is("");
	refused("has no home");
	home_is("/");
	refused("has no home");
	home_is("//");
	refused("has no home");
	f.account.home = NULL;
	refused("has no home");
	home_is("alice");
	refused("not an absolute path");
	home_is("/home/../etc");
	refused("not an absolute path");
	for (size_t i = 0; i < COUNT(homes); i++) {
		home_is(homes[i]);
		refused("can't be a home");
	}
}

/* ---- for nsshell inside */

static void terminals_have_a_directory_of_the_accounts_with_record_alone(void **state)
{
	(void)state;
	made();
	assert_false(has(PLAN_DIR, "/run/nsshell/terminals"));
	f.policy.record = true;
	made();
	assert_true(op_at(PLAN_DIR, "/run/nsshell") <
		    op_at(PLAN_DIR, "/run/nsshell/terminals"));
	assert_int_equal(op(PLAN_DIR, "/run/nsshell/terminals")->mode, 0700);
	assert_int_equal(op(PLAN_DIR, "/run/nsshell/terminals")->uid, f.account.uid);
	assert_int_equal(op(PLAN_DIR, "/run/nsshell/terminals")->gid, f.account.gid);
}

static void the_real_shell_is_told_where_the_config_has_one(void **state)
{
	(void)state;
	made();
	assert_false(has(PLAN_FILE, "/run/nsshell/shell"));
	f.policy.shell = (char *)"/bin/zsh";
	made();
	assert_string_equal(op(PLAN_FILE, "/run/nsshell/shell")->content, "/bin/zsh\n");
	assert_int_equal(op(PLAN_FILE, "/run/nsshell/shell")->mode, 0444);
	assert_int_equal(op(PLAN_FILE, "/run/nsshell/shell")->uid, 0);
}

/* ---- binds */

static void binds_onto_what_a_box_has_of_its_own_are_refused(void **state)
{
	static const char *const targets[] = { "/", "/proc", "/proc/x", "/sys",
		"/sys/fs/cgroup", "/dev", "/dev/pts", "/run", "/run/nsshell",
		"/run/nsshell/x" };
	char entry[64];

	(void)state;
	fixture_path(&f, "/data", PLAN_PATH_DIR);
	for (size_t i = 0; i < COUNT(targets); i++) {
		(void)snprintf(entry, sizeof(entry), "/data:%s", targets[i]);
		bind_entry(entry);
		refused("a box has its own");
	}
	bind_entry("/data:/var/lib");
	refused("state");
}

static void binds_that_show_our_state_are_refused(void **state)
{
	static const char *const sources[] = { "/:/host", "/var:/v", "/var/lib:/v",
		"/var/lib/nsshell:/v", "/var/lib/nsshell/uppers:/v", "/run:/r" };

	(void)state;
	for (size_t i = 0; i < COUNT(sources); i++) {
		bind_entry(sources[i]);
		refused("state");
	}
}

static void a_bind_that_is_not_there_says_what_to_write(void **state)
{
	char *ro[] = { (char *)"/data:/x" };

	(void)state;
	bind_entry("/data");
	refused("BindPaths=/data: /data isn't there; write -/data");
	bind_entry("-/data");
	made();
	assert_false(has(PLAN_BIND, "/data"));
	f.policy.bind_paths.n = 0;
	f.policy.bind_ro_paths = (struct strlist){ ro, 1 };
	refused("BindReadOnlyPaths=/data:/x: /data isn't there; write -/data:/x");
}

static void malformed_binds_are_refused(void **state)
{
	static const char *const entries[] = { "data", "/data:x", "/a:/b:/c", "/a/../b",
		"", ":/x", "/data:" };

	(void)state;
	fixture_path(&f, "/data", PLAN_PATH_DIR);
	for (size_t i = 0; i < COUNT(entries); i++) {
		bind_entry(entries[i]);
		refused("takes SOURCE or SOURCE:TARGET");
	}
}

static void two_binds_onto_one_place_are_refused(void **state)
{
	char *two[] = { (char *)"/a:/x", (char *)"/b:/x/" };

	(void)state;
	fixture_path(&f, "/a", PLAN_PATH_DIR);
	fixture_path(&f, "/b", PLAN_PATH_DIR);
	f.policy.bind_paths = (struct strlist){ two, 2 };
	refused("BindPaths=/a is bound onto /x already");
	bind_entry("/a:/home/alice");
	refused("home");
}

static void what_lies_on_top_is_bound_later(void **state)
{
	char *ro[] = { (char *)"/a:/x/deep" };

	(void)state;
	fixture_path(&f, "/a", PLAN_PATH_DIR);
	fixture_path(&f, "/b", PLAN_PATH_FILE);
	bind_entry("/b:/x/deep/file");
	f.policy.bind_ro_paths = (struct strlist){ ro, 1 };
	made();
	assert_true(op_at(PLAN_BIND, "/x/deep") < op_at(PLAN_BIND, "/x/deep/file"));
	/* in the init layer, as there may be no upper */
	assert_true(
		in_layer(PLAN_LAYER_DIR, "/x") && in_layer(PLAN_LAYER_DIR, "/x/deep"));
	assert_false(has(PLAN_DIR, "/x"));
	/* nothing is made in what belongs to the host */
	assert_false(has(PLAN_FILE, "/x/deep/file"));
	assert_false(in_layer(PLAN_LAYER_FILE, "/x/deep/file"));
	assert_true(op(PLAN_BIND, "/x/deep")->attr & MOUNT_ATTR_RDONLY);
	assert_false(op(PLAN_BIND, "/x/deep/file")->attr & MOUNT_ATTR_RDONLY);
}

static void a_bind_of_all_of_home_is_not_sealed(void **state)
{
	(void)state;
	fixture_path(&f, "/home", PLAN_PATH_DIR);
	bind_entry("/home");
	made();
	assert_false(has(PLAN_TMPFS, "/home") || has(PLAN_SEAL, "/home"));
	assert_false(has(PLAN_DIR, "/home/alice"));
}

static void a_bind_below_home_is_made_before_the_seal(void **state)
{
	(void)state;
	fixture_path(&f, "/srv/group", PLAN_PATH_DIR);
	bind_entry("/srv/group:/home/group");
	made();
	assert_true(op_at(PLAN_DIR, "/home/group") < op_at(PLAN_BIND, "/home/group"));
	assert_true(op_at(PLAN_BIND, "/home/group") < op_at(PLAN_SEAL, "/home"));
}

/* ---- devices and sockets */

/* Whether Sockets= of one entry, which is there, is bound anew when the host replaces it. */
static bool is_renewed(const char *source, const char *entry, const char *target)
{
	char *sockets[] = { (char *)entry };

	fixture_path(&f, source, PLAN_PATH_FILE);
	f.policy.sockets = (struct strlist){ sockets, 1 };
	made();
	return op(PLAN_BIND, target)->renew;
}

static void a_socket_is_renewed_at_a_place_of_the_boxs_own(void **state)
{
	(void)state;
	assert_true(is_renewed("/run/d/sock", "/run/d/sock", "/run/d/sock"));
}

static void one_that_is_in_the_home_inside_is_not(void **state)
{
	(void)state;
	assert_false(is_renewed(
		"/run/d/sock", "/run/d/sock:/home/alice/sock", "/home/alice/sock"));
}

static void nor_is_one_in_a_tmp_that_other_sessions_have_as_well(void **state)
{
	(void)state;
	f.policy.tmp = TMP_ACCOUNT;
	assert_false(is_renewed("/run/d/sock", "/run/d/sock:/tmp/sock", "/tmp/sock"));
}

static void a_file_is_renewed_where_it_is_read_only(void **state)
{
	char *files[] = { (char *)"/srv/conf:/mnt/conf" };

	(void)state;
	fixture_path(&f, "/srv/conf", PLAN_PATH_FILE);
	bind_entry("/srv/conf:/mnt/rw");
	f.policy.bind_ro_paths = (struct strlist){ files, 1 };
	made();
	assert_true(op(PLAN_BIND, "/mnt/conf")->renew);
	assert_false(op(PLAN_BIND, "/mnt/rw")->renew);
}

/* Where something is hidden in what the account writes, it could be moved there. */
static void nor_is_what_lies_in_a_bind_that_has_something_hidden(void **state)
{
	char *files[] = { (char *)"/data/run/conf:/mnt/conf" };
	char *hidden[] = { (char *)"/data/p/secret" };

	(void)state;
	fixture_path(&f, "/data", PLAN_PATH_DIR);
	fixture_path(&f, "/data/run/conf", PLAN_PATH_FILE);
	fixture_path(&f, "/data/p/secret", PLAN_PATH_FILE);
	bind_entry("/data");
	f.policy.bind_ro_paths = (struct strlist){ files, 1 };
	made();
	assert_true(op(PLAN_BIND, "/mnt/conf")->renew);
	f.policy.inaccessible_paths = (struct strlist){ hidden, 1 };
	made();
	assert_true(op(PLAN_MASK, "/data/p/secret")->renew);
	assert_false(op(PLAN_BIND, "/mnt/conf")->renew);
}

static void devices(char **v, size_t n)
{
	f.policy.devices = (struct strlist){ v, n };
}

static void devices_are_below_dev_and_exist(void **state)
{
	char *more[] = { (char *)"/dev/kvm", (char *)"/dev/null", (char *)"/dev/snd/*" };

	(void)state;
	devices(&(char *){ (char *)"/etc/passwd" }, 1);
	refused("Devices=/etc/passwd: takes a path below /dev");
	devices(&(char *){ (char *)"/dev/pts/3" }, 1);
	refused("a box has its own");
	devices(&(char *){ (char *)"/dev/kvm" }, 1);
	refused("write -/dev/kvm");
	devices(&(char *){ (char *)"-/dev/kvm" }, 1);
	made();
	assert_false(has(PLAN_DEVICE, "/dev/kvm"));
	fixture_path(&f, "/dev/kvm", PLAN_PATH_FILE);
	fixture_path(&f, "/dev/snd/seq", PLAN_PATH_FILE);
	devices(more, 3);
	made();
	assert_true(op_at(PLAN_DEVICE, "/dev/kvm") < op_at(PLAN_SEAL, "/dev"));
	assert_true(op_at(PLAN_DIR, "/dev/snd") < op_at(PLAN_DEVICE, "/dev/snd/seq"));
}

static void a_socket_of_the_config_replaces_the_built_in_one(void **state)
{
	char *sockets[] = { (char *)"/run/nscd" };

	(void)state;
	fixture_path(&f, "/run/nscd", PLAN_PATH_DIR);
	f.policy.sockets = (struct strlist){ sockets, 1 };
	made();
	assert_false(op(PLAN_BIND, "/run/nscd")->optional);
	assert_true(op_at(PLAN_DIR, "/run/nscd") < op_at(PLAN_BIND, "/run/nscd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(files_of_lxcfs_cover_those_of_proc),
		STORY(a_dead_lxcfs_covers_nothing_and_is_told),
		STORY(terminals_have_a_directory_of_the_accounts_with_record_alone),
		STORY(the_real_shell_is_told_where_the_config_has_one),
		STORY(a_home_is_there_and_no_other),
		STORY(a_deep_home_has_its_directories_made),
		STORY(a_home_elsewhere_has_its_directory_covered),
		STORY(a_home_in_a_system_directory_is_bound_in_place),
		STORY(a_home_in_run_is_made_there),
		STORY(a_home_that_would_be_hidden_is_seen_alone),
		STORY(what_is_no_home_is_refused),
		STORY(binds_onto_what_a_box_has_of_its_own_are_refused),
		STORY(binds_that_show_our_state_are_refused),
		STORY(a_bind_that_is_not_there_says_what_to_write),
		STORY(malformed_binds_are_refused),
		STORY(two_binds_onto_one_place_are_refused),
		STORY(what_lies_on_top_is_bound_later),
		STORY(a_bind_of_all_of_home_is_not_sealed),
		STORY(a_bind_below_home_is_made_before_the_seal),
		STORY(devices_are_below_dev_and_exist),
		STORY(a_socket_is_renewed_at_a_place_of_the_boxs_own),
		STORY(one_that_is_in_the_home_inside_is_not),
		STORY(nor_is_one_in_a_tmp_that_other_sessions_have_as_well),
		STORY(a_file_is_renewed_where_it_is_read_only),
		STORY(nor_is_what_lies_in_a_bind_that_has_something_hidden),
		STORY(a_socket_of_the_config_replaces_the_built_in_one),
	};

	return cmocka_run_group_tests_name("plan mounts", tests, NULL, NULL);
}
