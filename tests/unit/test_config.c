/* SPDX-License-Identifier: BSD-3-Clause */
/* nsshell.conf: lines, sections, repeated keys, garbage; every problem with its place. */
#include "config_fixture.h"

static void everything_wrong_in_a_file_is_told_at_once(void **state)
{
	struct fixture *f = *state;

	load_text(f, "Isolate=yes\n"               /* 1 */
		     "[Default]\n"                 /* 2 */
		     "# a comment\n"               /* 3 */
		     "TasksMax=many\n"             /* 4 */
		     "MemoryMx=1G\n"               /* 5 */
		     "\n"                          /* 6 */
		     "; another one\n"             /* 7 */
		     "MemoryMax\n"                 /* 8 */
		     "[Usr bob]\n"                 /* 9 */
		     "CPUQuota=nothing\n"          /* 10 */
		     "[User bob\n"                 /* 11 */
		     "[Group staff]\n"             /* 12 */
		     "BindPaths=srv /ok /a/../b\n" /* 13 */
		     "Upper=disk\n"                /* 14 */
		     "Upper=tmpfs\n");             /* 15 */
	expect_count(f, 9);
	expect(f, 0, "nsshell.conf", 1, NULL, "Isolate",
		"before any section: write [Default]");
	expect(f, 1, "nsshell.conf", 4, "Default", "TasksMax",
		"TasksMax=many: takes a whole number from 1 on, a part of the host's maximum such as 10%, or infinity");
	expect(f, 2, "nsshell.conf", 5, "Default", "MemoryMx",
		"did you mean MemoryMax=?");
	expect(f, 3, "nsshell.conf", 8, "Default", NULL,
		"'MemoryMax': expected KEY=VALUE");
	expect(f, 4, "nsshell.conf", 9, "Usr bob", NULL,
		"write [Default], [Group NAME], [User NAME], [Slice NAME] or [Network]");
	expect(f, 5, "nsshell.conf", 10, "Usr bob", "CPUQuota", "takes a percentage");
	expect(f, 6, "nsshell.conf", 11, NULL, NULL, "the ']' is missing");
	expect(f, 7, "nsshell.conf", 13, "Group staff", "BindPaths",
		"'srv' isn't absolute, '/a/../b' has a '..' in it; takes absolute paths");
	expect(f, 8, "nsshell.conf", 15, "Group staff", "Upper",
		"given twice in this section, first in line 14");
}

static void a_problem_prints_as_compilers_do(void **state)
{
	struct fixture *f = *state;
	const struct config_problem *p;
	char *text = NULL, expected[512];
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	load_text(f, "[User bob]\nRoot=maybe\n");
	expect_count(f, 1);
	(void)config_problems(f->c, &p);
	config_problem_print(p, out);
	(void)fclose(out);
	(void)snprintf(expected, sizeof(expected),
		"%s:2: [User bob] Root=maybe: takes yes or no\n", f->path);
	assert_string_equal(text, expected);
	free(text);
}

static void sections_that_do_not_exist_are_named(void **state)
{
	static const char *const titles[] = { "default", "User", "Group", "Users bob",
		"User a b", "User a/b", "", " ", "DEFAULT", "Service sshd", "_none_",
		"User bob#x" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++) {
		char text[128];

		(void)snprintf(text, sizeof(text), "\n[%s]\nIsolate=yes\n", titles[i]);
		expect_one(f, text, 2, titles[i][0] == ' ' ? "" : titles[i], NULL,
			"no such section: write [Default], [Group NAME], [User NAME], [Slice NAME] or [Network]");
	}
}

static void text_after_a_header_is_refused_but_not_a_comment(void **state)
{
	struct fixture *f = *state;

	load_text(f, "[Default] # for all\nIsolate=yes\n  [ User   bob ]\t\nRoot=no\n");
	expect_count(f, 0);
	expect_one(
		f, "[Default] Isolate=yes\n", 1, "Default", NULL, "'Isolate=yes' after");
}

static void sections_for_whom_is_never_isolated_are_refused(void **state)
{
	struct fixture *f = *state;

	expect_one(
		f, "[User root]\nIsolate=yes\n", 1, "User root", NULL, "never isolated");
	expect_one(f, "[Group nsshell-exempt]\n", 1, "Group nsshell-exempt", NULL,
		"never isolated");
}

static void comments_end_values_and_nothing_is_cut_silently(void **state)
{
	struct fixture *f = *state;

	load_text(f,
		"[Default]\nTasksMax=7 # no more\nHostname=%u\t# name\n#Foo=1\n;Bar\n"
		"BindPaths= # cleared\n  # indented\n");
	expect_count(f, 0);
	policy_ok(f, "alice", "users", NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 7);
	assert_string_equal(f->policy.hostname, "%u");
	expect_one(f, "[Default]\nBindPaths=/srv/c#/x\n", 2, "Default", "BindPaths",
		"'#' begins a comment");
	expect_one(f, "[Default]\nTasksMax=#7\n", 2, "Default", "TasksMax",
		"value is missing");
}

static void quotes_and_continued_lines_are_refused(void **state)
{
	struct fixture *f = *state;

	expect_one(f, "[Default]\nHostname=\"box\"\n", 2, "Default", "Hostname",
		"without quotes");
	expect_one(f, "[Default]\nBindPaths='/a'\n", 2, "Default", "BindPaths",
		"without quotes");
	load_text(f, "[Default]\nBindPaths=/a \\\n  /b\n");
	expect_count(f, 2);
	expect(f, 0, "nsshell.conf", 2, "Default", "BindPaths",
		"give the key again for more");
	expect(f, 1, "nsshell.conf", 3, "Default", NULL, "'/b': expected KEY=VALUE");
	expect_one(f, "[Default]\nBindPaths=/a\n\t/b\n", 3, "Default", NULL,
		"expected KEY=VALUE");
	expect_one(f, "[Default]\n=yes\n", 2, "Default", NULL,
		"the key before '=' is missing");
}

static void a_repeated_key_is_refused_unless_it_is_a_list(void **state)
{
	struct fixture *f = *state;

	expect_one(f, "[Default]\nRoot=no\n[User a]\nRoot=no\n[Default]\nRoot=no\n", 6,
		"Default", "Root", "first in line 2: keep one of them");
	load_text(f,
		"[Default]\nSockets=/a /b\nTasksMax=1\nSockets=/c\nSockets=\nSockets=/d\n"
		"[User bob]\nSockets=/e\n[Default]\nSockets=/f\n");
	expect_count(f, 0);
	policy_ok(f, "alice", NULL, NULL);
	expect_list(&f->policy.sockets, "/d /f");
	expect_one(f, "[Default]\nSockets=/a\nSockets=/b\nSockets=c\nSockets=/d\n", 4,
		"Default", "Sockets", "'c' isn't absolute");
}

static void keys_that_nobody_knows_are_told_with_the_likeliest(void **state)
{
	static const char *const pairs[][2] = { { "isolate", "Isolate" },
		{ "MemoryMaximum", NULL }, { "TaskMax", "TasksMax" },
		{ "CpuQuota", "CPUQuota" }, { "Service", "Services" },
		{ "Rootfs", "RootFS" }, { "Foo", NULL }, { "X", NULL },
		{ "PrivateNetwork", NULL },
		{ "AKeyThatIsMuchLongerThanAnyThatWeHave", NULL } };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		char text[128], words[128];

		(void)snprintf(text, sizeof(text), "[Default]\n%s=1\n", pairs[i][0]);
		(void)snprintf(words, sizeof(words),
			pairs[i][1] ? "did you mean %s=?" : "%s",
			pairs[i][1] ? pairs[i][1] : "nsshell.conf(5) lists them");
		expect_one(f, text, 2, "Default", pairs[i][0], words);
	}
}

static void windows_line_ends_and_a_missing_last_newline_are_fine(void **state)
{
	struct fixture *f = *state;

	load_text(f,
		"[Default]\r\nTasksMax=7\r\n\r\nSockets=/a\r\n[User bob]\r\nShare=account");
	expect_count(f, 0);
	policy_ok(f, "bob", NULL, NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 7);
	expect_list(&f->policy.sockets, "/a");
	assert_int_equal(f->policy.share, SHARE_ACCOUNT);
}

static void a_mark_of_byte_order_is_nobodys_line(void **state)
{
	struct fixture *f = *state;

	load_text(f, "\xef\xbb\xbf[Default]\nTasksMax=7\n");
	expect_count(f, 0);
	policy_ok(f, "bob", NULL, NULL);
	assert_int_equal(f->policy.limits.tasks_max.n, 7);
	load_text(f, "\xef\xbb\xbf");
	expect_count(f, 0);
}

static void bytes_of_no_text_refuse_the_file(void **state)
{
	static const char nul[] = "[Default]\nRoot=no\nIso\0late=yes\n";
	struct fixture *f = *state;

	put_bytes(f, "nsshell.conf", nul, sizeof(nul) - 1);
	load(f);
	expect_count(f, 1);
	expect(f, 0, "nsshell.conf", 3, NULL, NULL, "byte 0x00: not a text file");
	expect_one(f, "[Default]\n\033[2J\n", 2, NULL, NULL, "byte 0x1b");
	expect_one(f, "[Default]\rRoot=no\n", 1, NULL, NULL, "byte 0x0d");
	put_bytes(f, "nsshell.conf", "\177ELF", 4);
	load(f);
	expect(f, 0, "nsshell.conf", 1, NULL, NULL, "byte 0x7f");
}

/* At the longest line, and around powers of two, at which buffers end. */
static void long_lines_are_refused_and_lines_keep_their_numbers(void **state)
{
	static const size_t lengths[] = { 4096, 4097, 8190, 8191, 8192, 8193, 20000 };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		char *text = calloc(1, lengths[i] + 64);
		char *line = stpcpy(text, "[Default]\n");

		memset(line, '/', lengths[i]);
		memcpy(line, "BindPaths=/a", 12);
		memcpy(line + lengths[i], "\nRoot=x\n", 9);
		load_text(f, text);
		expect_count(f, lengths[i] > 4096 ? 2 : 1);
		if (lengths[i] > 4096)
			expect(f, 0, "nsshell.conf", 2, "Default", NULL,
				"longer than 4096 bytes");
		expect(f, lengths[i] > 4096 ? 1 : 0, "nsshell.conf", 3, "Default", "Root",
			"takes yes or no");
		free(text);
	}
}

static void garbage_never_crashes(void **state)
{
	static const char alphabet[] =
		"[]=#;\"'\\ \t\n\n\nDefault[User bob]\nRoot=no\nSockets=/a:/-@%";
	struct fixture *f = *state;
	unsigned int seed = 1;

	for (int round = 0; round < 3000; round++) {
		unsigned char text[300];
		size_t size = (size_t)rand_r(&seed) % sizeof(text);

		for (size_t i = 0; i < size; i++)
			text[i] =
				round % 10
					? (unsigned char)alphabet[(size_t)rand_r(&seed) %
								  (sizeof(alphabet) - 1)]
					: (unsigned char)rand_r(&seed);
		put_bytes(f, "nsshell.conf", text, size);
		load(f);
		(void)policy_of(f, "bob", "users", NULL, NULL);
	}
}

static void thousands_of_problems_are_cut_and_still_concern_everybody(void **state)
{
	struct fixture *f = *state;
	const struct config_problem *p;
	char *text = calloc(1, 100000), *end = text;

	end = stpcpy(end, "[User bob]\n");
	for (int i = 0; i < 5000; i++)
		end = stpcpy(end, "Foo=1\n");
	load_text(f, text);
	free(text);
	expect_count(f, 1001);
	(void)config_problems(f->c, &p);
	assert_null(p[1000].section);
	assert_int_equal(policy_of(f, "alice", NULL, NULL, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(everything_wrong_in_a_file_is_told_at_once),
		story(a_problem_prints_as_compilers_do),
		story(sections_that_do_not_exist_are_named),
		story(text_after_a_header_is_refused_but_not_a_comment),
		story(sections_for_whom_is_never_isolated_are_refused),
		story(comments_end_values_and_nothing_is_cut_silently),
		story(quotes_and_continued_lines_are_refused),
		story(a_repeated_key_is_refused_unless_it_is_a_list),
		story(keys_that_nobody_knows_are_told_with_the_likeliest),
		story(windows_line_ends_and_a_missing_last_newline_are_fine),
		story(a_mark_of_byte_order_is_nobodys_line),
		story(bytes_of_no_text_refuse_the_file),
		story(long_lines_are_refused_and_lines_keep_their_numbers),
		story(garbage_never_crashes),
		story(thousands_of_problems_are_cut_and_still_concern_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
