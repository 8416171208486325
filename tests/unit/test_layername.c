/* SPDX-License-Identifier: BSD-3-Clause */
/* What archives call files of layers, and how they are handed on. */
#include "core/plan/layerentry.h"
#include "core/plan/layername.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void clean_is(const char *name, const char *want)
{
	char path[LAYER_NAME_MAX];
	const char *why;

	assert_int_equal(layername_clean(name, path, &why), 0);
	assert_string_equal(path, want);
}

static void refused(const char *name, const char *word)
{
	char path[LAYER_NAME_MAX];
	const char *why = "";

	assert_int_equal(layername_clean(name, path, &why), -1);
	assert_non_null(strstr(why, word));
}

static void a_path_is_below_the_layers_root(void **state)
{
	(void)state;
	clean_is("./etc//passwd", "etc/passwd");
	clean_is("/etc/passwd/", "etc/passwd");
	clean_is("./", "");
	clean_is("a/./b/...", "a/b/...");
	clean_is("..a/b..", "..a/b..");
}

static void none_leads_out(void **state)
{
	(void)state;
	refused("..", "\"..\"");
	refused("a/../b", "\"..\"");
	refused("/..", "\"..\"");
	refused("a/..", "\"..\"");
}

static void none_is_longer_than_linux_takes(void **state)
{
	char name[2 * LAYER_NAME_MAX];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[256] = '\0';
	refused(name, "longer");
	name[255] = '\0';
	clean_is(name, name);
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		name[i] = i % 100 == 99 ? '/' : 'a';
	name[LAYER_NAME_MAX - 1] = '\0';
	clean_is(name, name);
	name[LAYER_NAME_MAX - 1] = '/';
	name[LAYER_NAME_MAX + 1] = '\0';
	refused(name, "longer");
}

static void none_is_too_deep(void **state)
{
	char name[2 * LAYER_DEPTH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '/' : 'a';
	name[sizeof(name) - 1] = '\0';
	refused(name, "too deep");
	name[sizeof(name) - 3] = '\0';
	clean_is(name, name);
}

static void kind_is(const char *name, int kind, const char *want)
{
	char path[LAYER_NAME_MAX];
	const char *why = NULL;

	(void)snprintf(path, sizeof(path), "%s", name);
	assert_int_equal(layername_kind(path, &why), kind);
	if (want)
		assert_string_equal(path, want);
	else
		assert_non_null(why);
}

static void a_whiteout_hides_what_it_names(void **state)
{
	(void)state;
	kind_is("a/b", LAYER_ENTRY, "a/b");
	kind_is("a/.wh", LAYER_ENTRY, "a/.wh");
	kind_is(".wh.a/b", LAYER_ENTRY, ".wh.a/b");
	kind_is("a/.wh.b", LAYER_WHITEOUT, "a/b");
	kind_is(".wh.b", LAYER_WHITEOUT, "b");
	kind_is("a/.wh..wh..opq", LAYER_OPAQUE, "a");
	kind_is(".wh..wh..opq", LAYER_OPAQUE, "");
	kind_is(".wh..wh.plnk", LAYER_AUFS, ".wh..wh.plnk");
	kind_is("a/.wh.", -1, NULL);
	kind_is("a/.wh..", -1, NULL);
	kind_is("a/.wh...", -1, NULL);
}

static void attributes_that_mean_something_to_the_kernel_stay_away(void **state)
{
	(void)state;
	assert_true(layername_xattr_kept("user.x"));
	assert_true(layername_xattr_kept("security.capability"));
	assert_true(layername_xattr_kept("system.posix_acl_access"));
	assert_false(layername_xattr_kept("user."));
	assert_false(layername_xattr_kept("user.overlay.opaque"));
	assert_false(layername_xattr_kept("trusted.overlay.opaque"));
	assert_false(layername_xattr_kept("trusted.x"));
	assert_false(layername_xattr_kept("security.selinux"));
	assert_false(layername_xattr_kept(""));
}

/* ---- handing on --------------------------------------------------------------------- */

static void attributes_come_as_they_went(void **state)
{
	char *block = malloc(LAYER_XATTRS_MAX);
	const char *at = block;
	size_t n = layerxattr_put(block, 0, "user.a", "x\0y", 3), left;
	struct layer_xattr x;

	(void)state;
	n = layerxattr_put(block, n, "user.b", "", 0);
	left = n;
	assert_int_equal(layerxattr_next(&at, &left, &x), 1);
	assert_string_equal(x.name, "user.a");
	assert_int_equal(x.size, 3);
	assert_memory_equal(x.value, "x\0y", 3);
	assert_int_equal(layerxattr_next(&at, &left, &x), 1);
	assert_int_equal(x.size, 0);
	assert_int_equal(layerxattr_next(&at, &left, &x), 0);
	at = block;
	left = n - 1;
	assert_int_equal(layerxattr_next(&at, &left, &x), 1);
	assert_int_equal(layerxattr_next(&at, &left, &x), -1);
	assert_int_equal(
		layerxattr_put(block, LAYER_XATTRS_MAX - 10, "user.a", "x", 1), 0);
	free(block);
}

static void a_head_says_what_may_follow(void **state)
{
	struct layer_head h = { .kind = LAYER_FILE, .path_len = 3, .xattrs_len = 10 };
	const char *why;

	(void)state;
	assert_int_equal(layerentry_check(&h, &why), 13);
	h.link_len = 1;
	assert_int_equal(layerentry_check(&h, &why), -1);
	h.kind = LAYER_SYMLINK;
	assert_int_equal(layerentry_check(&h, &why), 14);
	h.uid = 65535;
	assert_int_equal(layerentry_check(&h, &why), -1);
	h = (struct layer_head){ .kind = LAYER_DATA, .size = 5, .offset = INT64_MAX };
	assert_int_equal(layerentry_check(&h, &why), -1);
	h.offset = 0;
	assert_int_equal(layerentry_check(&h, &why), 5);
	h.size = LAYER_DATA_MAX + 1;
	assert_int_equal(layerentry_check(&h, &why), -1);
	h.kind = LAYER_END + 1;
	assert_int_equal(layerentry_check(&h, &why), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_below_the_layers_root),
		cmocka_unit_test(none_leads_out),
		cmocka_unit_test(none_is_longer_than_linux_takes),
		cmocka_unit_test(none_is_too_deep),
		cmocka_unit_test(a_whiteout_hides_what_it_names),
		cmocka_unit_test(attributes_that_mean_something_to_the_kernel_stay_away),
		cmocka_unit_test(attributes_come_as_they_went),
		cmocka_unit_test(a_head_says_what_may_follow),
	};

	return cmocka_run_group_tests_name("layername", tests, NULL, NULL);
}
