/* SPDX-License-Identifier: BSD-3-Clause */
/* Which system calls are refused, by the words of the policy. */
#include "tests/unit/filter_plan.h"

#include "core/base/cleanup.h"

#include <stdio.h>

/* How often a call is refused by the rules. */
static size_t count(const struct plan *p, const char *call)
{
	size_t n = 0;

	for (size_t i = 0; i < p->filter.n_rules; i++)
		n += strcmp(p->filter.rules[i].call.name, call) == 0;
	return n;
}

static void every_group_is_refused_by_default(void **state)
{
	struct plan *p = plan_with("", false);
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < filter_n_groups; i++)
		n += filter_groups[i].n_calls;
	assert_int_equal(p->filter.n_rules, n);
	plan_free(p);
}

/* As the kernel answers who has no rights, outside of any box. */
static void an_answer_is_the_kernels_own(void **state)
{
	static const char *const gone[] = { "clone3", "_sysctl", "uselib", "nfsservctl",
		"create_module", "get_kernel_syms", "query_module", "lookup_dcookie",
		"sysfs", "ustat", "vm86", "vm86old" };
	struct plan *p = plan_with("", false);
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < p->filter.n_rules; i++) {
		const struct filter_call *c = &p->filter.rules[i].call;
		int wanted = EPERM;

		for (size_t j = 0; j < COUNT(gone); j++)
			if (strcmp(c->name, gone[j]) == 0)
				wanted = ENOSYS;
		assert_int_equal(c->error, wanted);
		n += wanted == ENOSYS;
	}
	assert_int_equal(n, COUNT(gone));
	/* They read for everybody. */
	assert_int_equal(count(p, "adjtimex") + count(p, "clock_adjtime"), 0);
	plan_free(p);
}

static void nested_namespaces_may_mount(void **state)
{
	struct plan *p = plan_with("", true);

	(void)state;
	for (size_t i = 0; i < p->filter.n_rules; i++) {
		assert_string_not_equal(p->filter.rules[i].group, "@mount");
		assert_string_not_equal(p->filter.rules[i].group, "@namespace");
	}
	assert_int_equal(count(p, "bpf"), 1);
	plan_free(p);
	p = plan_with("~@mount", true);
	assert_int_equal(count(p, "mount"), 1);
	plan_free(p);
}

static void a_name_allows_and_a_tilde_refuses(void **state)
{
	struct plan *p = plan_with("default @clock bpf ~ptrace", false);

	(void)state;
	assert_int_equal(count(p, "stime"), 0);
	assert_int_equal(count(p, "bpf"), 0);
	assert_int_equal(count(p, "ptrace"), 1);
	assert_int_equal(count(p, "mount"), 1);
	plan_free(p);
	/* The later one wins. */
	p = plan_with("~ptrace @clock ~@clock ptrace", false);
	assert_int_equal(count(p, "stime"), 1);
	assert_int_equal(count(p, "ptrace"), 0);
	plan_free(p);
}

static void a_call_refused_as_a_whole_needs_no_other_rule(void **state)
{
	struct plan *p = plan_with("~ioctl ~ioctl ~mount", false);

	(void)state;
	assert_int_equal(count(p, "ioctl"), 1);
	assert_int_equal(count(p, "mount"), 1);
	plan_free(p);
}

static void no_leaves_only_what_follows(void **state)
{
	struct plan *p = plan_with("no", false);

	(void)state;
	assert_int_equal(p->filter.n_rules, 0);
	plan_free(p);
	p = plan_with("no ~@swap ~ptrace", false);
	assert_int_equal(p->filter.n_rules, 3);
	plan_free(p);
}

static void keys_are_usable_as_soon_as_one_call_is(void **state)
{
	static const struct {
		const char *words;
		bool usable;
	} cases[] = {
		{ "", false },
		{ "no", true },
		{ "@keyring", true },
		{ "@keyring ~@keyring", false },
		{ "add_key", true },
		{ "keyctl", true },
		{ "request_key", true },
		{ "no ~@keyring", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct plan *p = plan_with(cases[i].words, false);

		assert_int_equal(p->keys_usable, cases[i].usable);
		plan_free(p);
	}
}

static void other_rules_have_another_digest(void **state)
{
	struct plan *a = plan_with("", false), *b = plan_with("default", false),
		    *c = plan_with("bpf", false);

	(void)state;
	assert_int_equal(plan_filter_digest(&a->filter), plan_filter_digest(&b->filter));
	assert_int_not_equal(
		plan_filter_digest(&a->filter), plan_filter_digest(&c->filter));
	plan_free(a);
	plan_free(b);
	plan_free(c);
}

static void no_filter_means_no_families_unless_they_are_asked_for(void **state)
{
	struct plan *p = plan_with_families("no", "default", false);

	(void)state;
	assert_int_equal(p->filter.n_rules, 0);
	assert_null(p->families);
	plan_free(p);
	p = plan_with_families("no", "default AF_ALG", false);
	assert_true(count(p, "socket") > 1);
	assert_string_equal(p->families, "AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_ALG");
	plan_free(p);
	p = plan_with_families("", "none", false);
	assert_string_equal(p->families, "none");
	plan_free(p);
}

static void the_manual_has_every_group_and_call(void **state)
{
	_cleanup_file_ FILE *f = fopen("man/nsshell.conf.5", "re");
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	(void)state;
	if (!f)
		skip();
	assert_true(getdelim(&text, &size, '\0', f) > 0);
	for (size_t i = 0; i < filter_n_groups; i++) {
		const struct filter_group *g = &filter_groups[i];
		char item[64], *at, *end;

		(void)snprintf(item, sizeof(item), "\n.It Sy %s\n", g->name);
		at = strstr(text, item);
		if (!at)
			fail_msg("nsshell.conf(5) doesn't have %s", g->name);
		end = at ? strstr(at + 1, "\n.It ") : NULL;
		if (end)
			*end = '\0';
		for (size_t j = 0; j < g->n_calls; j++)
			if (!at || !strstr(at, g->calls[j].name))
				fail_msg("nsshell.conf(5): %s doesn't have %s", g->name,
					g->calls[j].name);
		if (end)
			*end = '\n';
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_group_is_refused_by_default),
		cmocka_unit_test(an_answer_is_the_kernels_own),
		cmocka_unit_test(nested_namespaces_may_mount),
		cmocka_unit_test(a_name_allows_and_a_tilde_refuses),
		cmocka_unit_test(a_call_refused_as_a_whole_needs_no_other_rule),
		cmocka_unit_test(no_leaves_only_what_follows),
		cmocka_unit_test(keys_are_usable_as_soon_as_one_call_is),
		cmocka_unit_test(other_rules_have_another_digest),
		cmocka_unit_test(no_filter_means_no_families_unless_they_are_asked_for),
		cmocka_unit_test(the_manual_has_every_group_and_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
