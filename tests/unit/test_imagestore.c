/* SPDX-License-Identifier: BSD-3-Clause */
/* What a login takes of the store of images: names, layers, environment. */
#include "core/run/mount/imagestore.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define HEX   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

/* ---- names -------------------------------------------------------------------------- */

static void name_is(const char *text, const char *want)
{
	char name[IMAGE_NAME_MAX];

	assert_int_equal(imagename_parse(text, name), 0);
	assert_string_equal(name, want);
}

static void no_name(const char *text)
{
	char name[IMAGE_NAME_MAX];

	assert_int_equal(imagename_parse(text, name), -1);
}

static void a_name_has_a_tag(void **state)
{
	(void)state;
	name_is("debian", "debian:latest");
	name_is("debian:12", "debian:12");
	name_is("a.b-c_d:V1.0-rc_2", "a.b-c_d:V1.0-rc_2");
}

static void what_is_no_name_of_a_file_or_a_registry_is_none(void **state)
{
	static const char *const bad[] = { "", ":", ":x", "x:", "..", "a/b", "A", "-a",
		"a-", "a..b", "a:.b", "a:-b", "a:b:c", "a b", "a\nb", "a:b/c", "a@b",
		"a:b\x80" };
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		no_name(bad[i]);
	memset(text, 'a', sizeof(text));
	text[64] = '\0';
	no_name(text);
	text[63] = '\0';
	memset(text + 64, 'a', sizeof(text) - 64);
	text[63] = ':';
	text[64 + 128] = '\0';
	no_name(text);
	text[64 + 127] = '\0';
	name_is(text, text);
}

static void a_registrys_name_gives_its_last_part(void **state)
{
	char name[IMAGE_NAME_MAX];

	(void)state;
	assert_int_equal(imagename_of_reference("docker.io/library/debian:12", name), 0);
	assert_string_equal(name, "debian:12");
	assert_int_equal(imagename_of_reference("localhost:5000/x@sha256:" HEX, name), 0);
	assert_string_equal(name, "x:latest");
	assert_int_equal(imagename_of_reference("host/", name), -1);
}

static void a_text_of_an_image_is_taken_apart(void **state)
{
	char name[IMAGE_NAME_MAX], hex[IMAGE_HEX + 1], text[IMAGE_TEXT_MAX];
	struct image i = { .name = "debian:12", .digest = HEX };

	(void)state;
	image_text(&i, text);
	assert_string_equal(text, "debian:12@sha256:" HEX);
	assert_int_equal(image_text_parse(text, name, hex), 0);
	assert_string_equal(name, "debian:12");
	assert_string_equal(hex, HEX);
	assert_int_equal(image_text_parse("debian@sha256:" HEX, name, hex), -1);
	assert_int_equal(image_text_parse("debian:12@sha256:1234", name, hex), -1);
	assert_int_equal(image_text_parse("debian:12@sha512:" HEX, name, hex), -1);
	assert_int_equal(image_text_parse("debian:12", name, hex), -1);
}

/* ---- a store ------------------------------------------------------------------------ */

struct store {
	char path[32];
	int fd;
};

static void put(struct store *s, const char *name, const char *text)
{
	int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
	(void)close(fd);
}

static int make(void **state)
{
	struct store *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	(void)snprintf(s->path, sizeof(s->path), "/tmp/nsshell-images.XXXXXX");
	assert_non_null(mkdtemp(s->path));
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(s->fd, "tags", 0700) | mkdirat(s->fd, "ready", 0700) |
				 mkdirat(s->fd, "ready/" HEX, 0700),
		0);
	assert_int_equal(symlinkat("../ready/" HEX, s->fd, "tags/debian:12"), 0);
	put(s, "ready/" HEX "/layers",
		"0123456789ab " HEX "\nfedcba987654321 " OTHER "\n");
	put(s, "ready/" HEX "/environment", "PATH=/usr/bin:/bin\nLANG=C.UTF-8\n");
	put(s, "ready/" HEX "/about",
		"architecture amd64\ncreated 2024-01-01T00:00:00Z\n");
	*state = s;
	return 0;
}

static int unmake(void **state)
{
	static const char *const files[] = { "ready/" HEX "/layers",
		"ready/" HEX "/environment", "ready/" HEX "/about", "tags/debian:12",
		"tags/lost:1", "tags/astray:1", "lock" };
	static const char *const dirs[] = { ("ready/" HEX), "ready", "tags" };
	struct store *s = *state;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		(void)unlinkat(s->fd, files[i], 0);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		(void)unlinkat(s->fd, dirs[i], AT_REMOVEDIR);
	(void)close(s->fd);
	assert_int_equal(rmdir(s->path), 0);
	free(s);
	return 0;
}

static void an_image_is_found_by_its_name(void **state)
{
	struct store *s = *state;
	struct image i = { 0 };
	struct err e = { 0 };

	assert_int_equal(image_find(s->fd, "debian:12", &i, &e), 0);
	assert_string_equal(i.name, "debian:12");
	assert_string_equal(i.digest, HEX);
	assert_int_equal(i.layers.n, 2);
	assert_string_equal(i.layers.v[0], "0123456789ab");
	assert_string_equal(i.layers.v[1], "fedcba987654321");
	assert_string_equal(i.diffids.v[1], OTHER);
	assert_int_equal(i.environment.n, 2);
	assert_string_equal(i.environment.v[1], "LANG=C.UTF-8");
	assert_string_equal(i.architecture, "amd64");
	image_clear(&i);
}

static void one_that_is_not_there_is_named(void **state)
{
	struct store *s = *state;
	struct image i = { 0 };
	struct err e = { 0 };

	assert_int_equal(image_find(s->fd, "debian", &i, &e), 1);
	assert_non_null(strstr(e.msg, "no image debian:latest"));
	assert_int_equal(image_find(s->fd, "../x", &i, &e), -1);
	assert_int_equal(symlinkat("../ready/" OTHER, s->fd, "tags/lost:1"), 0);
	assert_int_equal(image_find(s->fd, "lost:1", &i, &e), 1);
	assert_int_equal(symlinkat("/etc", s->fd, "tags/astray:1"), 0);
	assert_int_equal(image_find(s->fd, "astray:1", &i, &e), -1);
	assert_int_equal(image_read(s->fd, "../../etc", &i, &e), -1);
	assert_int_equal(i.layers.n, 0);
}

static void layers_are_of_the_form(void **state)
{
	static const char *const bad[] = { "", "0123456789ab\n",
		"0123456789ab " OTHER "\n", "../../../etc " HEX "\n",
		"0123456789a " HEX "\n", "0123456789ab 12\n", "0123456789ab " HEX " \n" };
	struct store *s = *state;
	struct image i = { 0 };
	struct err e = { 0 };

	for (size_t n = 0; n < sizeof(bad) / sizeof(*bad); n++) {
		put(s, "ready/" HEX "/layers", bad[n]);
		assert_int_equal(image_find(s->fd, "debian:12", &i, &e), -1);
		assert_int_equal(i.layers.n, 0);
	}
}

static void who_changes_the_store_has_it_alone(void **state)
{
	_cleanup_close_ int a = -EBADF, b = -EBADF, c = -EBADF;
	struct store *s = *state;
	struct err e = { 0 };

	assert_int_equal(imagestore_lock(s->fd, LOCK_SH, 0, &a, &e), 0);
	assert_int_equal(imagestore_lock(s->fd, LOCK_SH, 0, &b, &e), 0);
	assert_int_equal(imagestore_lock(s->fd, LOCK_EX, 0, &c, &e), 1);
	assert_int_equal(e.num, ETIMEDOUT);
	cleanup_close(&a);
	cleanup_close(&b);
	assert_int_equal(imagestore_lock(s->fd, LOCK_EX, 0, &c, &e), 0);
	assert_int_equal(imagestore_lock(s->fd, LOCK_SH, 0, &a, &e), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_has_a_tag),
		cmocka_unit_test(what_is_no_name_of_a_file_or_a_registry_is_none),
		cmocka_unit_test(a_registrys_name_gives_its_last_part),
		cmocka_unit_test(a_text_of_an_image_is_taken_apart),
		cmocka_unit_test_setup_teardown(
			an_image_is_found_by_its_name, make, unmake),
		cmocka_unit_test_setup_teardown(
			one_that_is_not_there_is_named, make, unmake),
		cmocka_unit_test_setup_teardown(layers_are_of_the_form, make, unmake),
		cmocka_unit_test_setup_teardown(
			who_changes_the_store_has_it_alone, make, unmake),
	};

	return cmocka_run_group_tests_name("imagestore", tests, NULL, NULL);
}
