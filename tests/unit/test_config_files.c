/* SPDX-License-Identifier: BSD-3-Clause */
/* The files of the config: drop-ins and their order, and files that others could write.
 */
#include "config_fixture.h"

static void change(const struct fixture *f, const char *name, mode_t mode)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	assert_int_equal(chmod(path, mode), 0);
}

static void drop_ins_come_after_the_main_file_by_their_names(void **state)
{
	struct fixture *f = *state;

	put(f, "nsshell.conf.d/20-b.conf", "[Default]\nTasksMax=20\nSockets=/b\n");
	put(f, "nsshell.conf.d/10-a.conf",
		"[Default]\nTasksMax=10\nCPUWeight=10\nSockets=/a\n");
	put(f, "nsshell.conf.d/Z.conf", "[Default]\nHostname=upper-case-first-Z\n");
	put(f, "nsshell.conf.d/a.conf", "[Default]\nHostname=a\n");
	put(f, "nsshell.conf.d/30-c.conf.bak", "nonsense");
	put(f, "nsshell.conf.d/.hidden.conf", "nonsense");
	put(f, "nsshell.conf.d/README", "nonsense");
	load_text(f, "[Default]\nTasksMax=1\nCPUWeight=1\nSockets=/main\n");
	expect_count(f, 0);
	policy_ok(f, "alice", NULL, NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 20);
	assert_int_equal(f->policy.limits.cpu_weight, 10);
	assert_string_equal(f->policy.hostname, "a");
	expect_list(&f->policy.sockets, "/main /a /b");
}

static void a_drop_in_default_does_not_beat_a_user_of_the_main_file(void **state)
{
	struct fixture *f = *state;

	put(f, "nsshell.conf.d/10.conf",
		"[Default]\nTasksMax=10\n[Group g]\nTasksMax=11\n");
	load_text(f, "[User bob]\nTasksMax=1\n[Group g]\nTasksMax=2\n");
	policy_ok(f, "bob", "g", NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 1);
	policy_ok(f, "alice", "g", NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 11);
	policy_ok(f, "alice", NULL, NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 10);
}

static void drop_ins_hold_without_a_main_file(void **state)
{
	struct fixture *f = *state;

	put(f, "nsshell.conf.d/10.conf", "[Default]\nTasksMax=10\n");
	load(f);
	expect_count(f, 0);
	policy_ok(f, "alice", NULL, NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 10);
}

static void nothing_there_is_an_empty_config(void **state)
{
	struct fixture *f = *state;

	load(f);
	expect_count(f, 0);
	(void)snprintf(
		f->path, sizeof(f->path), "%s/no/such/directory/nsshell.conf", f->dir);
	load(f);
	expect_count(f, 0);
	policy_ok(f, "alice", NULL, NULL);
	assert_false(f->policy.isolate);
}

static void problems_come_in_the_order_of_files_and_lines(void **state)
{
	struct fixture *f = *state;

	put(f, "nsshell.conf.d/10.conf", "[Default]\nTasksMax=x\nFoo=1\nRoot=x\n");
	put(f, "nsshell.conf.d/20.conf", "\n\nRoot=no\n");
	load_text(f, "[Default]\nTasksMax=x\nbar\n");
	expect_count(f, 6);
	expect(f, 0, "nsshell.conf", 2, "Default", "TasksMax", "takes");
	expect(f, 1, "nsshell.conf", 3, "Default", NULL, "'bar'");
	expect(f, 2, "nsshell.conf.d/10.conf", 2, "Default", "TasksMax", "takes");
	expect(f, 3, "nsshell.conf.d/10.conf", 3, "Default", "Foo", "no such key");
	expect(f, 4, "nsshell.conf.d/10.conf", 4, "Default", "Root", "takes");
	expect(f, 5, "nsshell.conf.d/20.conf", 3, NULL, "Root", "before any section");
}

static void a_drop_in_may_mend_or_make_a_contradiction(void **state)
{
	struct fixture *f = *state;

	put(f, "nsshell.conf", "[Default]\nMemoryMax=1G\n[User bob]\nUpper=disk\n");
	put(f, "nsshell.conf.d/10.conf",
		"[Default]\n\nMemoryHigh=2G\n[User bob]\nRoot=yes\n");
	load(f);
	expect_count(f, 2);
	expect(f, 0, "nsshell.conf.d/10.conf", 3, "Default", "MemoryHigh",
		"above MemoryMax=");
	expect(f, 1, "nsshell.conf.d/10.conf", 5, "User bob", "Root", "or Root=no");
	put(f, "nsshell.conf.d/20.conf",
		"[Default]\nMemoryMax=4G\n[User bob]\nRoot=no\n");
	load(f);
	expect_count(f, 0);
}

static void a_file_that_others_can_write_is_refused_and_not_read(void **state)
{
	struct fixture *f = *state;

	put(f, "nsshell.conf", "[Default]\nTasksMax=x\n");
	put(f, "nsshell.conf.d/10.conf", "[Default]\nTasksMax=x\n");
	change(f, "nsshell.conf", 0664);
	change(f, "nsshell.conf.d/10.conf", 0646);
	load(f);
	expect_count(f, 2);
	expect(f, 0, "nsshell.conf", 0, NULL, NULL,
		"can be written by its group: chmod go-w");
	expect(f, 1, "nsshell.conf.d/10.conf", 0, NULL, NULL,
		"can be written by everybody");
	assert_int_equal(policy_of(f, "alice", NULL, NULL, NULL), -1);
	assert_non_null(strstr(f->e.msg, "nsshell.conf: can be written by its group"));
	change(f, "nsshell.conf", 0600);
	change(f, "nsshell.conf.d/10.conf", 0444);
	load(f);
	expect_count(f, 2);
	expect(f, 0, "nsshell.conf", 2, "Default", "TasksMax", "takes");
}

static void a_directory_that_others_can_write_is_refused(void **state)
{
	struct fixture *f = *state;

	put(f, "nsshell.conf.d/10.conf", "[Default]\nTasksMax=x\n");
	put(f, "nsshell.conf", "[Default]\n");
	change(f, "nsshell.conf.d", 0775);
	load(f);
	expect_count(f, 1);
	expect(f, 0, "nsshell.conf.d", 0, NULL, NULL,
		"the directory can be written by its group: chmod go-w it; nothing in it was read");
	change(f, "nsshell.conf.d", 0755);
	assert_int_equal(chmod(f->dir, 01777), 0);
	load(f);
	expect_count(f, 1);
	assert_int_equal(policy_of(f, "alice", NULL, NULL, NULL), -1);
	assert_non_null(strstr(f->e.msg, "the directory can be written by everybody"));
}

static void a_file_of_somebody_else_is_refused(void **state)
{
	struct fixture *f = *state;
	char directory[128];

	if (geteuid() != 0)
		skip(); /* only root can give files away */
	put(f, "nsshell.conf.d/10.conf", "[Default]\n");
	put(f, "nsshell.conf", "[Default]\n");
	assert_int_equal(chown(f->path, 1000, 0), 0);
	load(f);
	expect_count(f, 1);
	expect(f, 0, "nsshell.conf", 0, NULL, NULL, "owned by somebody else than root");
	assert_int_equal(chown(f->path, 0, 1000), 0);
	load(f);
	expect_count(f, 0);
	(void)snprintf(directory, sizeof(directory), "%s.d", f->path);
	assert_int_equal(chown(directory, 1000, 0), 0);
	load(f);
	expect_count(f, 1);
	expect(f, 0, "nsshell.conf.d", 0, NULL, NULL, "owned by somebody else than root");
}

static void what_is_no_plain_file_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[160];

	put(f, "nsshell.conf.d/10.conf", "[Default]\n");
	(void)snprintf(path, sizeof(path), "%s.d/20.conf", f->path);
	assert_int_equal(symlink("10.conf", path), 0);
	(void)snprintf(path, sizeof(path), "%s.d/30.conf", f->path);
	assert_int_equal(mkdir(path, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s.d/40.conf", f->path);
	assert_int_equal(mkfifo(path, 0644), 0);
	load(f);
	expect_count(f, 3);
	expect(f, 0, "nsshell.conf.d/20.conf", 0, NULL, NULL, "is a symlink");
	expect(f, 1, "nsshell.conf.d/30.conf", 0, NULL, NULL, "isn't a plain file");
	expect(f, 2, "nsshell.conf.d/40.conf", 0, NULL, NULL, "isn't a plain file");
}

static void a_file_that_cannot_be_read_is_a_problem(void **state)
{
	struct fixture *f = *state;
	bool root = geteuid() == 0;

	put(f, "nsshell.conf", "[Default]\n");
	change(f, "nsshell.conf", 0);
	assert_int_equal(chmod(f->dir, 0755), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0); /* root can read everything */
	load(f);
	if (root)
		assert_int_equal(seteuid(0), 0);
	expect_count(f, 1);
	expect(f, 0, "nsshell.conf", 0, NULL, NULL, "can't be opened: Permission denied");
}

static void a_file_of_more_than_a_mebibyte_is_refused(void **state)
{
	struct fixture *f = *state;

	put(f, "nsshell.conf", "[Default]\n");
	assert_int_equal(truncate(f->path, (1 << 20) + 1), 0);
	load(f);
	expect_count(f, 1);
	expect(f, 0, "nsshell.conf", 0, NULL, NULL, "larger than 1 MiB");
}

static void loading_leaves_no_fd_open(void **state)
{
	struct fixture *f = *state;
	int before = dup(0), after;

	put(f, "nsshell.conf.d/10.conf", "[Default]\nTasksMax=x\n");
	put(f, "nsshell.conf.d/20.conf", "\001");
	load_text(f, "[Default]\nTasksMax=1\n");
	after = dup(0);
	assert_int_equal(after, before + 1);
	(void)close(before);
	(void)close(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(drop_ins_come_after_the_main_file_by_their_names),
		story(a_drop_in_default_does_not_beat_a_user_of_the_main_file),
		story(drop_ins_hold_without_a_main_file),
		story(nothing_there_is_an_empty_config),
		story(problems_come_in_the_order_of_files_and_lines),
		story(a_drop_in_may_mend_or_make_a_contradiction),
		story(a_file_that_others_can_write_is_refused_and_not_read),
		story(a_directory_that_others_can_write_is_refused),
		story(a_file_of_somebody_else_is_refused),
		story(what_is_no_plain_file_is_refused),
		story(a_file_that_cannot_be_read_is_a_problem),
		story(a_file_of_more_than_a_mebibyte_is_refused),
		story(loading_leaves_no_fd_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
