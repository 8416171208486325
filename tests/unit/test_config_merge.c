/* SPDX-License-Identifier: BSD-3-Clause */
/* One account's policy out of many sections; whom a mistake concerns; contradictions. */
#include "config_fixture.h"

static void later_kinds_of_sections_win_wherever_they_stand(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[User bob]\nTasksMax=3\n"
		     "[Group staff]\nTasksMax=2\nCPUWeight=20\n"
		     "[Default]\nTasksMax=1\nCPUWeight=10\nIsolate=yes\n");
	expect_count(f, 0);
	policy_ok(f, "bob", "staff", NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 3);
	assert_int_equal(f->policy.limits.cpu_weight, 20);
	assert_true(f->policy.isolate);
	policy_ok(f, "alice", "users", "staff");
	assert_int_equal(f->policy.limits.tasks_max.n, 2);
	policy_ok(f, "alice", "users", NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 1);
}

static void groups_hold_in_the_order_of_the_file(void **state)
{
	struct fixture *f = *state;

	load_text(f,
		"[Group b]\nTasksMax=2\n[Group a]\nTasksMax=1\n[Group c]\nTasksMax=3\n");
	policy_ok(f, "alice", "a", "b");
	assert_int_equal(f->policy.limits.tasks_max.n, 1);
	policy_ok(f, "alice", "c", "a");
	assert_int_equal(f->policy.limits.tasks_max.n, 3);
	policy_ok(f, "alice", "b", NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 2);
}

static void group_names_may_have_blanks_in_them(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[Group domain users]\nTasksMax=2\n[User DOM\\bob]\nTasksMax=3\n"
		     "[User bob@example.org]\nTasksMax=4\n");
	expect_count(f, 0);
	policy_ok(f, "alice", "domain users", NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 2);
	policy_ok(f, "DOM\\bob", NULL, NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 3);
	policy_ok(f, "bob@example.org", NULL, NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 4);
}

static void lists_add_up_and_an_empty_value_clears_them(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[Default]\nSockets=/a /b\nServices=xrdp-sesman\n"
		     "[Group staff]\nSockets=/c /a\n"
		     "[User bob]\nSockets=\nSockets=/d\nServices=\nServices=sshd\n");
	expect_count(f, 0);
	policy_ok(f, "alice", "staff", NULL);
	expect_list(&f->policy.sockets, "/a /b /c");
	expect_list(&f->policy.services,
		"sshd login su su-l runuser runuser-l cron nsshell xrdp-sesman");
	policy_ok(f, "bob", "staff", NULL);
	expect_list(&f->policy.sockets, "/d");
	expect_list(&f->policy.services, "sshd");
}

static void a_mistake_concerns_its_section_only(void **state)
{
	struct fixture *f = *state;
	char place[128];

	load_text(f, "[User bob]\nTasksMax=many\n[Group lab]\n\nRoot=maybe\n");
	expect_count(f, 2);
	policy_ok(f, "alice", "users", NULL);
	assert_int_equal(policy_of(f, "bob", "users", NULL, NULL), -1);
	(void)snprintf(
		place, sizeof(place), "%s:2: [User bob] TasksMax=many: takes", f->path);
	assert_non_null(strstr(f->e.msg, place));
	assert_int_equal(policy_of(f, "alice", "users", "lab", NULL), -1);
	(void)snprintf(place, sizeof(place), "%s:5: [Group lab] Root=maybe", f->path);
	assert_non_null(strstr(f->e.msg, place));
}

static void a_mistake_of_no_section_concerns_everybody(void **state)
{
	static const char *const texts[] = { "Root=no\n", "[Default]\nRoot=maybe\n",
		"[Usr bob]\n", "[User bob\n", "[Default]\nFoo=1\n", "\001" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		load_text(f, texts[i]);
		expect_count(f, 1);
		assert_int_equal(policy_of(f, "alice", "users", NULL, NULL), -1);
	}
}

static void root_and_the_break_glass_group_get_through_a_broken_config(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[Default]\nIsolate=yes\nFoo=1\n");
	assert_int_equal(policy_of(f, "alice", NULL, NULL, NULL), -1);
	policy_ok(f, "alice", "users", POLICY_BREAK_GLASS_GROUP);
	assert_false(f->policy.isolate);
	policy_ok(f, "root", NULL, NULL);
	assert_false(f->policy.isolate);
	load_text(f, "[Default]\nIsolate=yes\n");
	policy_ok(f, "alice", NULL, NULL);
	assert_true(f->policy.isolate);
	policy_ok(f, "alice", POLICY_BREAK_GLASS_GROUP, NULL);
	assert_false(f->policy.isolate);
}

static void contradictions_within_a_section(void **state)
{
	static const struct {
		const char *lines;
		uint64_t line; /* the later one */
		const char *key, *words;
	} samples[] = {
		{ "Root=yes\nRootFS=host\n", 3, "RootFS", "or Root=no" },
		{ "RootFS=host\nRoot=yes\n", 3, "Root", "write RootFS=image:NAME" },
		{ "Root=yes\n", 2, "Root", "write RootFS=image:NAME" },
		{ "Root=yes\nRootFS=image:a\nPrivateTmp=account\n", 4, "PrivateTmp",
			"or Share=account" },
		{ "MemoryMax=1G\nMemoryHigh=2G\n", 3, "MemoryHigh",
			"at most 1073741824 bytes" },
		{ "MemoryHigh=2G\nMemoryMax=1G\n", 3, "MemoryMax",
			"a larger MemoryMax=" },
		{ "Isolate=yes\nServices=\n", 3, "Services", "isolates no login" },
		{ "BindPaths=/a\nBindReadOnlyPaths=/a\n", 3, "BindReadOnlyPaths",
			"/a is in BindPaths= and BindReadOnlyPaths=" },
		{ "BindPaths=/a:/x\nInaccessiblePaths=-/x\n", 3, "InaccessiblePaths",
			"/x is in BindPaths= and InaccessiblePaths=" },
		{ "InaccessiblePaths=/x\nBindReadOnlyPaths=/x\n", 3, "BindReadOnlyPaths",
			"/x is in BindReadOnlyPaths= and InaccessiblePaths=" },
		{ "BindPaths=/a:/x /b:/x\n", 2, "BindPaths",
			"/x is in BindPaths= and again" },
		{ "BindReadOnlyPaths=/x -/x\n", 2, "BindReadOnlyPaths", "and again" },
	};
	struct fixture *f = *state;
	char text[256];

	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		for (int user = 0; user < 2; user++) {
			const char *title = user ? "User bob" : "Default";

			(void)snprintf(
				text, sizeof(text), "[%s]\n%s", title, samples[i].lines);
			expect_one(f, text, samples[i].line, title, samples[i].key,
				samples[i].words);
			assert_int_equal(
				policy_of(f, "alice", NULL, NULL, NULL), user - 1);
			assert_int_equal(policy_of(f, "bob", NULL, NULL, NULL), -1);
		}
	}
}

static void what_only_looks_like_a_contradiction_is_fine(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[Default]\nMemoryMax=1G\nMemoryHigh=1G\nBindPaths=/a /a/b /c:/d\n"
		     "BindReadOnlyPaths=/c\nUpperSize=2G\nServices=\n"
		     "[User bob]\nUpper=disk\n"
		     "[User eve]\nUpper=disk\nUpperSize=infinity\n"
		     "[User joe]\nBindPaths=\nBindReadOnlyPaths=/a\n");
	expect_count(f, 0);
	policy_ok(f, "joe", NULL, NULL);
	expect_list(&f->policy.bind_ro_paths, "/c /a");
}

/* With Upper=disk it is a quota, which not every file system has: one that was said for a tmpfs is none. */
static void a_size_belongs_to_the_upper_that_was_said_before_it(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[Default]\nUpper=tmpfs\nUpperSize=2G\n"
		     "[User bob]\nUpper=disk\n"
		     "[User eve]\nUpperSize=3G\nUpper=disk\n"
		     "[Group a]\nUpper=disk\n[User joe]\nUpperSize=4G\n"
		     "[Group b]\nUpper=disk\nUpperSize=5G\n[User kim]\nUpper=disk\n");
	expect_count(f, 0);
	policy_ok(f, "bob", NULL, NULL);
	assert_false(f->policy.upper_sized);
	policy_ok(f, "eve", NULL, NULL);
	assert_true(f->policy.upper_sized);
	policy_ok(f, "joe", "a", NULL);
	assert_true(f->policy.upper_sized);
	policy_ok(f, "kim", "b", NULL);
	assert_false(f->policy.upper_sized);
	policy_ok(f, "alice", NULL, NULL);
	assert_true(f->policy.upper_sized);
}

static void a_section_contradicts_the_default_section(void **state)
{
	struct fixture *f = *state;

	expect_one(f, "[User bob]\n\nMemoryHigh=2G\n[Default]\nMemoryMax=1G\n", 3,
		"User bob", "MemoryHigh", "above MemoryMax=");
	policy_ok(f, "alice", NULL, NULL);
	assert_int_equal(policy_of(f, "bob", NULL, NULL, NULL), -1);
	/* A group might give bob more: nothing can be said before he logs in. */
	load_text(f, "[User bob]\nMemoryHigh=2G\n[Default]\nMemoryMax=1G\n"
		     "[Group big]\nMemoryMax=4G\n");
	expect_count(f, 0);
	policy_ok(f, "bob", "big", NULL);
	assert_int_equal(policy_of(f, "bob", "users", NULL, NULL), -1);
	assert_non_null(strstr(f->e.msg, "the config contradicts itself for bob: "));
	assert_non_null(strstr(f->e.msg, "nsshell.conf:2: [User bob] MemoryHigh="));
}

static void two_groups_contradict_each_other_for_who_is_in_both(void **state)
{
	struct fixture *f = *state;
	char place[160];

	load_text(
		f, "[Group a]\nBindPaths=/srv/x\n[Group b]\nInaccessiblePaths=/srv/x\n");
	expect_count(f, 0);
	policy_ok(f, "alice", "a", NULL);
	policy_ok(f, "alice", "b", NULL);
	assert_int_equal(policy_of(f, "alice", "a", "b", NULL), -1);
	(void)snprintf(place, sizeof(place), "%s:4: [Group b] /srv/x is in", f->path);
	assert_non_null(strstr(f->e.msg, place));
}

static void volumes_are_counted_when_all_are_known(void **state)
{
	static const char most[] =
		"[Default]\nVolumes=a:/a b:/b c:/c d:/d e:/e f:/f g:/g h:/h i:/i j:/j k:/k "
		"l:/l m:/m n:/n o:/o p:/p\n";
	struct fixture *f = *state;
	char text[256];

	(void)snprintf(text, sizeof(text), "%s[User bob]\nVolumes=p:/other\n", most);
	load_text(f, text);
	expect_count(f, 0);
	policy_ok(f, "bob", NULL, NULL);
	assert_int_equal(f->policy.volumes.n, 16);
	assert_string_equal(f->policy.volumes.v[15], "p:/other");
	(void)snprintf(text, sizeof(text), "%s[User bob]\nVolumes=q:/q\n", most);
	expect_one(f, text, 4, "User bob", "Volumes", "more than 16 volumes");
	assert_int_equal(policy_of(f, "bob", NULL, NULL, NULL), -1);
	policy_ok(f, "alice", NULL, NULL);
}

static void groups_without_a_name_match_nothing(void **state)
{
	struct fixture *f = *state;
	gid_t gid = 4;
	struct account a = {
		.name = (char[]){ "x" }, .uid = 7, .groups = &gid, .n_groups = 1
	};

	load_text(f, "[Default]\nTasksMax=5\n[Group x]\nTasksMax=6\n");
	assert_int_equal(config_policy(f->c, &a, &f->policy, &f->e), 0);
	assert_int_equal(f->policy.limits.tasks_max.n, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(later_kinds_of_sections_win_wherever_they_stand),
		story(groups_hold_in_the_order_of_the_file),
		story(group_names_may_have_blanks_in_them),
		story(lists_add_up_and_an_empty_value_clears_them),
		story(a_mistake_concerns_its_section_only),
		story(a_mistake_of_no_section_concerns_everybody),
		story(root_and_the_break_glass_group_get_through_a_broken_config),
		story(contradictions_within_a_section),
		story(what_only_looks_like_a_contradiction_is_fine),
		story(a_size_belongs_to_the_upper_that_was_said_before_it),
		story(a_section_contradicts_the_default_section),
		story(two_groups_contradict_each_other_for_who_is_in_both),
		story(volumes_are_counted_when_all_are_known),
		story(groups_without_a_name_match_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
