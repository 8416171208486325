/* SPDX-License-Identifier: BSD-3-Clause */
/* A login environment made afresh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/plan/loginenv.h"

#include <stdio.h>
#include <string.h>

static struct loginenv alice(void)
{
	return (struct loginenv){ .user = "alice",
		.home = "/home/alice",
		.shell = "/bin/bash",
		.uid = 1000,
		.session = "abcdefghijkl" };
}

static const char *value(const struct strlist *env, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; i < env->n; i++) {
		size_t len = strlen(name);

		if (strncmp(env->v[i], name, len) != 0 || env->v[i][len] != '=')
			continue;
		assert_null(found); /* none twice */
		found = env->v[i] + len + 1;
	}
	return found;
}

static void expect(const struct loginenv *in, const char *name, const char *want)
{
	struct strlist env = { 0 };
	struct err e;

	assert_int_equal(loginenv_make(in, &env, &e), 0);
	if (want)
		assert_string_equal(value(&env, name), want);
	else
		assert_null(value(&env, name));
	strlist_clear(&env);
}

static void what_a_login_has_is_there_and_nothing_else(void **state)
{
	const struct loginenv in = alice();
	struct strlist env = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(loginenv_make(&in, &env, &e), 0);
	assert_int_equal(env.n, 8);
	strlist_clear(&env);
	expect(&in, "HOME", "/home/alice");
	expect(&in, "USER", "alice");
	expect(&in, "LOGNAME", "alice");
	expect(&in, "SHELL", "/bin/bash");
	expect(&in, "NSSHELL_SESSION", "abcdefghijkl");
	expect(&in, "XDG_RUNTIME_DIR", "/run/user/1000");
	expect(&in, "LANG", "C.UTF-8");
	expect(&in, "TERM", NULL);
}

static void root_has_the_path_of_root(void **state)
{
	struct loginenv in = alice();

	(void)state;
	in.uid = 0;
	expect(&in, "PATH",
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	expect(&in, "XDG_RUNTIME_DIR", NULL);
}

static void a_session_bus_is_named_where_there_is_one(void **state)
{
	struct loginenv in = alice();

	(void)state;
	expect(&in, "DBUS_SESSION_BUS_ADDRESS", NULL);
	in.bus = "";
	expect(&in, "DBUS_SESSION_BUS_ADDRESS", NULL);
	in.bus = "unix:path=/run/user/1000/bus";
	expect(&in, "DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1000/bus");
}

static void term_and_lang_are_names_and_no_paths(void **state)
{
	static const char *const bad[] = { "", "../../etc/passwd", "/dev/null", "a b",
		"x\n", ".x", "-x", "\x1b[m", "\xc3\xa9" };
	struct loginenv in = alice();
	char long_name[80];

	(void)state;
	in.term = "xterm-256color";
	expect(&in, "TERM", "xterm-256color");
	in.lang = "de_DE.UTF-8@euro";
	expect(&in, "LANG", "de_DE.UTF-8@euro");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		in.term = in.lang = bad[i];
		expect(&in, "TERM", NULL);
		expect(&in, "LANG", "C.UTF-8");
	}
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	in.term = long_name;
	expect(&in, "TERM", NULL);
}

static void what_is_asked_for_goes_over_what_is_there(void **state)
{
	const char *const extra[] = { "PATH=/bin", "A=", "B=x=y", "A=2" };
	struct loginenv in = alice();

	(void)state;
	in.extra = extra;
	in.n_extra = 4;
	expect(&in, "PATH", "/bin");
	expect(&in, "A", "2");
	expect(&in, "B", "x=y");
}

static void what_is_no_setting_is_refused(void **state)
{
	static const char *const bad[] = { "", "A", "=x", "1A=x", "A B=x", "A-B=x",
		"\xc3=x" };
	struct loginenv in = alice();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct strlist env = { 0 };
		struct err e;

		in.extra = &bad[i];
		in.n_extra = 1;
		assert_int_equal(loginenv_make(&in, &env, &e), -1);
		strlist_clear(&env);
	}
}

static void lang_is_found_in_the_hosts_file(void **state)
{
	static const struct {
		const char *text, *want;
	} all[] = {
		{ "LANG=de_DE.UTF-8\n", "de_DE.UTF-8" },
		{ "# LANG=x\nLC_ALL=C\nLANG=\"en_GB.UTF-8\"\nLANGUAGE=y\n",
			"en_GB.UTF-8" },
		{ "LANG='C'", "C" },
		{ "LANGUAGE=de\n", NULL },
		{ "LANG=\n", NULL },
		{ "LANG=$(id)\n", NULL },
		{ "LANG=/etc/passwd\n", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		char text[128];
		const char *found;

		(void)snprintf(text, sizeof(text), "%s", all[i].text);
		found = loginenv_lang(text);
		if (all[i].want)
			assert_string_equal(found, all[i].want);
		else
			assert_null(found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_login_has_is_there_and_nothing_else),
		cmocka_unit_test(root_has_the_path_of_root),
		cmocka_unit_test(a_session_bus_is_named_where_there_is_one),
		cmocka_unit_test(term_and_lang_are_names_and_no_paths),
		cmocka_unit_test(what_is_asked_for_goes_over_what_is_there),
		cmocka_unit_test(what_is_no_setting_is_refused),
		cmocka_unit_test(lang_is_found_in_the_hosts_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
