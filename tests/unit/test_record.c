/* SPDX-License-Identifier: BSD-3-Clause */
/* What a record says is believed by root: its text is read strictly, and that of another version as far as it goes. */
#include "core/run/session/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct record example(void)
{
	return (struct record){
		.id = "abcdef234567",
		.user = "alice",
		.uid = 1000,
		.service = "sshd",
		.rhost = "192.0.2.7",
		.since = 1700000000,
		.state = RECORD_LINGERING,
		.caller = { 11, 111 },
		.supervisor = { 22, 222 },
		.init = { 33, 333 },
		.ns = { 1, 2, 3, 4, 5, 6, 0 },
		.cgroup = "nsshell/1000/abcdef234567",
		.rootfs = UINT64_MAX,
		.rules = 7,
		.pids = 16534,
		.line = "pts/7",
		.holder = 44,
		.filter = 0x8000000000000001,
		.share = true,
		.leases = 2,
		.lent = { .path = "/dev/tty1",
			.rdev = 1025,
			.uid = 0,
			.gid = 5,
			.mode = 0620 },
	};
}

static void format(const struct record *r, char *text)
{
	assert_true(record_format(r, text, RECORD_TEXT_MAX) > 0);
}

static void refused(const char *text, const char *why)
{
	struct record r;
	struct err e = { 0 };

	assert_int_equal(record_parse(text, &r, &e), -1);
	assert_non_null(strstr(e.msg, why));
}

static void a_record_comes_back_as_it_was(void **state)
{
	char text[RECORD_TEXT_MAX], again[RECORD_TEXT_MAX];
	struct record r = example(), back;
	struct err e;

	(void)state;
	format(&r, text);
	assert_int_equal(record_parse(text, &back, &e), 0);
	format(&back, again);
	assert_string_equal(text, again);
	assert_string_equal(back.lent.path, "/dev/tty1");
	assert_int_equal(back.init.start, 333);
	assert_true(back.rootfs == UINT64_MAX);
}

static void a_record_without_a_network_is_as_older_versions_have_it(void **state)
{
	char text[RECORD_TEXT_MAX];
	struct record r = example(), back;
	struct err e;

	(void)state;
	format(&r, text);
	assert_null(strstr(text, "net"));
	strcpy(r.network, "netns:lab");
	r.ns.net = 4026532180;
	format(&r, text);
	assert_int_equal(record_parse(text, &back, &e), 0);
	assert_string_equal(back.network, "netns:lab");
	assert_true(back.ns.net == 4026532180);
}

static void what_the_first_versions_refuse_is_in_a_file_beside(void **state)
{
	char text[RECORD_TEXT_MAX], aside[RECORD_TEXT_MAX];
	struct record r = example(), back;
	struct err e;

	(void)state;
	assert_int_equal(record_format_aside(&r, aside, sizeof(aside)), 0);
	r.home_born = 1700000000;
	r.upper = UINT64_MAX;
	format(&r, text);
	assert_null(strstr(text, "home_born"));
	assert_null(strstr(text, "upper"));
	assert_true(record_format_aside(&r, aside, sizeof(aside)) > 0);
	assert_int_equal(record_parse(text, &back, &e), 0);
	assert_int_equal(record_parse_aside(aside, &back, &e), 0);
	assert_true(back.home_born == 1700000000 && back.upper == UINT64_MAX);
	assert_int_equal(record_parse_aside("uid=0\nupper=5\n", &back, &e), 0);
	assert_true(back.upper == 5 && back.uid == 1000);
}

static void a_line_break_in_a_name_forges_no_key(void **state)
{
	char text[RECORD_TEXT_MAX];
	struct record r = example(), back;
	struct err e;

	(void)state;
	strcpy(r.rhost, "x\ninit_pid=1");
	format(&r, text);
	assert_int_equal(record_parse(text, &back, &e), 0);
	assert_int_equal(back.init.pid, 33);
	assert_string_equal(back.rhost, "x?init_pid=1");
}

/* Without these a session would be joined, or its upper mounted, in another way than it is. */
static bool is_needed(const char *line)
{
	static const char *const needed[] = { "id=", "user=", "uid=", "state=",
		"supervisor_", "init_", "ns_", "cgroup=", "holder=", "filter=",
		"no_new_privs=", "tmp=", "scoped=", "notify_join=" };

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (strncmp(line, needed[i], strlen(needed[i])) == 0)
			return true;
	return false;
}

static void a_missing_key_is_noticed_or_nothing(void **state)
{
	char text[RECORD_TEXT_MAX], cut[RECORD_TEXT_MAX];
	struct record r = example(), back;
	size_t lines = 0;
	struct err e;

	(void)state;
	format(&r, text);
	for (char *line = text; *line; line = strchr(line, '\n') + 1, lines++) {
		const char *rest = strchr(line, '\n') + 1;
		size_t before = (size_t)(line - text);

		memcpy(cut, text, before);
		memcpy(cut + before, rest, strlen(rest) + 1);
		if (is_needed(line))
			refused(cut, "missing");
		else
			assert_int_equal(record_parse(cut, &back, &e), 0);
	}
	assert_true(lines > 25);
}

static void what_a_newer_version_adds_is_passed_over(void **state)
{
	char text[RECORD_TEXT_MAX], more[2 * RECORD_TEXT_MAX];
	struct record r = example(), back;
	struct err e;

	(void)state;
	format(&r, text);
	(void)snprintf(more, sizeof(more), "%scolour=red\n", text);
	assert_int_equal(record_parse(more, &back, &e), 0);
	assert_int_equal(back.init.pid, 33);
	/* But not what it says nobody may. */
	(void)snprintf(more, sizeof(more), "%s!colour=red\n", text);
	refused(more, "unknown key !colour");
}

static void glimpse(const char *text, struct record *ret)
{
	record_glimpse("abcdef234567", text, ret);
	assert_string_equal(ret->id, "abcdef234567");
	assert_int_equal(ret->state, RECORD_UNKNOWN);
}

static void of_one_that_is_refused_as_much_as_there_is_is_had(void **state)
{
	char text[RECORD_TEXT_MAX], more[2 * RECORD_TEXT_MAX];
	struct record r = example(), seen;

	(void)state;
	format(&r, text);
	(void)snprintf(more, sizeof(more), "nonsense\nstate=asleep\n%suid=0\n", text);
	glimpse(more, &seen);
	assert_string_equal(seen.user, "alice");
	assert_int_equal(seen.uid, 1000);
	assert_int_equal(seen.supervisor.pid, 22);
	assert_string_equal(seen.cgroup, "nsshell/1000/abcdef234567");
	glimpse("", &seen);
	assert_string_equal(seen.user, "?");
	assert_true(seen.uid == (uid_t)-1);
	assert_int_equal(seen.supervisor.pid, 0);
	/* The group of others is no group to end. */
	glimpse("cgroup=nsshell/1000\nuser=al\x1b[31mice\n", &seen);
	assert_string_equal(seen.cgroup, "");
	assert_string_equal(seen.user, "al?[31mice");
}

static void what_is_damaged_is_refused(void **state)
{
	char text[RECORD_TEXT_MAX], more[2 * RECORD_TEXT_MAX];
	struct record r = example();

	(void)state;
	format(&r, text);
	(void)snprintf(more, sizeof(more), "%suid=0\n", text);
	refused(more, "twice");
	(void)snprintf(more, sizeof(more), "%snonsense\n", text);
	refused(more, "key=value");
	refused("", "missing");
}

static void bad_values_are_refused(void **state)
{
	static const struct {
		const char *good, *bad, *why;
	} cases[] = {
		{ "init_pid=33", "init_pid=-33", "init_pid" },
		{ "init_pid=33", "init_pid=4294967295", "init_pid" },
		{ "init_pid=33", "init_pid=33 ", "init_pid" },
		{ "state=lingering", "state=dead", "state" },
		{ "state=lingering", "state=unknown", "state" },
		{ "share=1", "share=2", "share" },
		{ "id=abcdef234567", "id=../../../etc", "session id" },
		{ "id=abcdef234567", "id=ABCDEF234567", "session id" },
		{ "uid=1000", "uid=", "uid" },
	};
	char text[RECORD_TEXT_MAX], changed[2 * RECORD_TEXT_MAX];
	struct record r = example();

	(void)state;
	format(&r, text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *at = strstr(text, cases[i].good);

		assert_non_null(at);
		(void)snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text),
			text, cases[i].bad, at + strlen(cases[i].good));
		refused(changed, cases[i].why);
	}
}

static void an_id_is_twelve_letters_and_digits(void **state)
{
	(void)state;
	assert_true(record_id_is_valid("abcdef234567"));
	assert_false(record_id_is_valid("abcdef23456"));
	assert_false(record_id_is_valid("abcdef2345678"));
	assert_false(record_id_is_valid("abcdef/34567"));
	assert_false(record_id_is_valid(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_comes_back_as_it_was),
		cmocka_unit_test(a_record_without_a_network_is_as_older_versions_have_it),
		cmocka_unit_test(what_the_first_versions_refuse_is_in_a_file_beside),
		cmocka_unit_test(a_line_break_in_a_name_forges_no_key),
		cmocka_unit_test(a_missing_key_is_noticed_or_nothing),
		cmocka_unit_test(what_a_newer_version_adds_is_passed_over),
		cmocka_unit_test(of_one_that_is_refused_as_much_as_there_is_is_had),
		cmocka_unit_test(what_is_damaged_is_refused),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(an_id_is_twelve_letters_and_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
