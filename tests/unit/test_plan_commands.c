/* SPDX-License-Identifier: BSD-3-Clause */
/* Which host commands a box has. */
#include "tests/unit/plan_input.h"

#include "core/base/paths.h"

static const char *forms[] = { "", "-S" };

/* passwd, and at by the name of a link, on a host that has both. */
struct commands {
	struct fixture f;
	struct command v[3];
	struct strlist guarded;
};

static void begin(struct commands *c)
{
	static char *services[] = { (char *)"sshd", (char *)"atd" };

	*c = (struct commands){ 0 };
	fixture_init(&c->f);
	c->v[0] = (struct command){ .name = "passwd",
		.program = "/usr/bin/passwd",
		.service = "",
		.forms = forms,
		.n_forms = 2,
		.time_usec = 60000000,
		.output_max = 1 << 20 };
	c->v[1] = c->v[0];
	c->v[1].name = "atq";
	c->v[1].program = "/usr/bin/atq";
	c->v[2] = c->v[0];
	c->v[2].name = "at";
	c->v[2].program = "/usr/bin/at";
	c->v[2].service = "atd";
	c->f.policy.commands.v = c->v;
	c->f.policy.commands.n = 3;
	c->f.policy.services = (struct strlist){ services, 2 };
	c->guarded = (struct strlist){ services + 1, 1 };
	c->f.host.guarded = &c->guarded;
	fixture_path(&c->f, "/usr/bin/passwd", PLAN_PATH_FILE);
	fixture_path(&c->f, "/usr/bin/at", PLAN_PATH_FILE);
	fixture_path(&c->f, "/usr/bin/atq", PLAN_PATH_FILE);
	c->f.paths[c->f.host.n_paths - 1].real = "/usr/bin/at";
	fixture_path(&c->f, PATH_COMMAND, PLAN_PATH_FILE);
}

static size_t covers(const struct plan *p, const char *target)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_ops; i++)
		n += p->ops[i].kind == PLAN_COVER && !strcmp(p->ops[i].target, target) &&
		     !strcmp(p->ops[i].source, PATH_COMMAND) && p->ops[i].optional;
	return n;
}

static const char *why(const struct commands *c, const char *name)
{
	for (size_t i = 0; i < c->f.plan->n_commands; i++)
		if (!strcmp(c->f.plan->commands[i].name, name))
			return c->f.plan->commands[i].why;
	return "isn't in the plan";
}

static void end(struct commands *c)
{
	plan_free(c->f.plan);
}

static void a_program_of_several_names_has_one_cover(void **state)
{
	struct commands c;

	(void)state;
	begin(&c);
	fixture_plan(&c.f);
	assert_int_equal(covers(c.f.plan, "/usr/bin/passwd"), 1);
	assert_int_equal(covers(c.f.plan, "/usr/bin/at"), 1);
	assert_int_equal(covers(c.f.plan, "/usr/bin/atq"), 0);
	assert_non_null(plan_command(c.f.plan, "atq"));
	assert_non_null(plan_command(c.f.plan, "at"));
	assert_null(plan_command(c.f.plan, "sh"));
	assert_true(plan_has_commands(c.f.plan));
	end(&c);
}

static bool is_renewed(const struct plan *p, const char *target)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (!strcmp(p->ops[i].target, target))
			return p->ops[i].renew;
	return false;
}

static void a_tree_with_covers_stays_live(void **state)
{
	struct commands c;
	bool live = false;

	(void)state;
	begin(&c);
	c.f.policy.upper = UPPER_NONE;
	fixture_path(&c.f, "/usr", PLAN_PATH_DIR);
	fixture_plan(&c.f);
	for (size_t i = 0; i < c.f.plan->n_overlays; i++)
		live |= !strcmp(c.f.plan->overlays[i].target, "/usr") &&
			c.f.plan->overlays[i].live;
	assert_true(live);
	assert_true(is_renewed(c.f.plan, "/usr/bin/passwd"));
	c.f.policy.upper = UPPER_TMPFS;
	fixture_plan(&c.f);
	assert_false(is_renewed(c.f.plan, "/usr/bin/passwd"));
	end(&c);
}

static void what_leaves_jobs_needs_a_service_that_leads_into_a_box(void **state)
{
	struct commands c;

	(void)state;
	begin(&c);
	c.f.policy.services = LIST((char *)"sshd");
	fixture_plan(&c.f);
	assert_non_null(why(&c, "at"));
	assert_null(why(&c, "atq"));
	end(&c);
	begin(&c);
	c.guarded = (struct strlist){ 0 };
	fixture_plan(&c.f);
	assert_non_null(strstr(why(&c, "at"), "nsctl enable atd"));
	end(&c);
	begin(&c);
	c.f.host.guarded = NULL;
	fixture_plan(&c.f);
	assert_non_null(why(&c, "at"));
	end(&c);
}

static void what_the_host_lacks_is_told_of_those_that_are_named(void **state)
{
	struct commands c;
	size_t told = 0;

	(void)state;
	begin(&c);
	c.v[0].program = "/usr/bin/none";
	c.v[1].program = "/usr/bin/none";
	fixture_plan(&c.f);
	assert_non_null(strstr(why(&c, "passwd"), "isn't on this host"));
	for (size_t i = 0; i < c.f.plan->n_notes; i++) {
		told += strstr(c.f.plan->notes[i], "HostCommands=atq") != NULL;
		assert_null(strstr(c.f.plan->notes[i], "HostCommands=passwd"));
	}
	assert_int_equal(told, 1);
	end(&c);
}

static void without_a_client_there_is_none(void **state)
{
	struct commands c;

	(void)state;
	begin(&c);
	c.f.host.n_paths--;
	fixture_plan(&c.f);
	assert_false(plan_has_commands(c.f.plan));
	assert_int_equal(covers(c.f.plan, "/usr/bin/passwd"), 0);
	end(&c);
}

static void what_a_bind_replaces_is_left_alone(void **state)
{
	struct commands c;

	(void)state;
	begin(&c);
	c.f.policy.bind_ro_paths = LIST((char *)"/data:/usr/bin");
	fixture_path(&c.f, "/data", PLAN_PATH_DIR);
	fixture_plan(&c.f);
	assert_non_null(strstr(why(&c, "passwd"), "something else"));
	end(&c);
}

static void who_has_nsshell_as_the_shell_keeps_it(void **state)
{
	struct commands c;

	(void)state;
	begin(&c);
	c.v[0].name = "chsh";
	fixture_plan(&c.f);
	assert_null(why(&c, "chsh"));
	end(&c);
	begin(&c);
	c.v[0].name = "chsh";
	c.f.account.shell = (char *)"/usr/local/bin/nsshell";
	fixture_plan(&c.f);
	assert_non_null(why(&c, "chsh"));
	end(&c);
}

static void other_rules_are_another_box(void **state)
{
	struct commands c;
	static const char *more[] = { "", "-S", "-a" };
	uint64_t before;

	(void)state;
	begin(&c);
	fixture_plan(&c.f);
	before = plan_rules_digest(c.f.plan);
	fixture_plan(&c.f);
	assert_true(plan_rules_digest(c.f.plan) == before);
	c.v[0].forms = more;
	c.v[0].n_forms = 3;
	fixture_plan(&c.f);
	assert_true(plan_rules_digest(c.f.plan) != before);
	end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_of_several_names_has_one_cover),
		cmocka_unit_test(a_tree_with_covers_stays_live),
		cmocka_unit_test(what_leaves_jobs_needs_a_service_that_leads_into_a_box),
		cmocka_unit_test(what_the_host_lacks_is_told_of_those_that_are_named),
		cmocka_unit_test(without_a_client_there_is_none),
		cmocka_unit_test(what_a_bind_replaces_is_left_alone),
		cmocka_unit_test(who_has_nsshell_as_the_shell_keeps_it),
		cmocka_unit_test(other_rules_are_another_box),
	};

	return cmocka_run_group_tests_name("plan_commands", tests, NULL, NULL);
}
