/* SPDX-License-Identifier: BSD-3-Clause */
/* Words that are held against the forms of an entry. */
#include "core/plan/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define WORDS(...) ((const char *const[]){ "x", ##__VA_ARGS__, NULL })

static size_t file;

/* Whether one form allows these words, the name among them. */
static bool allows(const char *form, const char *const *words)
{
	const struct command c = { .name = "x", .forms = &form, .n_forms = 1 };
	size_t n = 0;

	assert_null(command_form_wrong(form));
	while (words[n])
		n++;
	return command_match(&c, "alice", words, n, &file);
}

static void a_form_is_what_the_words_must_be(void **state)
{
	(void)state;
	assert_true(allows("", WORDS()));
	assert_false(allows("", WORDS("")));
	assert_false(allows("", WORDS("-l")));
	assert_true(allows("-l", WORDS("-l")));
	assert_false(allows("-l", WORDS()));
	assert_false(allows("-l", WORDS("-l", "-l")));
	assert_false(allows("-l", WORDS("-lx")));
	assert_true(allows("-u %u -l", WORDS("-u", "alice", "-l")));
	assert_false(allows("-u %u -l", WORDS("-u", "bob", "-l")));
	assert_false(allows("-u %u -l", WORDS("-u", "alicex", "-l")));
}

static void text_is_no_option_and_no_control(void **state)
{
	(void)state;
	assert_true(allows("<text>", WORDS("now + 5 minutes")));
	assert_true(allows("<text>", WORDS("a\xc3\xa9")));
	assert_false(allows("<text>", WORDS("")));
	assert_false(allows("<text>", WORDS("-x")));
	assert_false(allows("<text>", WORDS("a\nb")));
	assert_false(allows("<text>", WORDS("a\x1b[0m")));
	assert_false(allows("<text>", WORDS("\x7f")));
	assert_true(allows("-f<text>", WORDS("-falice@example.org")));
	assert_false(allows("-f<text>", WORDS("-f")));
	assert_false(allows("-f<text>", WORDS("-f-x")));
	assert_true(allows("-f <text?>", WORDS("-f", "")));
	assert_true(allows("-f <text?>", WORDS("-f", "a b")));
	assert_false(allows("-f <text?>", WORDS("-f", "-x")));
	assert_false(allows("-f <text?>", WORDS("-f")));
	assert_false(allows("-f <text?>", WORDS("-f", "\n")));
	assert_true(allows("<number>", WORDS("007")));
	assert_false(allows("<number>", WORDS("7x")));
	assert_false(allows("<number>", WORDS("1234567890123456789")));
	assert_true(allows("<name>", WORDS("laser_2.a+b-c")));
	assert_false(allows("<name>", WORDS("../x")));
	assert_false(allows("<name>", WORDS("a b")));
	assert_false(allows("<name>", WORDS(".x")));
}

static void brackets_are_for_what_may_be_left_out(void **state)
{
	(void)state;
	assert_true(allows("[-u %u] -l", WORDS("-l")));
	assert_true(allows("[-u %u] -l", WORDS("-u", "alice", "-l")));
	assert_false(allows("[-u %u] -l", WORDS("-u", "alice")));
	assert_false(allows("[-u %u] -l", WORDS("-u", "-l")));
	assert_false(allows("[-u %u] -l", WORDS("-u", "alice", "-u", "alice", "-l")));
	assert_true(allows("[-s|-v]", WORDS("-v")));
	assert_false(allows("[-s|-v]", WORDS("-v", "-s")));
	assert_true(allows("[-s|-v]... <text>...", WORDS("-v", "-s", "-v", "a", "b")));
	assert_false(allows("[-s|-v]... <text>...", WORDS("-v", "a", "-s")));
	assert_false(allows("<text>...", WORDS()));
	assert_true(allows("[<text>]...", WORDS()));
	assert_true(allows(
		"[-f <text>|-t]... [<text>]...", WORDS("-t", "-f", "a", "-t", "b", "c")));
	assert_false(allows("[-f <text>|-t]... [<text>]...", WORDS("-t", "-f")));
}

static void the_word_that_names_a_file_is_told(void **state)
{
	(void)state;
	assert_true(allows("[-u %u] <file>", WORDS("mine")));
	assert_int_equal(file, 1);
	assert_true(allows("[-u %u] <file>", WORDS("-u", "alice", "mine")));
	assert_int_equal(file, 3);
	assert_true(allows("[-f <file>|-m]... <text>...",
		WORDS("-m", "-f", "job", "-m", "now", "+", "1")));
	assert_int_equal(file, 3);
	assert_true(allows("[-u %u] [<file>]", WORDS("-u", "alice")));
	assert_int_equal(file, 0);
	assert_false(allows("<file>", WORDS("-")));
	assert_true(allows("[-f <file>]...", WORDS("-f", "a")));
	assert_false(allows("[-f <file>]...", WORDS("-f", "a", "-f", "b")));
}

static void many_words_take_no_time(void **state)
{
	const char *words[COMMAND_WORDS_MAX + 2];

	(void)state;
	for (size_t i = 0; i <= COMMAND_WORDS_MAX; i++)
		words[i] = "a";
	words[COMMAND_WORDS_MAX] = NULL;
	assert_true(allows("[a|a a|<text>|a a a]... [a]... [<text>]... a...", words));
	words[COMMAND_WORDS_MAX - 1] = "-b";
	assert_false(allows("[a|a a|<text>|a a a]... [a]... [<text>]... a...", words));
	words[COMMAND_WORDS_MAX - 1] = words[COMMAND_WORDS_MAX] = "a";
	words[COMMAND_WORDS_MAX + 1] = NULL;
	assert_false(allows("<text>...", words));
}

static void what_is_no_form_is_told(void **state)
{
	static const char *const wrong[] = { "[", "[a", "a]", "]", "|", "[]", "[a|]",
		"[[a]]", "[a]x", "[a|b", "<txt>", "a<b", "%x", "x%u", "%", "x<file>",
		"x<text?>" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (!command_form_wrong(wrong[i]))
			fail_msg("\"%s\" is taken for a form", wrong[i]);
	assert_null(command_form_wrong("  [ -a | -b <text> ]...   -- <text>...  "));
}

static void names_are_names_of_files(void **state)
{
	(void)state;
	assert_true(command_name_is_valid("passwd"));
	assert_true(command_name_is_valid("g++-12.1_x"));
	assert_false(command_name_is_valid(""));
	assert_false(command_name_is_valid("../x"));
	assert_false(command_name_is_valid(".x"));
	assert_false(command_name_is_valid("-x"));
	assert_false(command_name_is_valid("a/b"));
	assert_false(command_name_is_valid("a234567890123456789012345678901x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_form_is_what_the_words_must_be),
		cmocka_unit_test(text_is_no_option_and_no_control),
		cmocka_unit_test(brackets_are_for_what_may_be_left_out),
		cmocka_unit_test(the_word_that_names_a_file_is_told),
		cmocka_unit_test(many_words_take_no_time),
		cmocka_unit_test(what_is_no_form_is_told),
		cmocka_unit_test(names_are_names_of_files),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
