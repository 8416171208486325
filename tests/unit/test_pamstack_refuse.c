/* SPDX-License-Identifier: BSD-3-Clause */
/* PAM service files that are read, or refused, as libpam would see them. */
#include "tests/unit/pam_debian.h"

/* ---- what is refused ---------------------------------------------------------------- */

static void a_jump_over_pam_systemd_is_refused(void **state)
{
	struct pamstack_dir *d = *state;

	rewrite(d, "common-session",
		"session required pam_unix.so\n"
		"session [success=1 default=ignore] pam_succeed_if.so quiet service = cron\n"
		"session optional pam_systemd.so\n"
		"session optional pam_umask.so\n");
	refused(d, "sshd", "/etc/pam.d/common-session:2 skips 1 line and");
}

static void a_jump_that_lands_on_pam_systemd_lands_on_its_gate(void **state)
{
	struct pamstack_dir *d = *state;

	rewrite(d, "common-session",
		"session [default=1] pam_permit.so\n"
		"session requisite pam_deny.so\n"
		"session optional pam_systemd.so\n");
	assert_int_equal(enable(d, "sshd"), PAMSTACK_CHANGED);
}

static void a_jump_in_another_service_that_shares_the_file_is_refused(void **state)
{
	struct pamstack_dir *d = *state;

	put(d, "kiosk",
		"session [success=6 default=ignore] pam_localuser.so\n"
		"@include common-session\n"
		"session required pam_deny.so\n"
		"session required pam_permit.so\n",
		NULL);
	refused(d, "sshd", "/etc/pam.d/kiosk:1 skips 6 lines and");
}

static void a_jump_over_a_substack_counts_it_as_one(void **state)
{
	struct pamstack_dir *d = *state;

	rewrite(d, "login",
		"session [success=1 default=ignore] pam_localuser.so\n"
		"session substack common-session\n"
		"session required pam_limits.so\n");
	assert_int_equal(enable(d, "login"), PAMSTACK_CHANGED);
	assert_string_equal(text_of(d, "common-session"), common_session_gated);
}

static void a_jump_goes_on_behind_a_whole_substack(void **state)
{
	struct pamstack_dir *d = *state;
	struct pamstack_flat f = { 0 };
	struct err e;

	put(d, "inner",
		"session [success=1 default=ignore] pam_a.so\n"
		"session required pam_b.so\n",
		NULL);
	put(d, "outer",
		"session [success=1 default=ignore] pam_localuser.so\n"
		"session substack inner\n"
		"session required pam_limits.so\n",
		NULL);
	assert_int_equal(pamstack_flatten(d, "outer", &f, &e), 0);
	assert_int_equal(f.n, 5);
	assert_int_equal(pamstack_jump(&f, 0, 1), 4);
	assert_int_equal(pamstack_jump(&f, 0, 2), 5);
	assert_int_equal(pamstack_jump(&f, 0, 3), 6);
	/* A jump in the substack may reach its end, and no further. */
	assert_int_equal(pamstack_jump(&f, 2, 1), 4);
	assert_int_equal(pamstack_jump(&f, 2, 2), 6);
	pamstack_flat_clear(&f);
}

static void a_jump_past_the_end_is_refused(void **state)
{
	struct pamstack_dir *d = *state;

	rewrite(d, "login",
		"session [success=2 default=ignore] pam_localuser.so\n"
		"session required pam_limits.so\n");
	refused(d, "login", "/etc/pam.d/login:1 skips 2 lines");
}

static void a_jump_to_the_end_comes_to_the_line_that_enters(void **state)
{
	struct pamstack_dir *d = *state;

	rewrite(d, "login",
		"session [success=1 default=ignore] pam_localuser.so\n"
		"session required pam_limits.so\n");
	assert_int_equal(enable(d, "login"), PAMSTACK_CHANGED);
}

static void sufficient_before_the_end_is_refused(void **state)
{
	struct pamstack_dir *d = *state;

	rewrite(d, "login",
		"session sufficient pam_localuser.so\nsession required pam_unix.so\n");
	refused(d, "login", "/etc/pam.d/login:1 (pam_localuser.so) can end the stack");
	rewrite(d, "login",
		"session [default=ignore success = done] pam_localuser.so\n"
		"session required pam_unix.so\n");
	refused(d, "login", "the login would be outside");
}

static void sufficient_in_an_included_file_is_refused_but_not_in_a_substack(void **state)
{
	struct pamstack_dir *d = *state;

	put(d, "inner", "session sufficient pam_localuser.so\n", NULL);
	rewrite(d, "login", "session include inner\nsession required pam_unix.so\n");
	refused(d, "login", "/etc/pam.d/inner:1");
	rewrite(d, "login", "session substack inner\nsession required pam_unix.so\n");
	assert_int_equal(enable(d, "login"), PAMSTACK_CHANGED);
}

static void a_file_that_others_include_in_their_middle_is_refused(void **state)
{
	refused(*state, "common-session", "would run after the line that enters the box");
}

static void a_service_without_session_lines_is_refused(void **state)
{
	struct pamstack_dir *d = *state;

	rewrite(d, "login", "auth required pam_unix.so\n");
	refused(d, "login", "\"other\"");
	rewrite(d, "login", "");
	refused(d, "login", "\"other\"");
}

static void unknown_services_and_includes_are_refused(void **state)
{
	struct pamstack_dir *d = *state;

	refused(d, "nosuch", "no PAM service nosuch");
	rewrite(d, "login", "session required pam_unix.so\n@include gone\n");
	refused(d, "login", "/etc/pam.d/login:2 includes gone, which isn't there");
	rewrite(d, "login", "session required pam_unix.so\nsession include login\n");
	refused(d, "login", "a loop?");
}

static void what_is_not_understood_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "session\n", ":1 has no control" },
		{ "session required\n", ":1 names no module" },
		{ "#\n\nsession [success=1 pam_unix.so\n",
			":3 has a '[' without its ']'" },
		{ "session requird pam_unix.so\n", ":1 has a control" },
		{ "session [succes=ok] pam_unix.so\n", ":1 has a control" },
		{ "session [success=maybe] pam_unix.so\n", ":1 has a control" },
		{ "session [success=-1] pam_unix.so\n", ":1 has a control" },
		{ "session [success=0] pam_unix.so\n", ":1 has a control" },
		{ "sesion required pam_unix.so\n", ":1 begins with a word" },
		{ "@include\n", ":1 names no file" },
		{ "session required pam_unix.so\r\n", ":1 holds a control character" },
		{ "session required pam_unix.so \\\n", ":1 ends in a backslash" },
		{ "session required pam_unix.so \\", ":1 ends in a backslash" },
		{ "session required \\\n# why\npam_unix.so\n", ":1 is continued over" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rewrite(*state, "login", bad[i].text);
		refused(*state, "login", bad[i].why);
	}
}

static void a_locked_file_is_never_edited(void **state)
{
	struct pamstack_dir *d = *state;

	put(d, "system-auth", "session optional pam_systemd.so\n",
		"is a link to elsewhere");
	put(d, "gdm", "session include system-auth\n", NULL);
	refused(d, "gdm", "/etc/pam.d/system-auth is a link to elsewhere");
}

static void a_broken_service_that_nobody_asked_for_is_no_obstacle(void **state)
{
	struct pamstack_dir *d = *state;

	put(d, "broken", "sesion required pam_unix.so\n@include common-session\n", NULL);
	assert_int_equal(enable(d, "sshd"), PAMSTACK_CHANGED);
}

/* ---- reading ------------------------------------------------------------------------ */

static void continued_lines_are_one_and_comments_end_them(void **state)
{
	struct pamstack_dir d = { 0 };
	struct pamstack_flat f = { 0 };
	struct err e;

	(void)state;
	put(&d, "t",
		"# a comment \\\n"
		"session optional \\\n"
		"  pam_systemd.so \\\n"
		" debug\n"
		"SESSION Required /lib/security/pam_unix.so # x \\\n"
		"-session [default=ignore] pam_last.so",
		NULL);
	assert_int_equal(pamstack_flatten(&d, "t", &f, &e), 0);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.v[0].line->number, 2);
	assert_int_equal(f.v[0].line->role, PAMSTACK_REGISTERS);
	assert_int_equal(f.v[1].line->number, 5);
	assert_string_equal(f.v[1].line->target, "/lib/security/pam_unix.so");
	assert_int_equal(f.v[2].line->number, 6);
	pamstack_flat_clear(&f);
	assert_int_equal(enable(&d, "t"), PAMSTACK_CHANGED);
	assert_non_null(strstr(
		text_of(&d, "t"), "# a comment \\\n" GATE "session optional \\\n"));
	pamstack_clear(&d);
}

static void includes_of_other_stacks_bring_nothing(void **state)
{
	struct pamstack_flat f = { 0 };
	struct err e;

	assert_int_equal(pamstack_flatten(*state, "su-l", &f, &e), 0);
	/* keyinit; env, mail, limits of su; the five of common-session */
	assert_int_equal(f.n, 9);
	assert_string_equal(f.v[8].file->name, "common-session");
	pamstack_flat_clear(&f);
}

static void an_include_by_path_is_found(void **state)
{
	struct pamstack_dir *d = *state;

	rewrite(d, "login", "@include /etc/pam.d/common-session\n");
	assert_int_equal(enable(d, "login"), PAMSTACK_CHANGED);
	assert_string_equal(text_of(d, "common-session"), common_session_gated);
}

static void a_bypass_added_later_is_found(void **state)
{
	struct pamstack_dir *d = *state;
	struct pamstack_flat f = { 0 };
	struct err e;
	size_t enter;

	rewrite(d, "login",
		"session [success=1 default=ignore] pam_localuser.so\n" ENTER
		"session required pam_limits.so\n");
	assert_int_equal(pamstack_flatten(d, "login", &f, &e), 0);
	enter = pamstack_next(&f, 0, PAMSTACK_ENTERS);
	assert_int_equal(enter, 1);
	assert_int_equal(pamstack_bypass(&f, enter), 0);
	pamstack_flat_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(a_jump_over_pam_systemd_is_refused),
		host_test(a_jump_that_lands_on_pam_systemd_lands_on_its_gate),
		host_test(a_jump_in_another_service_that_shares_the_file_is_refused),
		host_test(a_jump_over_a_substack_counts_it_as_one),
		host_test(a_jump_goes_on_behind_a_whole_substack),
		host_test(a_jump_past_the_end_is_refused),
		host_test(a_jump_to_the_end_comes_to_the_line_that_enters),
		host_test(sufficient_before_the_end_is_refused),
		host_test(
			sufficient_in_an_included_file_is_refused_but_not_in_a_substack),
		host_test(a_file_that_others_include_in_their_middle_is_refused),
		host_test(a_service_without_session_lines_is_refused),
		host_test(unknown_services_and_includes_are_refused),
		host_test(what_is_not_understood_is_refused_with_its_line),
		host_test(a_locked_file_is_never_edited),
		host_test(a_broken_service_that_nobody_asked_for_is_no_obstacle),
		cmocka_unit_test(continued_lines_are_one_and_comments_end_them),
		host_test(includes_of_other_stacks_bring_nothing),
		host_test(an_include_by_path_is_found),
		host_test(a_bypass_added_later_is_found),
	};

	return cmocka_run_group_tests_name("pamstack_refuse", tests, NULL, NULL);
}
