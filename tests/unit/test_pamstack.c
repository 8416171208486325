/* SPDX-License-Identifier: BSD-3-Clause */
/* Editing PAM service files, on the stacks of Debian 12. */
#include "tests/unit/pam_debian.h"

/* ---- what is done to Debian's files ------------------------------------------------- */

static void sshd_gets_one_line_at_its_end_and_a_gate_in_common_session(void **state)
{
	struct pamstack_dir *d = *state;

	assert_int_equal(enable(d, "sshd"), PAMSTACK_CHANGED);
	assert_true(ends_with(text_of(d, "sshd"), "open\n" ENTER));
	assert_int_equal(strncmp(text_of(d, "sshd"), sshd, strlen(sshd)), 0);
	assert_int_equal(count_of(text_of(d, "sshd"), PAMSTACK_MODULE), 1);
	assert_string_equal(text_of(d, "common-session"), common_session_gated);
	assert_string_equal(
		text_of(d, "common-session-noninteractive"), common_noninteractive);
	assert_string_equal(text_of(d, "su"), su);
}

/* As pam-auth-update writes config/pam_profile. */
static void a_gate_of_pam_auth_update_s_is_left_to_it(void **state)
{
	static const char profile[] =
		"session\t[success=1 default=ignore]\tpam_nsshell.so gate \n"
		"session\toptional\tpam_systemd.so \n";
	struct pamstack_dir *d = *state;

	rewrite(d, "common-session", profile);
	assert_int_equal(enable(d, "sshd"), PAMSTACK_CHANGED);
	assert_string_equal(text_of(d, "common-session"), profile);
	assert_int_equal(disable(d, "sshd"), PAMSTACK_CHANGED);
	assert_string_equal(text_of(d, "common-session"), profile);
	assert_string_equal(text_of(d, "sshd"), sshd);
}

static void cron_needs_no_gate(void **state)
{
	struct pamstack_dir *d = *state;

	assert_int_equal(enable(d, "cron"), PAMSTACK_CHANGED);
	assert_true(ends_with(text_of(d, "cron"), ENTER));
	assert_string_equal(text_of(d, "common-session"), common_session);
}

static void enabling_twice_changes_nothing(void **state)
{
	struct pamstack_dir *d = *state;

	(void)enable(d, "login");
	assert_int_equal(enable(d, "login"), PAMSTACK_UNCHANGED);
	assert_int_equal(count_of(text_of(d, "login"), PAMSTACK_MODULE), 1);
	assert_int_equal(count_of(text_of(d, "common-session"), PAMSTACK_MODULE), 1);
}

static void a_refusal_counts_by_the_line_s_control(void **state)
{
	static const struct {
		const char *control;
		bool fails;
	} rows[] = { { "required", true }, { "REQUISITE", true }, { "optional", false },
		{ "sufficient", false }, { "[success=ok default=bad]", true },
		{ "[default=die success=1]", true }, { "[success=ok]", true },
		{ "[success=ok default=ignore]", false },
		{ "[success=1 default=1]", false },
		{ "[default=ignore perm_denied=die]", true },
		{ "[perm_denied=bad default=ignore]", true },
		{ "[perm_denied=ignore default=bad]", false } };
	struct pamstack_dir *d = *state;
	char text[128];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		(void)snprintf(text, sizeof(text),
			"%ssession %s pam_nsshell.so debug x\n", i % 2 ? "-" : "",
			rows[i].control);
		rewrite(d, "su", text);
		assert_int_equal(pamstack_find(d, "su")->n, 1);
		assert_int_equal(pamstack_find(d, "su")->lines[0].kind, PAMSTACK_CALL);
		assert_int_equal(pamstack_find(d, "su")->lines[0].fails, rows[i].fails);
		assert_int_equal(pamstack_find(d, "su")->lines[0].skipped, i % 2);
		assert_string_equal(pamstack_find(d, "su")->lines[0].args, "debug x");
	}
}

static void every_service_comes_back_byte_for_byte(void **state)
{
	struct pamstack_dir *d = *state;

	for (size_t i = 3; i < DEBIAN_N; i++) {
		assert_int_not_equal(enable(d, debian[i].name), PAMSTACK_UNCHANGED);
		(void)disable(d, debian[i].name);
		if (strcmp(debian[i].name, "runuser-l") != 0)
			same_as_shipped(d);
	}
	same_as_shipped(d);
}

static void all_enabled_then_all_disabled_is_as_shipped(void **state)
{
	static const char *const order[] = { "su", "sshd", "runuser", "cron", "runuser-l",
		"login", "su-l" };
	struct pamstack_dir *d = *state;

	for (size_t i = 0; i < 7; i++)
		(void)enable(d, order[i]);
	for (size_t i = 0; i < 7; i++)
		(void)disable(d, order[i]);
	same_as_shipped(d);
}

static void a_gate_stays_while_another_service_needs_it(void **state)
{
	struct pamstack_dir *d = *state;

	(void)enable(d, "sshd");
	(void)enable(d, "login");
	assert_int_equal(disable(d, "sshd"), PAMSTACK_CHANGED);
	assert_string_equal(text_of(d, "sshd"), sshd);
	assert_string_equal(text_of(d, "common-session"), common_session_gated);
	(void)disable(d, "login");
	same_as_shipped(d);
}

static void su_l_is_covered_by_su(void **state)
{
	struct pamstack_dir *d = *state;
	enum pamstack_result r;
	const char *by = NULL;
	struct err e;

	(void)enable(d, "su");
	assert_int_equal(pamstack_enable(d, "su-l", &r, &by, &e), 0);
	assert_int_equal(r, PAMSTACK_COVERED);
	assert_string_equal(by, "su");
	assert_string_equal(text_of(d, "su-l"), su_l);
	assert_int_equal(pamstack_disable(d, "su-l", &r, &by, &e), 0);
	assert_int_equal(r, PAMSTACK_COVERED);
	assert_string_equal(by, "su");
	assert_string_equal(text_of(d, "su"),
		"auth       sufficient pam_rootok.so\n"
		"session       required   pam_env.so readenv=1\n"
		"session    optional   pam_mail.so nopen\n"
		"session    required   pam_limits.so\n"
		"@include common-auth\n"
		"@include common-session\n"
		"\n\n" ENTER);
}

static void su_may_be_enabled_after_su_l(void **state)
{
	struct pamstack_dir *d = *state;

	assert_int_equal(enable(d, "su-l"), PAMSTACK_CHANGED);
	assert_int_equal(enable(d, "su"), PAMSTACK_CHANGED);
	assert_int_equal(enable(d, "su-l"), PAMSTACK_UNCHANGED);
	assert_int_equal(disable(d, "su"), PAMSTACK_CHANGED);
	assert_string_equal(text_of(d, "common-session"), common_session_gated);
	(void)disable(d, "su-l");
	same_as_shipped(d);
}

static void runuser_l_covered_by_runuser_still_gets_its_own_gate(void **state)
{
	struct pamstack_dir *d = *state;

	(void)enable(d, "runuser");
	assert_string_equal(text_of(d, "runuser-l"), runuser_l);
	assert_int_equal(enable(d, "runuser-l"), PAMSTACK_CHANGED);
	assert_string_equal(text_of(d, "runuser-l"), runuser_l_gated);
	(void)disable(d, "runuser");
	same_as_shipped(d);
}

static void disable_of_what_was_never_enabled_says_so(void **state)
{
	struct pamstack_dir *d = *state;

	assert_int_equal(disable(d, "sshd"), PAMSTACK_UNCHANGED);
	same_as_shipped(d);
}

static void a_missing_last_newline_comes_back_missing(void **state)
{
	struct pamstack_dir *d = *state;
	const char *text = "@include common-session\nsession required pam_limits.so";

	rewrite(d, "login", text);
	(void)enable(d, "login");
	assert_string_equal(text_of(d, "login"),
		"@include common-session\nsession required pam_limits.so\n" PAMSTACK_ENTER
		" " PAMSTACK_MARK_NEWLINE "\n");
	(void)disable(d, "login");
	assert_string_equal(text_of(d, "login"), text);
}

static void a_line_that_the_admin_gave_arguments_is_still_ours(void **state)
{
	struct pamstack_dir *d = *state;
	char text[4096];

	(void)snprintf(text, sizeof(text), "%s%s debug %s\n", login, PAMSTACK_ENTER,
		PAMSTACK_MARK);
	rewrite(d, "login", text);
	assert_int_equal(enable(d, "login"), PAMSTACK_CHANGED); /* the gate */
	(void)disable(d, "login");
	same_as_shipped(d);
}

static void a_handwritten_line_is_left_to_its_writer(void **state)
{
	struct pamstack_dir *d = *state;
	enum pamstack_result r;
	const char *by;
	struct err e;

	rewrite(d, "cron",
		"session required pam_limits.so\nsession required pam_nsshell.so\n");
	assert_int_equal(enable(d, "cron"), PAMSTACK_UNCHANGED);
	assert_int_equal(pamstack_disable(d, "cron", &r, &by, &e), -1);
	assert_non_null(strstr(e.msg, "/etc/pam.d/cron:2"));
	assert_non_null(strstr(e.msg, "by hand"));
}

static void a_handwritten_gate_is_enough(void **state)
{
	struct pamstack_dir *d = *state;
	const char *text =
		"session [success=1 default=ignore] pam_nsshell.so debug gate\n"
		"# a comment between them is no module\n"
		"session optional pam_systemd.so\n";

	rewrite(d, "common-session", text);
	(void)enable(d, "sshd");
	assert_string_equal(text_of(d, "common-session"), text);
	(void)disable(d, "sshd");
	assert_string_equal(text_of(d, "common-session"), text);
}

/* As Debian's libpam-elogind leaves common-session: Session-Final, optional. */
static void pam_elogind_gets_a_gate_as_pam_systemd_does(void **state)
{
	struct pamstack_dir *d = *state;

	rewrite(d, "common-session",
		"session\trequired\tpam_unix.so \n"
		"session\toptional\t\t\tpam_elogind.so \n");
	assert_int_equal(enable(d, "sshd"), PAMSTACK_CHANGED);
	assert_string_equal(text_of(d, "common-session"),
		"session\trequired\tpam_unix.so \n" GATE
		"session\toptional\t\t\tpam_elogind.so \n");
	assert_int_equal(disable(d, "sshd"), PAMSTACK_CHANGED);
	assert_string_equal(text_of(d, "common-session"),
		"session\trequired\tpam_unix.so \n"
		"session\toptional\t\t\tpam_elogind.so \n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(sshd_gets_one_line_at_its_end_and_a_gate_in_common_session),
		host_test(a_gate_of_pam_auth_update_s_is_left_to_it),
		host_test(cron_needs_no_gate),
		host_test(enabling_twice_changes_nothing),
		host_test(a_refusal_counts_by_the_line_s_control),
		host_test(every_service_comes_back_byte_for_byte),
		host_test(all_enabled_then_all_disabled_is_as_shipped),
		host_test(a_gate_stays_while_another_service_needs_it),
		host_test(su_l_is_covered_by_su),
		host_test(su_may_be_enabled_after_su_l),
		host_test(runuser_l_covered_by_runuser_still_gets_its_own_gate),
		host_test(disable_of_what_was_never_enabled_says_so),
		host_test(a_missing_last_newline_comes_back_missing),
		host_test(a_line_that_the_admin_gave_arguments_is_still_ours),
		host_test(a_handwritten_line_is_left_to_its_writer),
		host_test(a_handwritten_gate_is_enough),
		host_test(pam_elogind_gets_a_gate_as_pam_systemd_does),
	};

	return cmocka_run_group_tests_name("pamstack", tests, NULL, NULL);
}
