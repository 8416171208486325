/* SPDX-License-Identifier: BSD-3-Clause */
/* Limits as numbers: what the kernel tells of a process, and what it gives by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base/cleanup.h"
#include "core/plan/rlimits.h"

#include <stdio.h>
#include <string.h>

static void own_text(char *text, size_t size)
{
	_cleanup_file_ FILE *f = fopen("/proc/self/limits", "re");

	assert_non_null(f);
	text[fread(text, 1, size - 1, f)] = '\0';
}

static void what_the_kernel_tells_is_what_getrlimit_gives(void **state)
{
	struct rlimit told[RLIMIT_NLIMITS], own;
	char text[4096];

	(void)state;
	own_text(text, sizeof(text));
	assert_int_equal(rlimits_parse(text, told), 0);
	for (int what = 0; what < RLIMIT_NLIMITS; what++) {
		assert_int_equal(getrlimit((__rlimit_resource_t)what, &own), 0);
		assert_int_equal(told[what].rlim_cur, own.rlim_cur);
		assert_int_equal(told[what].rlim_max, own.rlim_max);
	}
}

static void half_a_text_is_none(void **state)
{
	struct rlimit ret[RLIMIT_NLIMITS], before[RLIMIT_NLIMITS];
	char text[4096], *at;

	(void)state;
	memset(ret, 7, sizeof(ret));
	memcpy(before, ret, sizeof(ret));
	assert_int_equal(rlimits_parse("", ret), -1);
	own_text(text, sizeof(text));
	at = strstr(text, "Max realtime priority");
	assert_non_null(at);
	*at = '\0';
	assert_int_equal(rlimits_parse(text, ret), -1);
	own_text(text, sizeof(text));
	at = strstr(text, "Max open files") + sizeof("Max open files");
	at += strspn(at, " ");
	*at = '-';
	assert_int_equal(rlimits_parse(text, ret), -1);
	assert_memory_equal(ret, before, sizeof(ret));
}

static void of_two_the_lower_one_holds(void **state)
{
	struct rlimit one[RLIMIT_NLIMITS], most[RLIMIT_NLIMITS];

	(void)state;
	rlimits_usual(one);
	rlimits_usual(most);
	one[RLIMIT_NOFILE] = (struct rlimit){ 10, RLIM_INFINITY };
	most[RLIMIT_NOFILE] = (struct rlimit){ 20, 40 };
	one[RLIMIT_RTPRIO] = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
	rlimits_cap(one, most);
	assert_int_equal(one[RLIMIT_NOFILE].rlim_cur, 10);
	assert_int_equal(one[RLIMIT_NOFILE].rlim_max, 40);
	assert_int_equal(one[RLIMIT_RTPRIO].rlim_max, 0);
}

static void the_usual_ones_give_nothing_that_others_lack(void **state)
{
	static const int finite[] = { RLIMIT_RTPRIO, RLIMIT_NICE, RLIMIT_MEMLOCK,
		RLIMIT_MSGQUEUE, RLIMIT_SIGPENDING, RLIMIT_NPROC, RLIMIT_NOFILE };
	struct rlimit usual[RLIMIT_NLIMITS];

	(void)state;
	rlimits_usual(usual);
	for (size_t i = 0; i < sizeof(finite) / sizeof(*finite); i++)
		assert_true(usual[finite[i]].rlim_max <= 8 << 20);
	assert_int_equal(usual[RLIMIT_RTPRIO].rlim_max, 0);
	assert_int_equal(usual[RLIMIT_NICE].rlim_max, 0);
	for (int what = 0; what < RLIMIT_NLIMITS; what++)
		assert_true(usual[what].rlim_cur <= usual[what].rlim_max);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_tells_is_what_getrlimit_gives),
		cmocka_unit_test(half_a_text_is_none),
		cmocka_unit_test(of_two_the_lower_one_holds),
		cmocka_unit_test(the_usual_ones_give_nothing_that_others_lack),
	};

	return cmocka_run_group_tests_name("rlimits", tests, NULL, NULL);
}
