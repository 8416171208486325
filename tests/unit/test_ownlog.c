/* SPDX-License-Identifier: BSD-3-Clause */
/* What of the host's log an account is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/plan/ownlog.h"

#include <stdio.h>
#include <string.h>

#define STAMP  "Nov 22 13:10:11 host "
#define ID     "zhchckqdfb4k"

#define OPENED STAMP "nsshell[7]: session " ID " opened for alice (sshd)"

/* Of an account that has opened one session, ID. */
static struct ownlog *reader(void)
{
	static struct ownlog o;
	char opened[] = OPENED;

	o = (struct ownlog){ .user = "alice", .uid = 1000 };
	assert_true(ownlog_take(&o, opened));
	return &o;
}

static void told(const char *line, const char *want)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "%s", line);
	assert_true(ownlog_take(reader(), text));
	assert_string_equal(text, want);
}

static void hidden(const char *line)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "%s", line);
	assert_false(ownlog_take(reader(), text));
}

static void own_sessions_are_told_of(void **state)
{
	static const char *const lines[] = {
		STAMP "nsshell[7]: session " ID " opened for alice (sshd from ::1)",
		"2024-05-01T13:45:00.123456+02:00 host nsshell: session " ID
		" of alice closed after 3 s",
		STAMP "nsshell[7]: session " ID ": another login of alice joined",
		STAMP "nsjoin[7]: session " ID
		      ": alice on pts/0 joined the session of alice as alice: id -u",
		STAMP "nsjoin[7]: session " ID
		      ": alice left the session of alice after 3 s, status 0",
		STAMP
		"kernel: [ 12.5] cgroup: fork rejected by pids controller in /nsshell/1000/" ID,
		STAMP
		"kernel: cgroup: fork rejected by pids controller in /nsshell.slice/nsshell-1000.scope/" ID,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		told(lines[i], lines[i]);
}

static void nobody_elses_are(void **state)
{
	(void)state;
	hidden(STAMP "nsshell[7]: session " ID " opened for bob (sshd from alice)");
	hidden(STAMP "nsshell[7]: session " ID " opened for alice2 (sshd)");
	hidden(STAMP "nsshell[7]: session " ID " opened for malice (sshd)");
	hidden(STAMP "nsshell[7]: session " ID " of bob closed after 3 s");
	hidden(STAMP "nsjoin[7]: session " ID
		     ": bob joined the session of bob as bob: echo session " ID
		     " opened for alice (");
	hidden(STAMP
		"nsjoin[7]: bob didn't join alice (id): alice has no running session");
	hidden(STAMP
		"kernel: cgroup: fork rejected by pids controller in /nsshell/10001/" ID);
	hidden(STAMP
		"kernel: cgroup: fork rejected by pids controller in /nsshell/100/" ID);
	hidden("");
	hidden("alice");
	hidden(": session " ID " opened for alice (");
	hidden(STAMP "nsshell[7]: session short opened for alice (sshd)");
}

static void nor_is_what_other_programs_say(void **state)
{
	(void)state;
	hidden(STAMP "sshd[7]: session " ID " opened for alice (sshd)");
	hidden(STAMP "sshd[7]: Accepted password for alice from ::1");
	hidden(STAMP "evil-nsshell[7]: session " ID " opened for alice (sshd)");
	hidden(STAMP "sudo: alice : TTY=pts/0 ; COMMAND=nsshell: session " ID
		     " opened for alice (");
}

static void why_a_login_was_refused_is_the_admins(void **state)
{
	(void)state;
	told(STAMP "sshd[7]: pam_nsshell(sshd:session): session " ID
		   ": login of alice refused: open /secret: no",
		STAMP "sshd[7]: pam_nsshell(sshd:session): session " ID
		      ": login of alice refused");
	told(STAMP "nsshell[7]: session " ID ": login of alice (uid 1000) refused: x",
		STAMP "nsshell[7]: session " ID ": login of alice (uid 1000) refused");
	hidden(STAMP "nsshell[7]: session " ID ": login of alice (uid 1001) refused: x");
}

static void so_is_which_admin_stepped_in(void **state)
{
	(void)state;
	hidden(STAMP
		"nsjoin[7]: session " ID
		": root (logged in as carol) on pts/3 joined the session of alice as alice: vi");
	hidden(STAMP "nsjoin[7]: session " ID
		     ": root left the session of alice after 3 s");
	hidden(STAMP "nsjoin[7]: session " ID ": root observes the session of alice");
	hidden(STAMP "nsctl[7]: session " ID ": uid 0 runs make as alice");
}

static void the_kernels_words_about_others_are_left_out(void **state)
{
	(void)state;
	told(STAMP
		"kernel: [9.1] oom-kill:constraint=CONSTRAINT_NONE,cpuset=/nsshell/1001/x,"
		"global_oom,task_memcg=/nsshell/1000/" ID ",task=make,pid=9,uid=1000",
		STAMP "kernel: [9.1] oom-kill:task_memcg=/nsshell/1000/" ID
		      ",task=make,pid=9,uid=1000");
	hidden(STAMP "kernel: oom-kill:constraint=CONSTRAINT_NONE,cpuset=/nsshell/1000/x,"
		     "task_memcg=/nsshell/1001/" ID ",task=/nsshell/1000,pid=9");
	hidden(STAMP "kernel: oom-kill:nothing");
}

/* What is read as who: @line, and then the kernel's words about ID. */
static bool is_told_after(struct ownlog *o, const char *line)
{
	char first[256],
		kernels[] = STAMP
		"kernel: cgroup: fork rejected by pids controller in /nsshell/1000/" ID;

	(void)snprintf(first, sizeof(first), "%s", line);
	(void)ownlog_take(o, first);
	return ownlog_take(o, kernels);
}

static void the_kernels_are_of_sessions_by_name(void **state)
{
	static struct ownlog o;

	(void)state;
	o = (struct ownlog){ .user = "alice", .uid = 1000 };
	assert_false(is_told_after(
		&o, STAMP "nsshell[7]: session " ID " opened for olga (sshd)"));
	assert_false(is_told_after(
		&o, STAMP "nsshell[7]: session " ID " of alice closed after 3 s"));
	assert_false(is_told_after(
		&o, STAMP "sshd[7]: session " ID " opened for alice (sshd)"));
	assert_true(is_told_after(&o, OPENED));
	o.n += OWNLOG_SESSIONS;
	assert_true(is_told_after(&o, STAMP "nsshell[7]: nothing"));
	for (size_t i = 0; i < OWNLOG_SESSIONS; i++)
		(void)is_told_after(&o,
			STAMP "nsshell[7]: session aaaaaaaaaaaa opened for alice (su)");
	assert_false(is_told_after(&o, STAMP "nsshell[7]: nothing"));
	hidden(STAMP "kernel: cgroup: fork rejected by pids controller in /nsshell/1000");
}

/* Local time; the account was made on 2024-05-02, 12:00:00. */
static bool is_told_at(const char *stamp)
{
	static struct ownlog o;
	char line[256];

	o = (struct ownlog){
		.user = "alice",
		.uid = 1000,
		.since = { .tm_year = 124, .tm_mon = 4, .tm_mday = 2, .tm_hour = 12 },
		.now = { .tm_year = 125, .tm_mon = 1, .tm_mday = 3 },
	};
	(void)snprintf(line, sizeof(line),
		"%s host nsshell[7]: session " ID " opened for alice (sshd)", stamp);
	return ownlog_take(&o, line);
}

static void what_is_older_than_the_account_is_anothers(void **state)
{
	(void)state;
	assert_false(is_told_at("2024-05-02T11:59:59.9+02:00"));
	assert_true(is_told_at("2024-05-02T12:00:00.123456+02:00"));
	assert_true(is_told_at("2025-01-01T00:00:00+0000"));
	assert_false(is_told_at("2023-12-31T23:59:59+0000"));
	assert_true(is_told_at("Feb  2 23:59:59"));
	assert_true(is_told_at("Dec 31 23:59:59"));
	assert_true(is_told_at("May  2 12:00:00"));
	assert_false(is_told_at("May  2 11:59:59"));
	assert_false(is_told_at("Mar 10 12:00:00"));
	assert_false(is_told_at("Foo 10 12:00:00"));
	assert_false(is_told_at(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_sessions_are_told_of),
		cmocka_unit_test(nobody_elses_are),
		cmocka_unit_test(nor_is_what_other_programs_say),
		cmocka_unit_test(why_a_login_was_refused_is_the_admins),
		cmocka_unit_test(so_is_which_admin_stepped_in),
		cmocka_unit_test(the_kernels_words_about_others_are_left_out),
		cmocka_unit_test(the_kernels_are_of_sessions_by_name),
		cmocka_unit_test(what_is_older_than_the_account_is_anothers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
