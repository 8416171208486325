/* SPDX-License-Identifier: BSD-3-Clause */
/* What somebody says appears on a terminal as text, and as nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/harmless.h"

#include <string.h>

#define EXPECT(said, shown) expect(said, sizeof(said) - 1, shown, sizeof(shown) - 1)

static void expect(const char *said, size_t len, const char *shown, size_t shown_len)
{
	char text[64];

	assert_true(len <= sizeof(text));
	assert_int_equal(len, shown_len);
	memcpy(text, said, len);
	harmless_make(text, len);
	assert_memory_equal(text, shown, len);
}

static void text_stays_as_it_is(void **state)
{
	(void)state;
	EXPECT("plain, \a\ttext~\r\n", "plain, \a\ttext~\r\n");
	EXPECT("\xc2\xa0 \xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7",
		"\xc2\xa0 \xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xa7");
	EXPECT("", "");
}

static void controls_steer_nothing(void **state)
{
	(void)state;
	EXPECT("\x1b]0;x\x07 \x1b[2J\x7f", "?]0;x\x07 ?[2J?");
	EXPECT("a\0b\b\v\f", "a?b???");
	/* CSI of eight bits, raw and in UTF-8 */
	EXPECT("\x9b"
	       "2J \xc2\x9b"
	       "2J",
		"?2J ??2J");
}

static void what_is_no_utf8_could_be_anything(void **state)
{
	(void)state;
	/* longer than need be: "\x1b", "\x9b", "/" */
	EXPECT("\xc0\x9b \xe0\x82\x9b \xf0\x80\x80\xaf", "?? ??? ????");
	EXPECT("\xed\xa0\x80 \xf4\x90\x80\x80 \xf8\x88\x80\x80\x80", "??? ???? ?????");
	EXPECT("\xe2\x82", "??");
	EXPECT("\xe2\x82\x1b[", "???[");
}

static void a_line_stays_one(void **state)
{
	char text[] = "a\a\tb\r\nerror: \x1b[2J \xc3\xa9";

	(void)state;
	harmless_line(text);
	assert_string_equal(text, "a??b??error: ?[2J \xc3\xa9");
}

static void what_json_can_write_stays(void **state)
{
	char text[] = "a\x1b\n\x7f \xff \xe2\x82 \xc3\xa9";

	(void)state;
	harmless_utf8(text);
	assert_string_equal(text, "a\x1b\n\x7f ? ?? \xc3\xa9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stays_as_it_is),
		cmocka_unit_test(controls_steer_nothing),
		cmocka_unit_test(what_is_no_utf8_could_be_anything),
		cmocka_unit_test(a_line_stays_one),
		cmocka_unit_test(what_json_can_write_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
