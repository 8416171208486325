/* SPDX-License-Identifier: BSD-3-Clause */
/* What nsctl shows of an edit. */
#include "tests/unit/pam_debian.h"
#include "core/plan/pamdiff.h"

/* ---- diff --------------------------------------------------------------------------- */

static void diff_is(const char *old, const char *new, const char *want)
{
	_cleanup_free_ char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);

	assert_non_null(out);
	assert_int_equal(pamdiff_print("/etc/pam.d/x", old, new, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(got, want);
}

static void the_diff_shows_what_patch_would_take(void **state)
{
	(void)state;
	diff_is("a\n", "a\n", "");
	diff_is("1\n2\n3\n4\n5\n", "1\n2\n3\n4\n" GATE "5\n",
		"--- /etc/pam.d/x\n+++ /etc/pam.d/x\n@@ -2,4 +2,5 @@\n 2\n 3\n 4\n+" GATE
		" 5\n");
	diff_is("1\n2\n" ENTER, "1\n2\n",
		"--- /etc/pam.d/x\n+++ /etc/pam.d/x\n@@ -1,3 +1,2 @@\n 1\n 2\n-" ENTER);
	diff_is("1", "1\n" ENTER,
		"--- /etc/pam.d/x\n+++ /etc/pam.d/x\n@@ -1,1 +1,2 @@\n-1\n"
		"\\ No newline at end of file\n+1\n+" ENTER);
}

static void far_changes_are_two_hunks(void **state)
{
	(void)state;
	diff_is("1\n2\n3\n4\n5\n6\n7\n8\n", GATE "1\n2\n3\n4\n5\n6\n7\n8\n" ENTER,
		"--- /etc/pam.d/x\n+++ /etc/pam.d/x\n@@ -1,3 +1,4 @@\n+" GATE
		" 1\n 2\n 3\n@@ -6,3 +7,4 @@\n 6\n 7\n 8\n+" ENTER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_diff_shows_what_patch_would_take),
		cmocka_unit_test(far_changes_are_two_hunks),
	};

	return cmocka_run_group_tests_name("pamdiff", tests, NULL, NULL);
}
