/* SPDX-License-Identifier: BSD-3-Clause */
/* SystemCallFilter= and AllowUserNamespaces=. */
#include "config_fixture.h"

static const struct strlist *words_of(void **state, const char *lines)
{
	struct fixture *f = *state;
	char text[512];

	(void)snprintf(text, sizeof(text), "[Default]\n%s\n", lines);
	load_text(f, text);
	expect_count(f, 0);
	policy_ok(f, "alice", "users", NULL);
	return &f->policy.filter;
}

static void words_are_kept_in_their_order(void **state)
{
	expect_list(words_of(state,
			    "SystemCallFilter=@perf ~ptrace\nSystemCallFilter=ptrace"),
		"default @perf ~ptrace ptrace");
	expect_list(words_of(state, "[User alice]\nSystemCallFilter=~ptrace"),
		"default ~ptrace");
	expect_list(words_of(state, "SystemCallFilter="), "");
}

static void no_and_default_forget_what_came_before(void **state)
{
	expect_list(words_of(state, "SystemCallFilter=bpf no ~@swap"), "no ~@swap");
	expect_list(words_of(state, "SystemCallFilter=no\nSystemCallFilter=default"),
		"default");
}

static void a_name_that_nothing_has_is_told_with_its_line(void **state)
{
	struct fixture *f = *state;

	expect_one(f, "[User bob]\n\nSystemCallFilter=~@nonsense\n", 3, "User bob",
		"SystemCallFilter", "'~@nonsense' is none of the groups");
	expect_one(f, "[Default]\nSystemCallFilter=bpf opeen\n", 2, "Default",
		"SystemCallFilter", "'opeen' is no system call");
	expect_one(f, "[Default]\nSystemCallFilter=~no\n", 2, "Default",
		"SystemCallFilter", "'~no' is no system call");
	expect_one(f, "[Default]\nSystemCallFilter=~ptrace ~execve\n", 2, "Default",
		"SystemCallFilter", "'~execve' refuses what every login needs");
}

static void families_are_heard_as_calls_are(void **state)
{
	struct fixture *f = *state;

	(void)words_of(state, "RestrictAddressFamilies=AF_VSOCK ~AF_INET6\n"
			      "RestrictAddressFamilies=~AF_VSOCK");
	expect_list(&f->policy.families, "default AF_VSOCK ~AF_INET6 ~AF_VSOCK");
	(void)words_of(state, "RestrictAddressFamilies=AF_VSOCK none AF_UNIX");
	expect_list(&f->policy.families, "none AF_UNIX");
	(void)words_of(state, "RestrictAddressFamilies=");
	expect_list(&f->policy.families, "");
	expect_one(f, "[Default]\nRestrictAddressFamilies=AF_INTE\n", 2, "Default",
		"RestrictAddressFamilies", "'AF_INTE' is no family");
	expect_one(f, "[Default]\nRestrictAddressFamilies=~none\n", 2, "Default",
		"RestrictAddressFamilies", "'~none' is no family");
}

static void user_namespaces_are_allowed_by_a_word(void **state)
{
	struct fixture *f = *state;

	(void)words_of(state, "AllowUserNamespaces=yes");
	assert_true(f->policy.allow_user_namespaces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(words_are_kept_in_their_order),
		story(no_and_default_forget_what_came_before),
		story(a_name_that_nothing_has_is_told_with_its_line),
		story(families_are_heard_as_calls_are),
		story(user_namespaces_are_allowed_by_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
