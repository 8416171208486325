/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said of a join: one printable line, whatever was typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/plan/joinlog.h"

#include <string.h>

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void expect(const char *const *argv, const char *want)
{
	char text[256];

	joinlog_command(argv, text, sizeof(text));
	assert_string_equal(text, want);
}

static void plain_words_stay_as_they_are(void **state)
{
	(void)state;
	expect(ARGV("ls", "-l", "/tmp/a_b.c", "x=1,2", "user@host:"),
		"ls -l /tmp/a_b.c x=1,2 user@host:");
}

static void other_words_are_quoted(void **state)
{
	(void)state;
	expect(ARGV("sh", "-c", "rm -rf *; id", ""), "sh -c 'rm -rf *; id' ''");
	expect(ARGV("echo", "it's", "a\\b"), "echo $'it\\047s' 'a\\b'");
}

static void no_byte_reaches_a_terminal_or_forges_a_line(void **state)
{
	(void)state;
	expect(ARGV("echo", "\x1b[2J", "a\nroot joined", "\x7f", "\xc3\xa9"),
		"echo $'\\033[2J' $'a\\012root joined' $'\\177' $'\\303\\251'");
}

static void no_command_is_the_login_shell(void **state)
{
	(void)state;
	expect(NULL, "the login shell");
}

static void a_long_command_is_cut_at_a_whole_escape(void **state)
{
	const char *argv[] = { "\n\n\n\n\n\n\n\n", NULL };
	char text[20];

	(void)state;
	joinlog_command(argv, text, sizeof(text));
	assert_string_equal(text, "$'\\012\\012\\012...");
	for (size_t size = 4; size < 40; size++) {
		char exact[40];

		memset(exact, 'x', sizeof(exact));
		joinlog_command(argv, exact, size);
		assert_true(strlen(exact) < size);
	}
}

static void a_long_word_is_shown_as_far_as_there_is_room(void **state)
{
	char text[20];

	(void)state;
	joinlog_command(ARGV("a", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "c"), text, 20);
	assert_string_equal(text, "a bbbbbbbbbbbbbb...");
	joinlog_command(ARGV("a", "b b b b b b b b b b b b b b b b"), text, 20);
	assert_string_equal(text, "a 'b b b b b b b...");
}

static void a_person_is_named_with_login_and_terminal(void **state)
{
	struct joinlog_who who = { "root", "alice", "pts/3", 0 };
	char text[128];

	(void)state;
	joinlog_person(&who, text, sizeof(text));
	assert_string_equal(text, "root (logged in as alice) on pts/3");
	who = (struct joinlog_who){ "root", "root", "", 0 };
	joinlog_person(&who, text, sizeof(text));
	assert_string_equal(text, "root");
	who = (struct joinlog_who){ "", "", "", 12 };
	joinlog_person(&who, text, sizeof(text));
	assert_string_equal(text, "uid 12");
}

static void the_notice_names_the_person_and_not_the_terminal(void **state)
{
	const struct joinlog_who who = { "root", "alice", "pts/3", 0 };
	char text[256];

	(void)state;
	joinlog_notice(&who, "14:05", text, sizeof(text));
	assert_non_null(strstr(text, "root (logged in as alice) has stepped into"));
	assert_non_null(strstr(text, "14:05"));
	assert_null(strstr(text, "pts/3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_words_stay_as_they_are),
		cmocka_unit_test(other_words_are_quoted),
		cmocka_unit_test(no_byte_reaches_a_terminal_or_forges_a_line),
		cmocka_unit_test(no_command_is_the_login_shell),
		cmocka_unit_test(a_long_command_is_cut_at_a_whole_escape),
		cmocka_unit_test(a_long_word_is_shown_as_far_as_there_is_room),
		cmocka_unit_test(a_person_is_named_with_login_and_terminal),
		cmocka_unit_test(the_notice_names_the_person_and_not_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
