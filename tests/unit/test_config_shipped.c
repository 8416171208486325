/* SPDX-License-Identifier: BSD-3-Clause */
/* The shipped nsshell.conf and its manual page say what the table of keys does. */
#include "config_fixture.h"
#include "config/internal.h"
#include "core/plan/limits.h"
#include "core/plan/property.h"

/* The text of a file of the repository, beside this one; NULL where only the binary is.
 */
static char *repository_file(const char *path)
{
	const char *end = strstr(__FILE__, "tests/unit/");
	char name[512], *text = calloc(1, 100000);
	FILE *in;

	(void)snprintf(
		name, sizeof(name), "%.*s%s", (int)(end - __FILE__), __FILE__, path);
	in = fopen(name, "r");
	if (!in) {
		free(text);
		return NULL;
	}
	assert_true(fread(text, 1, 99999, in) > 0);
	(void)fclose(in);
	return text;
}

static void the_shipped_file_says_the_defaults_and_nothing_wrong(void **state)
{
	struct fixture *f = *state;
	char *text = repository_file("config/nsshell.conf"), line[128];

	if (!text)
		skip();
	load_text(f, text);
	expect_count(f, 0);
	policy_ok(f, "alice", "users", NULL);
	assert_false(f->policy.isolate);
	for (size_t i = 0; i < config_n_keys; i++) {
		const char *initial = config_keys[i].initial;

		/* Where nothing is set there is an example. */
		(void)snprintf(line, sizeof(line), "\n#%s=%s%s", config_keys[i].name,
			initial ? initial : "", initial ? "\n" : "");
		if (!strstr(text, line))
			fail_msg("config/nsshell.conf doesn't have:%s", line);
	}
	/* Examples too must hold when their '#' is taken away. */
	for (char *p = text; (p = strstr(p, "\n#")); p++)
		if ((p[2] >= 'A' && p[2] <= 'Z' &&
			    strchr(p + 2, '=') < strpbrk(p + 2, " \n")) ||
			p[2] == '[')
			p[1] = ' ';
	load_text(f, text);
	expect_count(f, 0);
	free(text);
}

static void the_manual_has_every_key_with_its_default(void **state)
{
	char *text = repository_file("man/nsshell.conf.5"), words[256];

	(void)state;
	if (!text)
		skip();
	for (size_t i = 0; i < config_n_keys; i++) {
		const char *initial = config_keys[i].initial;
		char *item;

		(void)snprintf(
			words, sizeof(words), "\n.It Cm %s Ns = Ns", config_keys[i].name);
		item = strstr(text, words);
		if (!item) {
			fail_msg("nsshell.conf(5) doesn't have %s=", config_keys[i].name);
			return;
		}
		(void)snprintf(words, sizeof(words), "\nDefault:\n.Ql %s",
			initial ? initial : "");
		if (initial && *initial) {
			char *found = strstr(item, words),
			     *next = strstr(item + 1, "\n.It ");

			if (!found || (next && found > next))
				fail_msg("nsshell.conf(5): %s= has another default",
					config_keys[i].name);
		}
	}
	free(text);
}

/* The line of @text that begins so, or a failed test. */
static const char *line_of(const char *text, const char *begin, char *buf, size_t size)
{
	const char *line = strstr(text, begin);

	if (!line)
		fail_msg("the manual doesn't have:%s", begin);
	else
		(void)snprintf(buf, size, "%.*s", (int)strcspn(line + 1, "\n"), line + 1);
	return buf;
}

static const char *writer(const struct limit *l, enum plan_cgroup_kind kind)
{
	const struct plan_cgroup c = { .kind = kind, .systemd = true };

	return l->on[kind].places[0].systemd &&
			       property_is_managed(&c, l->on[kind].controller)
		       ? "property"
		       : "nsshell";
}

static void the_manuals_have_the_files_of_every_limit_and_who_writes_them(void **state)
{
	char *text = repository_file("man/nsshell.conf.5"), begin[128], line[512];
	char *nsctl = repository_file("man/nsctl.8");

	(void)state;
	if (!text || !nsctl)
		skip();
	for (const struct limit *l = limits; l < limits + LIMITS; l++) {
		(void)snprintf(begin, sizeof(begin), "\n.It Cm %s Ta %s", l->key,
			l->on[PLAN_CGROUP_V2].places[0].file);
		(void)line_of(text, begin, line, sizeof(line));
		for (size_t i = 0; i < (size_t)2 * LIMIT_PLACES; i++) {
			const char *file =
				l->on[PLAN_CGROUP_V1 + i % 2].places[i / 2].file;

			if (file && !strstr(line, file))
				fail_msg("nsshell.conf(5): no %s in \"%s\"", file, line);
		}
		(void)snprintf(begin, sizeof(begin),
			"\n.It Cm %s Ta %s Ta %s Ta nsshell Ta nsshell\n", l->key,
			writer(l, PLAN_CGROUP_V2), writer(l, PLAN_CGROUP_V1));
		(void)line_of(text, begin, line, sizeof(line));
		if (!strstr(nsctl, l->key))
			fail_msg("nsctl(8): nothing of %s=", l->key);
	}
	free(text);
	free(nsctl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(the_shipped_file_says_the_defaults_and_nothing_wrong),
		story(the_manual_has_every_key_with_its_default),
		cmocka_unit_test(
			the_manuals_have_the_files_of_every_limit_and_who_writes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
