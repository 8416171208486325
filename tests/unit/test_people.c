/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom Isolate=yes in [Default] means. */
#include "config_fixture.h"

#include "config/internal.h"

static void parse(const char *text, uid_t min, uid_t max)
{
	char copy[256];
	struct people p;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	people_parse(copy, &p);
	assert_int_equal(p.min, min);
	assert_int_equal(p.max, max);
}

static void login_defs_is_read_as_useradd_reads_it(void **state)
{
	(void)state;
	parse("", 1000, 60000);
	parse("UID_MIN\t\t 500\nUID_MAX\t\t40000\n", 500, 40000);
	parse("#UID_MIN 1\n  UID_MIN 2000\nSYS_UID_MIN 7\n", 2000, 60000);
	parse("UID_MIN 0x10\nUID_MAX 2147483647", 16, 2147483647);
	parse("UID_MIN lots\nUID_MAX\nUID_MIN 99999999999\n", 1000, 60000);
}

static int policy_of_uid(struct fixture *f, const char *user, uid_t uid)
{
	gid_t gid = 33;
	char *group = (char[]){ "web" };
	struct account a = { .name = (char *)(uintptr_t)user,
		.uid = uid,
		.groups = &gid,
		.group_names = &group,
		.n_groups = 1 };

	if (!f->c)
		return -1;
	f->c->people = PEOPLE_USUAL;
	policy_clear(&f->policy);
	return config_policy(f->c, &a, &f->policy, &f->e);
}

static void expect_isolated(struct fixture *f, const char *user, uid_t uid, bool isolate,
	enum policy_passed passed)
{
	assert_int_equal(policy_of_uid(f, user, uid), 0);
	assert_int_equal(f->policy.isolate, isolate);
	assert_int_equal(f->policy.passed, passed);
}

static void default_isolates_people(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[Default]\nIsolate=yes\nTasksMax=7\n[User ftp]\nIsolate=yes\n");
	expect_isolated(f, "a", 1000, true, PASSED_NOT);
	expect_isolated(f, "a", 60000, true, PASSED_NOT);
	expect_isolated(f, "www-data", 33, false, PASSED_SYSTEM);
	expect_isolated(f, "a", 999, false, PASSED_SYSTEM);
	expect_isolated(f, "nobody", 65534, false, PASSED_SYSTEM);
	expect_isolated(f, "homed", 60001, false, PASSED_ABOVE);
	expect_isolated(f, "ldap", 1234567, false, PASSED_ABOVE);
	expect_isolated(f, "ftp", 21, true, PASSED_NOT);
	assert_int_equal(
		f->policy.limits.tasks_max.n, 7); /* the rest of [Default] holds */
	load_text(f, "[Default]\nIsolate=yes\n[Group web]\nIsolate=yes\n");
	expect_isolated(f, "ldap", 1234567, true, PASSED_NOT);
	load_text(f, "[Default]\nTasksMax=7\n");
	expect_isolated(f, "ldap", 1234567, false, PASSED_NOT);
}

static void a_mistake_in_default_refuses_no_job_of_the_systems(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[Default]\nIsolate=yes\nTasksMax=lots\n[User ftp]\nIsolate=yes\n");
	assert_int_equal(policy_of_uid(f, "a", 1000), -1);
	assert_int_equal(policy_of_uid(f, "www-data", 33), 0);
	assert_int_equal(policy_of_uid(f, "ftp", 21), -1);
	load_text(f, "[Default]\nIsolate=yes\nServices=\n");
	assert_int_equal(policy_of_uid(f, "a", 1000), -1);
	assert_int_equal(policy_of_uid(f, "www-data", 33), 0);
	load_text(f, "TasksMax=lots\n[Default]\nIsolate=yes\n");
	assert_int_equal(policy_of_uid(f, "www-data", 33), -1);
	load_text(f, "[Default]\nIsolate=yes\n[User www-data]\nTasksMax=lots\n");
	assert_int_equal(policy_of_uid(f, "www-data", 33), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(login_defs_is_read_as_useradd_reads_it),
		story(default_isolates_people),
		story(a_mistake_in_default_refuses_no_job_of_the_systems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
