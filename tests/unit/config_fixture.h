/* SPDX-License-Identifier: BSD-3-Clause */
/* A directory with an nsshell.conf for each test, and short words for what tests expect. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char dir[64];
	char path[96]; /* of the main file */
	struct config *c;
	struct policy policy;
	struct err e;
};

__attribute__((unused)) static int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/nsshell-test-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	(void)snprintf(f->path, sizeof(f->path), "%s/nsshell.conf", f->dir);
	*state = f;
	return 0;
}

static int fixture_unlink(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

__attribute__((unused)) static int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	config_free(f->c);
	policy_clear(&f->policy);
	(void)nftw(f->dir, fixture_unlink, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

#define story(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

/* Write bytes to a file of the fixture's directory: "nsshell.conf",
 * "nsshell.conf.d/10.conf". */
__attribute__((unused)) static void put_bytes(
	struct fixture *f, const char *name, const void *bytes, size_t size)
{
	char path[256];
	FILE *out;

	(void)snprintf(path, sizeof(path), "%s/nsshell.conf.d", f->dir);
	if (!strncmp(name, "nsshell.conf.d/", 15) && mkdir(path, 0755) < 0)
		assert_int_equal(access(path, F_OK), 0);
	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, 0644), 0);
}

__attribute__((unused)) static void put(
	struct fixture *f, const char *name, const char *text)
{
	put_bytes(f, name, text, strlen(text));
}

__attribute__((unused)) static void load(struct fixture *f)
{
	config_free(f->c);
	f->c = NULL;
	if (config_load(f->path, &f->c, &f->e) < 0)
		fail_msg("config_load: %s", f->e.msg);
}

__attribute__((unused)) static void load_text(struct fixture *f, const char *text)
{
	put(f, "nsshell.conf", text);
	load(f);
}

__attribute__((unused)) static void expect_count(const struct fixture *f, size_t expected)
{
	const struct config_problem *p;
	size_t n = config_problems(f->c, &p);

	if (n == expected)
		return;
	for (size_t i = 0; i < n; i++)
		config_problem_print(&p[i], stderr);
	fail_msg("%zu problems, not %zu", n, expected);
}

static int same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* The i-th problem stands there, and its text has these words in it. */
__attribute__((unused)) static void expect(const struct fixture *f, size_t i,
	const char *name, uint64_t line, const char *section, const char *key,
	const char *words)
{
	const struct config_problem *p;
	size_t n = config_problems(f->c, &p);
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	if (i >= n)
		fail_msg("only %zu problems, no '%s'", n, words);
	p += i;
	if (same(p->file, path) && p->line == line && same(p->section, section) &&
		same(p->key, key) && strstr(p->text, words))
		return;
	config_problem_print(p, stderr);
	fail_msg("expected %s:%llu [%s] %s: ...%s...", path, (unsigned long long)line,
		section ? section : "-", key ? key : "-", words);
}

/* A text with one problem in the main file. */
__attribute__((unused)) static void expect_one(struct fixture *f, const char *text,
	uint64_t line, const char *section, const char *key, const char *words)
{
	load_text(f, text);
	expect_count(f, 1);
	expect(f, 0, "nsshell.conf", line, section, key, words);
}

/* The policy of an account with up to three groups; 0, or -1 with f->e. */
__attribute__((unused)) static int policy_of(struct fixture *f, const char *user,
	const char *g1, const char *g2, const char *g3)
{
	char *names[] = { (char *)(uintptr_t)g1, (char *)(uintptr_t)g2,
		(char *)(uintptr_t)g3 };
	gid_t gids[] = { 1001, 1002, 1003 };
	struct account a = { .name = (char *)(uintptr_t)user,
		.uid = !strcmp(user, "root") ? 0 : 1001,
		.groups = gids,
		.group_names = names,
		.n_groups = 3 };

	policy_clear(&f->policy);
	return config_policy(f->c, &a, &f->policy, &f->e);
}

__attribute__((unused)) static void policy_ok(
	struct fixture *f, const char *user, const char *g1, const char *g2)
{
	if (policy_of(f, user, g1, g2, NULL) < 0)
		fail_msg("policy of %s: %s", user, f->e.msg);
}

/* The strings of a list, with blanks between. */
__attribute__((unused)) static void expect_list(
	const struct strlist *l, const char *expected)
{
	char text[1024] = "";

	for (size_t i = 0; i < l->n; i++) {
		size_t used = strlen(text);

		(void)snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "",
			l->v[i]);
	}
	assert_string_equal(text, expected);
}
