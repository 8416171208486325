/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs for which a box asks its own sessions. */
#include "core/base/paths.h"
#include "tests/unit/plan_story.h"

static size_t covers(const struct plan *p, const char *target)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == PLAN_COVER &&
			strcmp(p->ops[i].target, target) == 0) {
			assert_string_equal(p->ops[i].source, PATH_COMMAND);
			assert_true(p->ops[i].attr & MOUNT_ATTR_RDONLY);
			n++;
		}
	return n;
}

static void what_the_host_has_is_covered_once(void **state)
{
	(void)state;
	fixture_path(&f, PATH_COMMAND, PLAN_PATH_FILE);
	fixture_path(&f, "/usr/bin/newgrp", PLAN_PATH_FILE);
	fixture_path(&f, "/usr/bin/sg", PLAN_PATH_FILE);
	f.paths[f.host.n_paths - 1].real = "/usr/bin/newgrp";
	fixture_path(&f, "/usr/bin/wall", PLAN_PATH_FILE);
	fixture_path(&f, "/usr/bin/write", PLAN_PATH_DIR);
	fixture_plan(&f);
	assert_int_equal(covers(f.plan, "/usr/bin/newgrp"), 1);
	assert_int_equal(covers(f.plan, "/usr/bin/wall"), 1);
	assert_int_equal(covers(f.plan, "/usr/bin/sg"), 0);
	assert_int_equal(covers(f.plan, "/usr/bin/write"), 0);
	assert_int_equal(f.plan->n_inside, 2);
}

static void nothing_is_covered_by_a_program_that_is_not_there(void **state)
{
	(void)state;
	fixture_path(&f, "/usr/bin/newgrp", PLAN_PATH_FILE);
	fixture_plan(&f);
	assert_int_equal(covers(f.plan, "/usr/bin/newgrp"), 0);
	assert_int_equal(f.plan->n_inside, 0);
}

static void an_old_session_is_no_other_one_for_them(void **state)
{
	uint64_t before;

	(void)state;
	fixture_plan(&f);
	before = plan_rules_digest(f.plan);
	fixture_path(&f, PATH_COMMAND, PLAN_PATH_FILE);
	fixture_path(&f, "/usr/bin/newgrp", PLAN_PATH_FILE);
	fixture_plan(&f);
	assert_int_equal(f.plan->n_inside, 1);
	assert_true(plan_rules_digest(f.plan) == before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_the_host_has_is_covered_once),
		STORY(nothing_is_covered_by_a_program_that_is_not_there),
		STORY(an_old_session_is_no_other_one_for_them),
	};

	return cmocka_run_group_tests_name("plan inside", tests, NULL, NULL);
}
