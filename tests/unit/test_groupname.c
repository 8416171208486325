/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose group the kernel speaks of. */
#include "tests/unit/plan_input.h"

#include "core/plan/groupname.h"

static void is_of(const char *text, uid_t uid, const char *rest)
{
	uid_t whose = 0;
	const char *after = groupname_skip(text, &whose);

	if (!after)
		fail_msg("%s: no group of an account", text);
	assert_int_equal(whose, uid);
	assert_string_equal(after, rest);
}

static void is_nobodys(const char *text)
{
	uid_t whose = 77;

	if (groupname_skip(text, &whose))
		fail_msg("%s: taken for a group of %u", text, whose);
	assert_int_equal(whose, 77);
}

static void groups_of_accounts_are_known_on_every_host(void **state)
{
	(void)state;
	is_of("/nsshell/1000", 1000, "");
	is_of("/nsshell/1000/k3v9x0ab12cd,task=x", 1000, "/k3v9x0ab12cd,task=x");
	is_of("/nsshell/course.slice/1000/k3v9x0ab12cd", 1000, "/k3v9x0ab12cd");
	is_of("/nsshell.slice/nsshell-1000.scope/k3v9x0ab12cd", 1000, "/k3v9x0ab12cd");
	is_of("/nsshell.slice/nsshell-course.slice/nsshell-1000.scope,", 1000, ",");
}

static void what_only_looks_like_one_is_not(void **state)
{
	(void)state;
	is_nobodys("/nsshell");
	is_nobodys("/nsshell/");
	is_nobodys("/nsshell/10x0");
	is_nobodys("/nsshell/99999999999");
	is_nobodys("/nsshell/4294967296");
	is_nobodys("/nsshell/a/1000");
	is_nobodys("/nsshell-1000.scope");
	is_nobodys("/nsshell.slice/1000");
	is_nobodys("/nsshell.slice/nsshell-1000.service");
	is_nobodys("/nsshell.slice/nsshell-1000.scopes");
	is_nobodys("/user.slice/nsshell-1000.scope");
	is_nobodys("nsshell/1000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_of_accounts_are_known_on_every_host),
		cmocka_unit_test(what_only_looks_like_one_is_not),
	};

	return cmocka_run_group_tests_name("groupname", tests, NULL, NULL);
}
