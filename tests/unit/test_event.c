/* SPDX-License-Identifier: BSD-3-Clause */
/* A record of what happened: one line, whatever words are in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/event.h"

#include <string.h>

static void expect(const struct event *v, const char *text, const char *line)
{
	char buf[EVENT_LINE_MAX];

	assert_int_equal(event_line(v, 1732282211000000, text, buf), strlen(line));
	assert_string_equal(buf, line);
}

static void fields_that_there_are(void **state)
{
	(void)state;
	expect(&(struct event){ EVENT_OPENED, "aaaaaaaaaaaa", "alice" }, "a b",
		"{\"time\":1732282211000000,\"event\":\"opened\",\"session\":\"aaaaaaaaaaaa\","
		"\"user\":\"alice\",\"text\":\"a b\"}\n");
	expect(&(struct event){ EVENT_CRASHED, NULL, "" }, "x",
		"{\"time\":1732282211000000,\"event\":\"crashed\",\"text\":\"x\"}\n");
}

static void words_begin_no_other_record(void **state)
{
	(void)state;
	expect(&(struct event){ EVENT_REFUSED, NULL, "a\"\\" },
		"\n{\"\x1b\xc3\xa9\x7f\xc3\xc2\x9b",
		"{\"time\":1732282211000000,\"event\":\"refused\",\"user\":\"a\\\"\\\\\","
		"\"text\":\"?{\\\"?\xc3\xa9????\"}\n");
}

static void names_of_other_letters_are_found_again(void **state)
{
	(void)state;
	expect(&(struct event){ EVENT_OPENED, NULL, "j\xc3\xb6rg" }, "x",
		"{\"time\":1732282211000000,\"event\":\"opened\",\"user\":\"j\xc3\xb6rg\","
		"\"text\":\"x\"}\n");
}

static void the_longest_is_whole(void **state)
{
	char text[EVENT_TEXT_MAX * 2], buf[EVENT_LINE_MAX];
	size_t len;

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	len = event_line(
		&(struct event){ EVENT_NOTE, text, text }, UINT64_MAX, text, buf);
	assert_int_equal(len, strlen(buf));
	assert_string_equal(buf + len - 3, "\"}\n");
}

static void each_kind_has_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < EVENT_KINDS; i++)
		assert_non_null(event_names[i]);
	assert_null(event_names[EVENT_KINDS]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_that_there_are),
		cmocka_unit_test(words_begin_no_other_record),
		cmocka_unit_test(names_of_other_letters_are_found_again),
		cmocka_unit_test(the_longest_is_whole),
		cmocka_unit_test(each_kind_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
