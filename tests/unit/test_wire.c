/* SPDX-License-Identifier: BSD-3-Clause */
/* The plan as bytes: no member is forgotten, and what isn't a plan is refused. test_golden.c sends whole ones. */
#include "core/base/cleanup.h"
#include "core/plan/plan_wire.h"
#include "tests/unit/plan_story.h"

#include <ctype.h>

/* ---- the tables ------------------------------------------------------------------------ */

static const char *const headers[] = { "core/plan/plan.h", "core/plan/idmap.h",
	"core/plan/filter.h", "core/plan/command.h" };

static char text[65536];

static void slurp(const char *path)
{
	FILE *in = fopen(path, "re");
	size_t n = in ? fread(text, 1, sizeof(text) - 1, in) : 0;

	if (!in || n == 0 || n == sizeof(text) - 1 || fclose(in) != 0)
		fail_msg("%s: not there (tests run from the top of the tree)", path);
	text[n] = '\0';
}

static void drop_comments(void)
{
	for (char *at = strstr(text, "/*"); at; at = strstr(at, "/*")) {
		char *end = strstr(at, "*/");

		assert_non_null(end);
		memset(at, ' ', (size_t)(end + 2 - at));
	}
}

static bool has_row(const struct wire_record *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->fields[i].name, name) == 0)
			return true;
	return false;
}

static bool is_count(const struct wire_record *r, const char *name)
{
	/* n_NAME is the length of a list of the table's, and struct idmap's n. */
	if (strcmp(name, "n") == 0)
		return true;
	return strncmp(name, "n_", 2) == 0 && has_row(r, name + 2);
}

/* The last word of a declarator: "*const name[MAX]". */
static void member(const struct wire_record *r, char *declarator)
{
	char *end = strchrnul(declarator, '['), *begin;

	while (end > declarator && isspace((unsigned char)end[-1]))
		end--;
	for (begin = end; begin > declarator &&
			  (isalnum((unsigned char)begin[-1]) || begin[-1] == '_');
		begin--)
		continue;
	*end = '\0';
	if (!has_row(r, begin) && !is_count(r, begin))
		fail_msg("%s: no row for its member %s", r->name, begin);
}

/* Return: how many members there are. */
static size_t members(const struct wire_record *r, char *body)
{
	char *save = NULL, *more = NULL;
	size_t n = 0;

	for (char *line = strtok_r(body, ";", &save); line;
		line = strtok_r(NULL, ";", &save)) {
		if (line[strspn(line, " \t\n")] == '\0')
			continue;
		for (char *one = strtok_r(line, ",", &more); one;
			one = strtok_r(NULL, ",", &more), n++)
			member(r, one);
	}
	return n;
}

static bool find_in(const struct wire_record *r, const char *header)
{
	char begin[64], *body, *end;

	slurp(header);
	drop_comments();
	(void)snprintf(begin, sizeof(begin), "\n%s {", r->name);
	body = strstr(text, begin);
	end = body ? strstr(body, "\n}") : NULL;
	if (!end)
		return false;
	*end = '\0';
	assert_true(members(r, body + strlen(begin)) >= r->n);
	return true;
}

static void every_member_has_a_row(void **state)
{
	(void)state;
	for (size_t i = 0; plan_wires[i]; i++) {
		bool found = false;

		for (size_t k = 0; k < COUNT(headers); k++)
			found = found || find_in(plan_wires[i], headers[k]);
		if (!found)
			fail_msg("%s isn't in any header that is looked at",
				plan_wires[i]->name);
	}
}

/* ---- what isn't a plan ----------------------------------------------------------------- */

static void *bytes;
static size_t n_bytes;

static int taken(const void *from, size_t size)
{
	struct plan *p = calloc(1, sizeof(*p));
	struct arena a = { 0 };
	int r;

	assert_non_null(p);
	r = wire_take(&plan_wire, from, size, &a, p, &f.e);
	arena_clear(&a);
	free(p);
	return r;
}

static void put(void)
{
	fixture_plan(&f);
	assert_int_equal(wire_put(&plan_wire, f.plan, &bytes, &n_bytes, &f.e), 0);
}

static void a_plan_that_is_cut_anywhere_is_refused(void **state)
{
	(void)state;
	put();
	for (size_t size = 0; size < n_bytes; size++) {
		/* Of its own length, so that a look behind it is found. */
		_cleanup_free_ char *cut = malloc(size + 1);

		assert_non_null(cut);
		memcpy(cut, bytes, size);
		assert_int_equal(taken(cut, size), -1);
	}
	assert_int_equal(taken(bytes, n_bytes), 0);
	free(bytes);
}

static void a_plan_that_goes_on_is_refused(void **state)
{
	_cleanup_free_ char *more = NULL;

	(void)state;
	put();
	more = calloc(1, n_bytes + 1);
	assert_non_null(more);
	memcpy(more, bytes, n_bytes);
	assert_int_equal(taken(more, n_bytes + 1), -1);
	assert_non_null(strstr(f.e.msg, "it goes on"));
	free(bytes);
}

static void a_byte_of_a_plan_may_be_anything(void **state)
{
	(void)state;
	put();
	for (size_t i = 0; i < n_bytes; i++) {
		unsigned char *at = (unsigned char *)bytes + i, was = *at;

		*at = 0xff;
		(void)taken(bytes, n_bytes);
		*at = was;
	}
	assert_int_equal(taken(bytes, n_bytes), 0);
	free(bytes);
}

static void a_text_that_must_be_there_is(void **state)
{
	(void)state;
	fixture_plan(&f);
	f.plan->home = NULL;
	assert_int_equal(wire_put(&plan_wire, f.plan, &bytes, &n_bytes, &f.e), -1);
	assert_non_null(strstr(f.e.msg, "home has nothing"));
}

/* ---- small ones ------------------------------------------------------------------------ */

struct small {
	uint32_t number;
	bool yes;
	const char *text;
};
#define WIRE_OF struct small
static const struct wire_field small_fields[] = {
	WIRE_FIELD(NUMBER, number, .max = 7),
	WIRE_FIELD(BOOL, yes),
	WIRE_FIELD(TEXT, text),
};
#undef WIRE_OF
static const struct wire_record small = WIRE_TABLE(struct small, small_fields);

static int small_taken(const char *says, size_t len, uint32_t number, unsigned char yes,
	uint32_t length, const char *because)
{
	unsigned char buf[64];
	struct small to;
	struct err e = { 0 };
	struct arena a = { 0 };
	int r;

	memcpy(buf, &number, 4);
	buf[4] = yes;
	memcpy(buf + 5, &length, 4);
	memcpy(buf + 9, says, len);
	r = wire_take(&small, buf, 9 + len, &a, &to, &e);
	if (because && !strstr(e.msg, because))
		fail_msg("\"%s\" doesn't name %s", e.msg, because);
	return r;
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	assert_int_equal(small_taken("abc", 4, 7, 1, 3, NULL), 0);
	assert_int_equal(small_taken("abc", 4, 8, 1, 3, "number"), -1);
	assert_int_equal(small_taken("abc", 4, 7, 2, 3, "yes"), -1);
	assert_int_equal(small_taken("a\0c", 4, 7, 1, 3, "text"), -1);
	assert_int_equal(small_taken("abc", 3, 7, 1, 3, "text"), -1);
	assert_int_equal(small_taken("abc", 4, 7, 1, 0x7fffffff, "text"), -1);
	assert_int_equal(small_taken("abc", 4, 7, 1, UINT32_MAX, "text"), -1);
	assert_int_equal(small_taken("abc", 4, 7, 1, 2, "text"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(every_member_has_a_row),
		STORY(a_plan_that_is_cut_anywhere_is_refused),
		STORY(a_plan_that_goes_on_is_refused),
		STORY(a_byte_of_a_plan_may_be_anything),
		STORY(a_text_that_must_be_there_is),
		STORY(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
