/* SPDX-License-Identifier: BSD-3-Clause */
/* UserManager=: where there is one, and where there can't be; and the groups that it makes. */
#include "core/base/cleanup.h"
#include "core/run/cgroup/cgroup_below.h"
#include "tests/unit/plan_story.h"

#include <fcntl.h>
#include <sys/stat.h>

#define PROGRAM "/usr/lib/systemd/systemd"

static int with_manager(void **state)
{
	(void)setup(state);
	f.host.user_manager = PROGRAM;
	f.policy.user_manager = true;
	return 0;
}

static const struct plan_op *op_on(enum plan_op_kind kind, const char *target)
{
	for (size_t i = 0; i < f.plan->n_ops; i++)
		if (f.plan->ops[i].kind == kind &&
			strcmp(f.plan->ops[i].target, target) == 0)
			return &f.plan->ops[i];
	return NULL;
}

static const struct plan_op *cgroups(void)
{
	const struct plan_op *op = op_on(PLAN_CGROUP2, "/sys/fs/cgroup");

	if (!op)
		fail_msg("no cgroup file system inside");
	return op;
}

static void without_the_key_all_of_the_session_s_group_is_read_only(void **state)
{
	(void)state;
	f.policy.user_manager = false;
	fixture_plan(&f);
	assert_string_equal(f.plan->user_manager, "");
	assert_string_equal(f.plan->cgroup.manager, "");
	assert_true(cgroups()->attr & MOUNT_ATTR_RDONLY);
	assert_null(op_on(PLAN_DIR, "/run/systemd/system"));
	assert_int_equal(f.plan->n_notes, 0);
}

static void a_part_of_the_session_s_group_is_the_account_s(void **state)
{
	(void)state;
	fixture_plan(&f);
	assert_string_equal(f.plan->user_manager, PROGRAM);
	assert_string_equal(f.plan->cgroup.manager, "nsshell/1000/k3v9x0ab12cd/user");
	assert_int_equal(f.plan->cgroup.manager_uid, 1000);
	assert_int_equal(f.plan->cgroup.manager_gid, 1000);
	assert_false(cgroups()->attr & MOUNT_ATTR_RDONLY);
	assert_true(cgroups()->attr & MOUNT_ATTR_NOSUID);
	/* systemd looks for it, and doesn't start without */
	assert_non_null(op_on(PLAN_DIR, "/run/systemd/system"));
	assert_int_equal(f.plan->n_notes, 0);
}

static char *layers[] = { (char *)"0123456789ab" };
static const struct plan_image image = { .text = "course:1@sha256:00",
	.lower = "/var/lib/nsshell/images/layers",
	.layers = layers,
	.n_layers = 1 };

static void there_is_none(const char *because)
{
	fixture_plan(&f);
	assert_string_equal(f.plan->user_manager, "");
	assert_string_equal(f.plan->cgroup.manager, "");
	assert_int_equal(f.plan->n_notes, 1);
	if (!strstr(f.plan->notes[0], because))
		fail_msg("\"%s\" says nothing of \"%s\"", f.plan->notes[0], because);
}

static void a_host_that_has_no_such_group_or_program_gives_none(void **state)
{
	(void)state;
	f.host.cgroup = PLAN_CGROUP_V1;
	there_is_none("UserManager=yes: needs cgroup v2");
	f.host.cgroup = PLAN_CGROUP_V2;
	f.host.image = &image;
	f.policy.image = (char *)"course:1";
	there_is_none("UserManager=yes: the box is over an image");
	f.host.image = NULL;
	f.policy.image = NULL;
	f.host.user_manager = NULL;
	there_is_none("UserManager=yes: this host has no " PROGRAM);
}

static void nsctl_check_hears_of_it_with_the_limits(void **state)
{
	(void)state;
	f.host.cgroup = PLAN_CGROUP_V1;
	assert_int_equal(plan_limits_check(&f.host, &f.policy, &f.plan, &f.e), 0);
	assert_int_equal(f.plan->n_notes, 1);
	assert_non_null(strstr(f.plan->notes[0], "UserManager=yes"));
}

/* ---- groups below groups; plain directories are enough to look at ---------------------------- */

static void make_group(int top, const char *path, const char *pids)
{
	_cleanup_close_ int dir = -EBADF, fd = -EBADF;

	assert_int_equal(mkdirat(top, path, 0700), 0);
	dir = openat(top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(dir, "cgroup.procs", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, pids, strlen(pids)), strlen(pids));
}

static void processes_are_found_in_groups_below_too(void **state)
{
	char path[] = "/tmp/nsshell-test.XXXXXX";
	_cleanup_close_ int tmp = -EBADF, top = -EBADF;
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = 0;

	(void)state;
	assert_non_null(mkdtemp(path));
	tmp = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_group(tmp, "s", "10\n0\n11\n");
	make_group(tmp, "s/user", "");
	make_group(tmp, "s/user/init.scope", "12\n");
	make_group(tmp, "s/user/app.slice", "13\n14\n");
	assert_int_equal(mkdirat(tmp, "s/user/threaded", 0700), 0);
	top = openat(tmp, "s", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(cgroup_below_processes(top, &pids, &n), 0);
	assert_int_equal(n, 5);
	assert_int_equal(pids[0], 10);
	assert_int_equal(pids[1], 11);
	for (size_t i = 2; i < n; i++)
		assert_in_range(pids[i], 12, 14);

	assert_int_equal(unlinkat(tmp, "s/user/init.scope/cgroup.procs", 0), 0);
	cgroup_below_remove(top);
	assert_int_equal(faccessat(tmp, "s/user/init.scope", F_OK, 0), -1);
	assert_int_equal(faccessat(tmp, "s/user/threaded", F_OK, 0), -1);
	assert_int_equal(faccessat(tmp, "s/user/app.slice", F_OK, 0), 0);

	assert_int_equal(unlinkat(tmp, "s/user/app.slice/cgroup.procs", 0), 0);
	assert_int_equal(unlinkat(tmp, "s/user/cgroup.procs", 0), 0);
	cgroup_below_remove(top);
	assert_int_equal(unlinkat(tmp, "s/cgroup.procs", 0), 0);
	assert_int_equal(unlinkat(tmp, "s", AT_REMOVEDIR), 0);
	assert_int_equal(rmdir(path), 0);
}

#define story(test) cmocka_unit_test_setup_teardown(test, with_manager, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(without_the_key_all_of_the_session_s_group_is_read_only),
		story(a_part_of_the_session_s_group_is_the_account_s),
		story(a_host_that_has_no_such_group_or_program_gives_none),
		story(nsctl_check_hears_of_it_with_the_limits),
		cmocka_unit_test(processes_are_found_in_groups_below_too),
	};

	return cmocka_run_group_tests_name("user_manager", tests, NULL, NULL);
}
