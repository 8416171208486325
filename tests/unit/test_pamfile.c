/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a directory of PAM services, and replacing a file of it. */
#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/host/pamfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <cmocka.h>

#define TEXT "session required pam_unix.so\n"

struct directory {
	char path[64];
	int fd;
	struct pamstack_dir read;
};

static void put(
	const struct directory *f, const char *name, const char *text, mode_t mode)
{
	_cleanup_close_ int fd =
		openat(f->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static int directory_up(void **state)
{
	struct directory *f = calloc(1, sizeof(*f));
	struct err e;

	assert_non_null(f);
	(void)snprintf(f->path, sizeof(f->path), "/tmp/test_pamfile.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	f->fd = pamfile_open_dir(f->path, &e);
	assert_true(f->fd >= 0);
	put(f, "sshd", TEXT, 0644);
	*state = f;
	return 0;
}

static int directory_down(void **state)
{
	struct directory *f = *state;
	DIR *d = fdopendir(f->fd);
	const struct dirent *entry;

	assert_non_null(d);
	rewinddir(d);
	while ((entry = readdir(d)))
		(void)unlinkat(dirfd(d), entry->d_name, 0);
	(void)closedir(d);
	assert_int_equal(rmdir(f->path), 0);
	pamstack_clear(&f->read);
	free(f);
	return 0;
}

static void read_all(struct directory *f)
{
	struct err e = { 0 };

	pamstack_clear(&f->read);
	if (pamfile_read_dir(f->fd, f->path, false, &f->read, &e) < 0)
		fail_msg("%s", e.msg);
}

static void replace_refused(
	struct directory *f, const char *name, const char *old, const char *why)
{
	struct err e = { 0 };

	assert_int_equal(pamfile_replace(f->fd, name, old, "new\n", &e), -1);
	if (!strstr(e.msg, why))
		fail_msg("\"%s\" doesn't say \"%s\"", e.msg, why);
}

static void leftovers_of_editors_and_packages_are_no_services(void **state)
{
	struct directory *f = *state;

	static const char *const leftovers[] = { "sshd.dpkg-old", "sshd.dpkg-dist",
		"sshd.dpkg-new", "sshd.dpkg-tmp", "sshd.ucf-old", "sshd.ucf-dist",
		"common-session.pam-old", "common-session.pam-new", "sshd.old", "sshd~",
		"#sshd#", ".sshd.swp", "sshd.swo", "sshd.rpmnew" };

	for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++)
		put(f, leftovers[i], TEXT, 0644);
	put(f, "su-l", TEXT, 0644);
	read_all(f);
	assert_int_equal(f->read.n, 2);
	assert_string_equal(f->read.files[0].name, "sshd");
	assert_string_equal(f->read.files[0].text, TEXT);
	assert_string_equal(f->read.files[1].name, "su-l");
	assert_null(f->read.files[0].locked);
}

static void files_that_others_can_change_are_read_but_locked(void **state)
{
	struct directory *f = *state;

	put(f, "group", TEXT, 0664);
	put(f, "world", TEXT, 0646);
	assert_int_equal(symlinkat("sshd", f->fd, "link"), 0);
	assert_int_equal(linkat(f->fd, "world", f->fd, "twice", 0), 0);
	assert_int_equal(symlinkat("nowhere", f->fd, "dangling"), 0);
	read_all(f);
	assert_non_null(strstr(pamstack_find(&f->read, "group")->locked, "chmod go-w"));
	assert_non_null(strstr(pamstack_find(&f->read, "world")->locked, "chmod go-w"));
	assert_non_null(strstr(pamstack_find(&f->read, "link")->locked, "symbolic link"));
	assert_null(pamstack_find(&f->read, "dangling"));
	replace_refused(f, "group", TEXT, "chmod go-w");
	replace_refused(f, "link", TEXT, "open link");
	assert_int_equal(fchmodat(f->fd, "twice", 0644, 0), 0);
	replace_refused(f, "twice", TEXT, "hard link");
}

static void a_replaced_file_keeps_owner_mode_and_attributes(void **state)
{
	struct directory *f = *state;
	char path[128], value[8] = "";
	struct stat before, after;
	bool has_xattr;
	struct err e = { 0 };

	(void)snprintf(path, sizeof(path), "%s/sshd", f->path);
	assert_int_equal(chmod(path, 0604), 0);
	has_xattr = setxattr(path, "user.test", "here", 4, 0) == 0;
	if (geteuid() == 0)
		assert_int_equal(chown(path, 0, 7), 0);
	assert_int_equal(stat(path, &before), 0);
	if (pamfile_replace(f->fd, "sshd", TEXT, TEXT TEXT, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_mode, after.st_mode);
	assert_int_equal(before.st_uid, after.st_uid);
	assert_int_equal(before.st_gid, after.st_gid);
	assert_int_not_equal(before.st_ino, after.st_ino);
	if (has_xattr) {
		assert_int_equal(getxattr(path, "user.test", value, sizeof(value)), 4);
		assert_memory_equal(value, "here", 4);
	}
	read_all(f);
	assert_int_equal(f->read.n, 1);
	assert_string_equal(f->read.files[0].text, TEXT TEXT);
}

static void a_file_that_somebody_changed_meanwhile_is_left(void **state)
{
	struct directory *f = *state;

	replace_refused(f, "sshd", "something else\n", "changed by somebody else");
	read_all(f);
	assert_string_equal(f->read.files[0].text, TEXT);
	replace_refused(f, "gone", TEXT, "open gone");
}

static void a_file_with_a_zero_byte_is_no_text(void **state)
{
	struct directory *f = *state;
	_cleanup_close_ int fd =
		openat(f->fd, "zero", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	struct err e;

	assert_int_equal(io_write_all(fd, "a\0b\n", 4), 0);
	assert_int_equal(pamfile_read_dir(f->fd, f->path, false, &f->read, &e), -1);
	assert_non_null(strstr(e.msg, "/zero"));
}

static void the_vendors_files_are_locked_and_come_second(void **state)
{
	struct directory *f = *state;
	struct err e;

	read_all(f);
	put(f, "polkit-1", TEXT, 0644);
	assert_int_equal(
		pamfile_read_dir(f->fd, "/usr/lib/pam.d", true, &f->read, &e), 0);
	assert_int_equal(f->read.n, 2);
	assert_null(pamstack_find(&f->read, "sshd")->locked);
	assert_non_null(strstr(pamstack_find(&f->read, "polkit-1")->locked, "copy it"));
}

#define directory_test(f) cmocka_unit_test_setup_teardown(f, directory_up, directory_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		directory_test(leftovers_of_editors_and_packages_are_no_services),
		directory_test(files_that_others_can_change_are_read_but_locked),
		directory_test(a_replaced_file_keeps_owner_mode_and_attributes),
		directory_test(a_file_that_somebody_changed_meanwhile_is_left),
		directory_test(a_file_with_a_zero_byte_is_no_text),
		directory_test(the_vendors_files_are_locked_and_come_second),
	};

	return cmocka_run_group_tests_name("pamfile", tests, NULL, NULL);
}
