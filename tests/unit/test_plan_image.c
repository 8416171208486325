/* SPDX-License-Identifier: BSD-3-Clause */
/* A box over an image: what of the host's is in it, and the account's lines in the image's files. */
#include "tests/unit/plan_places.h"

#include "core/plan/accountlines.h"

static char *layers[] = { (char *)"0123456789ab", (char *)"cdef01234567" };
static const struct plan_image image = { .text = "course:2026@sha256:00",
	.lower = "/var/lib/nsshell/images/layers",
	.layers = layers,
	.n_layers = 2 };

static void over_image(void)
{
	f.policy.image = (char *)"course:2026";
	f.host.image = &image;
}

static const struct plan_layer *layer_at(enum plan_layer_kind kind, const char *path)
{
	for (size_t i = 0; i < f.plan->n_layers; i++)
		if (f.plan->layers[i].kind == kind &&
			strcmp(f.plan->layers[i].path, path) == 0)
			return &f.plan->layers[i];
	return NULL;
}

static void one_overlay_of_all_layers_the_highest_first(void **state)
{
	const struct plan_overlay *o;

	(void)state;
	over_image();
	fixture_mount(&f, "/usr", "ext4", false);
	fixture_path(&f, "/opt", PLAN_PATH_DIR);
	made();
	assert_int_equal(f.plan->n_overlays, 1);
	o = f.plan->overlays;
	assert_string_equal(o->target, "/");
	assert_string_equal(o->lower, image.lower);
	assert_int_equal(o->n_layers, 2);
	assert_string_equal(o->layers[0], "l/cdef01234567");
	assert_string_equal(o->layers[1], "l/0123456789ab");
	assert_true(o->idmap && o->readonly);
	assert_string_equal(f.plan->image, image.text);
}

static void nothing_of_the_hosts_trees_is_hidden_or_covered(void **state)
{
	(void)state;
	over_image();
	fixture_path(&f, "/usr/bin/newgrp", PLAN_PATH_FILE);
	made();
	for (size_t i = 0; i < f.plan->n_layers; i++)
		assert_int_not_equal(f.plan->layers[i].kind, PLAN_LAYER_WHITEOUT);
	assert_int_equal(f.plan->n_inside, 0);
	assert_non_null(layer_at(PLAN_LAYER_DIR, "/proc"));
	assert_non_null(layer_at(PLAN_LAYER_SYMLINK, "/etc/resolv.conf"));
}

static void places_are_made_without_the_way_to_them(void **state)
{
	(void)state;
	over_image();
	fixture_path(&f, "/data", PLAN_PATH_DIR);
	bind_entry("/data:/sets/one");
	made();
	assert_non_null(layer_at(PLAN_LAYER_DIR, "/sets/one"));
	assert_null(layer_at(PLAN_LAYER_DIR, "/sets"));
}

static void only_common_shells_have_a_stand_in(void **state)
{
	(void)state;
	over_image();
	made();
	assert_string_equal(layer_at(PLAN_LAYER_SHELL, "/bin/bash")->target, "/bin/sh");
	f.policy.shell = (char *)"/bin/zsh";
	made();
	assert_string_equal(layer_at(PLAN_LAYER_SHELL, "/bin/bash")->target, "/bin/zsh");
	f.policy.shell = NULL;
	for (size_t i = 0; i < 4; i++) {
		const char *const held[] = { "/usr/sbin/nologin", "/bin/rbash",
			"/bin/false", "/usr/bin/git-shell" };

		f.account.shell = (char *)(uintptr_t)held[i];
		made();
		assert_null(layer_at(PLAN_LAYER_SHELL, held[i]));
	}
}

static void groups_are_the_hosts_by_name(void **state)
{
	(void)state;
	over_image();
	f.group_names[0] = (char *)"alice";
	f.group_names[1] = (char *)"su:do\n";
	made();
	assert_string_equal(layer_at(PLAN_LAYER_LINES, "/etc/group")->content,
		"alice:x:1000:\nsu?do?:x:27:alice\n");
	assert_string_equal(layer_at(PLAN_LAYER_LINES, "/etc/passwd")->content,
		"alice:x:1000:1000::/home/alice:/bin/bash\n");
}

static bool filtered(const char *call)
{
	for (size_t i = 0; i < f.plan->filter.n_rules; i++)
		if (strcmp(f.plan->filter.rules[i].call.name, call) == 0)
			return true;
	return false;
}

static void root_has_setuid_programs_in_the_image_alone(void **state)
{
	uint64_t was;

	(void)state;
	over_image();
	made();
	was = plan_rootfs_digest(f.plan);
	assert_true(f.plan->no_new_privs && filtered("fchownat"));
	assert_true(f.plan->overlays[0].attr & MOUNT_ATTR_NOSUID);
	f.policy.root = true;
	made();
	assert_false(f.plan->no_new_privs || filtered("fchownat"));
	assert_true(filtered("mount") && filtered("umount2") && filtered("unshare"));
	assert_int_not_equal(plan_rootfs_digest(f.plan), was);
	assert_int_equal(f.plan->overlays[0].attr & MOUNT_ATTR_NOSUID, 0);
	assert_true(f.plan->overlays[0].attr & MOUNT_ATTR_NODEV);
	for (size_t i = 0; i < f.plan->n_ops; i++)
		if (f.plan->ops[i].kind == PLAN_BIND || f.plan->ops[i].kind == PLAN_TMPFS)
			assert_true(f.plan->ops[i].attr & MOUNT_ATTR_NOSUID);
	assert_string_equal(layer_at(PLAN_LAYER_LINES, "/etc/sudoers.d/nsshell")->content,
		"#1000 ALL=(ALL:ALL) NOPASSWD: ALL\n");
}

static void root_writes_only_where_ids_can_be_mapped(void **state)
{
	static const struct plan_image elsewhere = { .text = "course:2026@sha256:00",
		.lower = "/images/layers",
		.layers = layers,
		.n_layers = 2 };

	(void)state;
	over_image();
	f.policy.root = true;
	fixture_mount(&f, "/images", "zfs", false);
	f.host.image = &elsewhere;
	refused("Root=yes needs the images on a file system that can be idmapped");
	f.host.image = &image;
	fixture_mount(&f, "/srv", "nfs4", false);
	fixture_path(&f, "/srv/data", PLAN_PATH_DIR);
	bind_entry("/srv/data");
	refused("bind it by BindReadOnlyPaths=");
	f.policy.bind_ro_paths = f.policy.bind_paths;
	f.policy.bind_paths.n = 0;
	made();
	fixture_mount(&f, "/home", "nfs4", false);
	refused("at /home/alice, where the box may write: that is nfs4; write Root=no");
	f.policy.root = false;
	made();
}

static void another_image_is_another_rootfs(void **state)
{
	static char *others[] = { (char *)"0123456789ab", (char *)"eeeeeeeeeeee" };
	struct plan_image other = image;
	uint64_t was;

	(void)state;
	over_image();
	made();
	was = plan_rootfs_digest(f.plan);
	other.layers = others;
	f.host.image = &other;
	made();
	assert_int_not_equal(plan_rootfs_digest(f.plan), was);
}

/* ---- lines */

static void merged(const char *text, const char *lines, const char *want)
{
	char *got = accountlines_merge(text, lines);

	assert_non_null(got);
	assert_string_equal(got, want);
	free(got);
}

static void without(const char *text, const char *lines, const char *want)
{
	char *got = accountlines_without(text, lines);

	assert_non_null(got);
	assert_string_equal(got, want);
	free(got);
}

static void lines_go_where_name_and_id_are_ours(void **state)
{
	(void)state;
	without("root:x:0:0::/:/bin/sh\nalice:!:1000:7::/other:/bin/zsh\nbob:x:1000:7::/:\n",
		"alice:x:1000:\n", "root:x:0:0::/:/bin/sh\nbob:x:1000:7::/:\n");
	without("alice:x:5:5::/:\nalices:x:1000:1::/:", "alice:x:1000:\n",
		"alice:x:5:5::/:\nalices:x:1000:1::/:\n");
	without("alice:!*:19000::::::\n:\nbob:*::\n", "alice:!*::\n", ":\nbob:*::\n");
	without("", "alice:!*::\n", "");
}

static void lines_go_before_the_same_id_and_in_place_of_the_same_name(void **state)
{
	(void)state;
	merged("root:x:0:0\n", "alice:x:1000:\n", "root:x:0:0\nalice:x:1000:\n");
	merged("root:x:0:0\nubuntu:x:1000:1\nlast:x:2:", "alice:x:1000:\n",
		"root:x:0:0\nalice:x:1000:\nubuntu:x:1000:1\nlast:x:2:\n");
	merged("alice:x:7:7\nroot:x:0:0\nalice::8:8\n", "alice:x:1000:\n",
		"root:x:0:0\nalice:x:1000:\n");
	merged("alicea:x:1:\nalic:x:2:\n", "alice:x:1000:\n",
		"alicea:x:1:\nalic:x:2:\nalice:x:1000:\n");
	merged("root:*:1:\nbin:*::\n", "alice:!*:::::::\n",
		"root:*:1:\nbin:*::\nalice:!*:::::::\n");
	merged("", "alice:x:1000:\n", "alice:x:1000:\n");
	merged("\n:\n::\nno colon\n", "alice:x:1000:\n",
		"\n:\n::\nno colon\nalice:x:1000:\n");
	merged("x:x:5:\n", "", "x:x:5:\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(one_overlay_of_all_layers_the_highest_first),
		STORY(nothing_of_the_hosts_trees_is_hidden_or_covered),
		STORY(places_are_made_without_the_way_to_them),
		STORY(only_common_shells_have_a_stand_in),
		STORY(groups_are_the_hosts_by_name),
		STORY(root_has_setuid_programs_in_the_image_alone),
		STORY(root_writes_only_where_ids_can_be_mapped),
		STORY(another_image_is_another_rootfs),
		cmocka_unit_test(
			lines_go_before_the_same_id_and_in_place_of_the_same_name),
		STORY(lines_go_where_name_and_id_are_ours),
	};

	return cmocka_run_group_tests_name("plan of an image", tests, NULL, NULL);
}
