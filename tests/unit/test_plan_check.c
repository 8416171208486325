/* SPDX-License-Identifier: BSD-3-Clause */
/* A planner that lies: one lie a row, each refused, and what is refused is said. */
#include "core/base/paths.h"
#include "core/plan/limits.h"
#include "core/plan/plan_check.h"
#include "tests/unit/plan_story.h"

static struct plan_op *op_of(struct plan *p, enum plan_op_kind kind, const char *target)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == kind && strcmp(p->ops[i].target, target) == 0)
			return &p->ops[i];
	fail_msg("the plan has nothing at %s", target);
	return NULL;
}

static struct plan_op *first(struct plan *p, enum plan_op_kind kind)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == kind)
			return &p->ops[i];
	fail_msg("the plan has no operation %d", kind);
	return NULL;
}

/* A bind of root's own choice, in the place of that of the limits. */
static struct plan_op *binds(struct plan *p, const char *source)
{
	struct plan_op *op = op_of(p, PLAN_BIND, PATH_RUN_LIMITS);

	op->source = source;
	return op;
}

#define LIE(name, ...)                                                                   \
	static void name(struct plan *p)                                                 \
	{                                                                                \
		__VA_ARGS__;                                                             \
	}

LIE(another_id, p->id = "aaaaaaaaaaaa")
LIE(another_service, p->service = "su")
LIE(another_user, p->user = "bob")
LIE(another_uid, p->uid = 1001)
LIE(root_uid, p->uid = 0)
LIE(another_gid, p->gid = 27)
LIE(another_image, p->image = "x:y@sha256:00")
LIE(another_terminal, p->tty = "/dev/sda")
LIE(another_runtime, p->runtime_dir = "/run/user/1001")
LIE(a_home_with_dots, p->home = "/home/../root")
LIE(a_ticket, p->ticket = "/etc/krb5.keytab")
LIE(a_foreign_group, ((uint32_t *)(uintptr_t)p->groups)[1] = 4)
LIE(roots_group, ((uint32_t *)(uintptr_t)p->groups)[1] = 0)
LIE(no_groups, p->n_groups = 0)
LIE(roots_uid_mapped, p->uids.extents[0].outside = 0)
LIE(a_longer_map, p->uids.extents[p->uids.n - 1].count++)
LIE(one_extent_less, p->uids.n--)
LIE(gids_of_others, p->gids.extents[0].outside = 4)
LIE(no_user_namespace, p->namespaces &= ~(uint64_t)CLONE_NEWUSER)
LIE(no_mount_namespace, p->namespaces &= ~(uint64_t)CLONE_NEWNS)
LIE(no_pid_namespace, p->namespaces &= ~(uint64_t)CLONE_NEWPID)
LIE(another_flag, p->namespaces |= CLONE_VM)
LIE(a_network_of_none, p->namespaces |= CLONE_NEWNET)
LIE(new_privs, p->no_new_privs = false)
LIE(admin, p->login_caps[0] = "cap_sys_admin")
LIE(init_admin, p->init_caps[0] = "cap_setuid")
LIE(another_group, p->cgroup.account = "nsshell/1001")
LIE(the_root_group, p->cgroup.account = "")
LIE(out_of_ours, p->cgroup.session = "../k3v9x0ab12cd")
LIE(another_supervise, p->cgroup.supervise = "nsshell/1001/supervise")
LIE(another_manager, p->cgroup.manager = "nsshell")
LIE(a_slice, p->cgroup.slice = "nsshell/../x.slice"; p->cgroup.slice_name = "../x")
LIE(systemd, p->cgroup.systemd = true)
LIE(a_file_elsewhere, p->cgroup.settings[0].name = "memory/../cgroup.procs")
LIE(a_controller_elsewhere, p->cgroup.controllers[0] = "../memory")
LIE(two_lines, p->cgroup.settings[0].value = "1\n2")
LIE(a_network, p->network.kind = NETWORK_PRIVATE; p->namespaces |= CLONE_NEWNET)
LIE(an_address, p->network.address4 = "100.64.0.9")
LIE(guests, p->network.n_guests = 1; p->network.guests = p->groups)
LIE(a_manager, p->user_manager = "/home/alice/systemd")
LIE(no_overlay, p->n_overlays = 0)
LIE(another_lower, p->overlays[0].lower = "/mnt")
LIE(overlay_suid, p->overlays[0].attr &= ~(uint64_t)MOUNT_ATTR_NOSUID)
LIE(overlay_dev, p->overlays[0].attr &= ~(uint64_t)MOUNT_ATTR_NODEV)
LIE(overlay_idmap, p->overlays[0].attr |= MOUNT_ATTR_IDMAP)
LIE(image_layers, p->overlays[0].n_layers = 1)
LIE(a_layer_elsewhere, p->layers[0].overlay = p->n_overlays)
LIE(a_layer_with_dots, p->layers[0].path = "/etc/../x")
LIE(a_setuid_layer, p->layers[0].mode = 04755)
LIE(a_link_to_nothing, p->layers[0].kind = PLAN_LAYER_SYMLINK; p->layers[0].target = NULL)
LIE(a_target_with_dots, first(p, PLAN_DIR)->target = "/run/../etc")
LIE(a_relative_target, first(p, PLAN_DIR)->target = "run")
LIE(the_root, first(p, PLAN_TMPFS)->target = "/")
LIE(no_source, first(p, PLAN_BIND)->source = NULL)
LIE(bind_suid, first(p, PLAN_BIND)->attr &= ~(uint64_t)MOUNT_ATTR_NOSUID)
LIE(bind_dev, first(p, PLAN_BIND)->attr &= ~(uint64_t)MOUNT_ATTR_NODEV)
LIE(tmpfs_suid, first(p, PLAN_TMPFS)->attr = 0)
LIE(a_setuid_file, first(p, PLAN_FILE)->mode = 04755)
LIE(a_foreign_owner, first(p, PLAN_DIR)->uid = 1001)
LIE(anybody, binds(p, "/srv/secret"))
LIE(state, binds(p, PATH_STATE))
LIE(all_of_the_host, binds(p, "/"))
LIE(other_sockets, binds(p, PATH_OWN))
LIE(records, binds(p, PATH_SESSIONS))
LIE(state_as_user, binds(p, PATH_STATE)->as_user = true)
LIE(a_volume, binds(p, PATH_VOLUMES "/1000/other")->use = PLAN_USE_VOLUME)
LIE(a_volume_of_bobs, binds(p, PATH_VOLUMES "/1001/data")->use = PLAN_USE_VOLUME)
LIE(limits_written,
	op_of(p, PLAN_BIND, PATH_RUN_LIMITS)->attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
LIE(recursive, op_of(p, PLAN_BIND, PATH_RUN_LIMITS)->recursive = true)
LIE(all_of_sys, op_of(p, PLAN_BIND, "/sys")->attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
LIE(a_home_of_roots, op_of(p, PLAN_BIND, "/home/alice")->as_user = false)
LIE(a_home_of_nobodys, op_of(p, PLAN_BIND, "/home/alice")->must_own = false)
LIE(another_home, op_of(p, PLAN_BIND, "/home/alice")->source = "/home/bob")
LIE(a_disk, first(p, PLAN_DEVICE)->source = "/dev/sda")
LIE(a_device_elsewhere, first(p, PLAN_DEVICE)->target = "/tmp/null")
LIE(a_sysctl, first(p, PLAN_SYSCTL)->target = "/proc/sys/kernel/core_pattern")
LIE(a_cover, {
	struct plan_op *op = first(p, PLAN_HIDE);
	op->kind = PLAN_COVER;
	op->source = "/etc/shadow";
})
LIE(proc_elsewhere, first(p, PLAN_PROC)->target = "/home/alice")
LIE(no_run, first(p, PLAN_PROC)->kind = PLAN_HIDE)
LIE(no_dev, op_of(p, PLAN_TMPFS, "/dev")->target = "/devices")

/* One that init would do, as something that root makes where the account's home is the host's. */
static void make_in_home(struct plan *p, enum plan_op_kind kind)
{
	struct plan_op *op = first(p, PLAN_HIDE);

	op->kind = kind;
	op->source = "/dev/null";
	op->target = "/home/alice/made";
	op->content = "x";
}

LIE(a_home_of_others, p->home = "/home/bob")
LIE(a_name_of_two_lines, p->hostname = "a\nb")
LIE(a_slice_of_others, {
	p->cgroup.slice_name = "x";
	p->cgroup.slice = "nsshell/x.slice";
	p->cgroup.account = "nsshell/x.slice/1000";
	p->cgroup.session = "nsshell/x.slice/1000/k3v9x0ab12cd";
	p->cgroup.supervise = "nsshell/x.slice/1000/supervise";
})
LIE(a_file_of_no_limit, p->cgroup.settings[0].name = "memory.reclaim")
LIE(processes_of_others, {
	p->cgroup.settings[0].controller = "cgroup";
	p->cgroup.settings[0].name = "cgroup.procs";
})
LIE(a_controller_less, p->cgroup.controllers[0] = "memory -pids")
LIE(changes_on_disk, p->upper = UPPER_DISK)
LIE(more_changes, p->upper_size = 1)
LIE(more_sessions, p->sessions_max = 9999)
LIE(for_good, p->linger_usec = UINT64_MAX)
LIE(another_network, p->network.text = "private 100.64.0.9")
LIE(a_resolver, p->network.resolver = "127.0.0.9")
LIE(a_live_root, {
	p->overlays[0].live = true;
	p->overlays[0].readonly = false;
	p->overlays[0].attr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
})
LIE(a_home_below, {
	static struct plan_overlay two[2];

	two[0] = two[1] = p->overlays[0];
	two[1].target = two[1].lower = "/home/bob/docs";
	p->overlays = two;
	p->n_overlays = 2;
})
LIE(a_file_on_the_host, make_in_home(p, PLAN_FILE))
LIE(a_directory_on_the_host, make_in_home(p, PLAN_DIR))
LIE(a_link_on_the_host, make_in_home(p, PLAN_SYMLINK))
LIE(etc_as_user, binds(p, "/etc")->as_user = true)
LIE(etc_at_its_place, {
	struct plan_op *op = binds(p, "/etc");
	op->target = "/etc";
	op->as_user = true;
	op->attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
})
LIE(a_mount_at_its_place, {
	struct plan_op *op = binds(p, "/data");
	op->target = "/data";
	op->use = PLAN_USE_BIND;
	op->as_user = true;
})
LIE(read_only_written,
	op_of(p, PLAN_BIND, "/srv/data")->attr &= ~(uint64_t)MOUNT_ATTR_RDONLY)
LIE(a_bind_by_root, op_of(p, PLAN_BIND, "/srv/data")->as_user = false)
LIE(usr_among_devices, {
	struct plan_op *op = binds(p, "/usr");
	op->target = "/dev/usr";
	op->attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
})

LIE(no_filter, p->filter.n_rules = 0)
LIE(a_rule_less, p->filter.n_rules--)
LIE(a_rule_of_another_call, p->filter.rules[0].call.name = "getpid")
LIE(a_rule_that_lets_pass, p->filter.rules[0].call.error = 0)
LIE(a_rule_of_an_argument, p->filter.rules[0].call.test = FILTER_EQUAL)
LIE(keys, p->keys_usable = true)
LIE(no_limits, p->cgroup.n_settings = 0)
LIE(no_groups_at_all, p->cgroup = (struct plan_cgroup){ .account = "",
			      .session = "",
			      .supervise = "",
			      .manager = "",
			      .slice = "",
			      .slice_name = "",
			      .scope = "" })
LIE(a_higher_limit, p->cgroup.settings[0].value = "1073745920")
LIE(no_number, p->cgroup.settings[0].value = "")

#define ROW(lie, says)                                                                   \
	{                                                                                \
#lie, lie, says                                                          \
	}
static const struct {
	const char *name;
	void (*lie)(struct plan *p);
	const char *says;
} lies[] = {
	ROW(another_id, "the login"),
	ROW(another_service, "the login"),
	ROW(another_user, "the account"),
	ROW(another_uid, "the account"),
	ROW(root_uid, "the account"),
	ROW(another_gid, "the account"),
	ROW(another_image, "the image"),
	ROW(another_terminal, "the terminal"),
	ROW(another_runtime, "the home or the names"),
	ROW(a_home_with_dots, "the home or the names"),
	ROW(a_ticket, "the ticket"),
	ROW(a_foreign_group, "the groups"),
	ROW(roots_group, "the groups"),
	ROW(no_groups, "the groups"),
	ROW(roots_uid_mapped, "the id maps"),
	ROW(a_longer_map, "the id maps"),
	ROW(one_extent_less, "the id maps"),
	ROW(gids_of_others, "the id maps"),
	ROW(no_user_namespace, "the namespaces"),
	ROW(no_mount_namespace, "the namespaces"),
	ROW(no_pid_namespace, "the namespaces"),
	ROW(another_flag, "the namespaces"),
	ROW(a_network_of_none, "the network namespace"),
	ROW(new_privs, "no_new_privs"),
	ROW(admin, "the capabilities"),
	ROW(init_admin, "the capabilities"),
	ROW(another_group, "the control groups"),
	ROW(the_root_group, "the control groups"),
	ROW(out_of_ours, "the control groups"),
	ROW(another_supervise, "the control groups"),
	ROW(another_manager, "the control groups"),
	ROW(a_slice, "the control groups"),
	ROW(systemd, "who makes the control groups"),
	ROW(a_file_elsewhere, "the limits"),
	ROW(a_controller_elsewhere, "the controllers"),
	ROW(two_lines, "the limits"),
	ROW(a_network, "the kind of network"),
	ROW(an_address, "an address"),
	ROW(guests, "who shares the network"),
	ROW(a_manager, "the user manager"),
	ROW(no_overlay, "the rootfs"),
	ROW(another_lower, "a lower of the rootfs"),
	ROW(overlay_suid, "attributes of the rootfs"),
	ROW(overlay_dev, "attributes of the rootfs"),
	ROW(overlay_idmap, "attributes of the rootfs"),
	ROW(image_layers, "a lower of the rootfs"),
	ROW(a_layer_elsewhere, "a path of the init layer"),
	ROW(a_layer_with_dots, "a path of the init layer"),
	ROW(a_setuid_layer, "an entry of the init layer"),
	ROW(a_link_to_nothing, "an entry of the init layer"),
	ROW(a_target_with_dots, "where something is put"),
	ROW(a_relative_target, "where something is put"),
	ROW(the_root, "where something is put"),
	ROW(no_source, "an operation without a source"),
	ROW(bind_suid, "attributes of a mount"),
	ROW(bind_dev, "a bind with devices"),
	ROW(tmpfs_suid, "attributes of a mount"),
	ROW(a_setuid_file, "an owner or a mode"),
	ROW(a_foreign_owner, "an owner or a mode"),
	ROW(anybody, "a bind of what nobody asked for"),
	ROW(state, "nsshell's own state"),
	ROW(all_of_the_host, "nsshell's own state"),
	ROW(other_sockets, "nsshell's own state"),
	ROW(records, "nsshell's own state"),
	ROW(state_as_user, "nsshell's own state"),
	ROW(a_volume, "a volume"),
	ROW(a_volume_of_bobs, "a volume"),
	ROW(limits_written, "nsshell's own state"),
	ROW(recursive, "a bind that brings more along"),
	ROW(all_of_sys, "a bind that may be written"),
	ROW(a_home_of_roots, "the home"),
	ROW(a_home_of_nobodys, "the home"),
	ROW(another_home, "the home"),
	ROW(a_disk, "a device"),
	ROW(a_device_elsewhere, "a device"),
	ROW(a_sysctl, "a sysctl"),
	ROW(a_cover, "a cover"),
	ROW(proc_elsewhere, "a file system of the kernel's"),
	ROW(no_run, "what every box has of its own"),
	ROW(no_dev, "attributes of a mount"),
	ROW(a_home_of_others, "the home or the names"),
	ROW(a_name_of_two_lines, "the home or the names"),
	ROW(a_slice_of_others, "the control groups"),
	ROW(a_file_of_no_limit, "the limits"),
	ROW(processes_of_others, "the limits"),
	ROW(a_controller_less, "the controllers"),
	ROW(changes_on_disk, "where its changes go"),
	ROW(more_changes, "where its changes go"),
	ROW(more_sessions, "how many sessions"),
	ROW(for_good, "how many sessions"),
	ROW(another_network, "what is said of the network"),
	ROW(a_resolver, "an address"),
	ROW(a_live_root, "attributes of the rootfs"),
	ROW(a_home_below, "a lower of the rootfs"),
	ROW(a_file_on_the_host, "what would be made on the host"),
	ROW(a_directory_on_the_host, "what would be made on the host"),
	ROW(a_link_on_the_host, "what would be made on the host"),
	ROW(etc_as_user, "a bind of what nobody asked for"),
	ROW(etc_at_its_place, "a bind of what nobody asked for"),
	ROW(a_mount_at_its_place, "a bind of what nobody asked for"),
	ROW(read_only_written, "a bind of what nobody asked for"),
	ROW(a_bind_by_root, "a bind with root's rights"),
	ROW(usr_among_devices, "a bind that may be written"),
	ROW(no_filter, "the system call filter"),
	ROW(a_rule_less, "the system call filter"),
	ROW(a_rule_of_another_call, "the system call filter"),
	ROW(a_rule_that_lets_pass, "the system call filter"),
	ROW(a_rule_of_an_argument, "the system call filter"),
	ROW(keys, "the system call filter"),
	ROW(no_limits, "how high the limits are"),
	ROW(no_groups_at_all, "how high the limits are"),
	ROW(a_higher_limit, "how high the limits are"),
	ROW(no_number, "how high the limits are"),
};

static void prepare(void)
{
	static char *volumes[] = { (char *)"data:/data" },
		    *read_only[] = { (char *)"-/srv/data" };

	f.login.said = "";
	f.policy.limits.memory_max.n = 1ULL << 30;
	f.policy.volumes = (struct strlist){ volumes, 1 };
	f.policy.bind_ro_paths = (struct strlist){ read_only, 1 };
	f.paths[f.host.n_paths++] = (struct plan_path){
		.path = "/srv/data", .use = PLAN_USE_BIND, .kind = PLAN_PATH_DIR
	};
	f.paths[f.host.n_paths++] = (struct plan_path){
		.path = "/home/alice", .use = PLAN_USE_HOME, .kind = PLAN_PATH_DIR
	};
	f.paths[f.host.n_paths++] = (struct plan_path){
		.path = PATH_STATE, .use = PLAN_USE_HIDE, .kind = PLAN_PATH_DIR
	};
	fixture_plan(&f);
}

static void the_truth_is_taken(void **state)
{
	(void)state;
	prepare();
	if (plan_check(f.plan, &f.in, NULL, 0, &f.e) < 0)
		fail_msg("%s", f.e.msg);
}

static void each_lie_is_refused(void **state)
{
	(void)state;
	prepare();
	for (size_t i = 0; i < COUNT(lies); i++) {
		fixture_plan(&f);
		lies[i].lie(f.plan);
		f.e = (struct err){ .cause = ERR_BY_CONFIG };
		if (plan_check(f.plan, &f.in, NULL, 0, &f.e) == 0)
			fail_msg("%s: taken", lies[i].name);
		if (!strstr(f.e.msg, lies[i].says))
			fail_msg("%s: \"%s\" says nothing of %s", lies[i].name, f.e.msg,
				lies[i].says);
		assert_int_equal(f.e.cause, ERR_BY_ANYONE);
	}
}

/* It would be in the box then, and root's way to all others. */
static void state_that_is_there_is_hidden(void **state)
{
	(void)state;
	prepare();
	for (size_t i = 0; i < f.plan->n_layers; i++)
		if (strcmp(f.plan->layers[i].path, PATH_STATE) == 0)
			f.plan->layers[i].path = "/elsewhere";
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), -1);
	assert_non_null(strstr(f.e.msg, "nsshell's own state"));
}

/* Hidden in the overlay below the one that shows it is not hidden. */
static void state_is_hidden_where_it_would_show(void **state)
{
	struct plan *p;

	(void)state;
	fixture_mount(&f, "/var", "ext4", false);
	prepare();
	p = f.plan;
	if (plan_check(p, &f.in, NULL, 0, &f.e) < 0)
		fail_msg("%s", f.e.msg);
	for (size_t i = 0; i < p->n_layers; i++)
		if (strcmp(p->layers[i].path, PATH_STATE) == 0)
			p->layers[i].overlay = 0;
	assert_int_equal(plan_check(p, &f.in, NULL, 0, &f.e), -1);
	assert_non_null(strstr(f.e.msg, "nsshell's own state"));
}

/* By what they say sessions find whose network to share. */
static void a_network_is_the_verdicts(void **state)
{
	static char *name = (char *)"lab";
	struct plan_network *n;

	(void)state;
	f.policy.network.kind = NETWORK_PRIVATE;
	f.policy.connections_max = 100;
	f.host.resolv = "nameserver 127.0.0.53\n";
	f.in.number = 5;
	prepare();
	n = &f.plan->network;
	if (plan_check(f.plan, &f.in, NULL, 0, &f.e) < 0)
		fail_msg("%s", f.e.msg);
	assert_string_equal(n->resolver, "127.0.0.53");
	n->resolver = "127.0.0.5";
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), -1);
	n->resolver = "127.0.0.53";
	n->text = "private:login 100.64.0.5";
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), -1);
	assert_non_null(strstr(f.e.msg, "what is said of the network"));
	f.policy.network = (struct policy_network){
		.kind = NETWORK_USER, .name = name, .uid = 1002, .of = NETWORK_NONE
	};
	fixture_plan(&f);
	n = &f.plan->network;
	if (plan_check(f.plan, &f.in, NULL, 0, &f.e) < 0)
		fail_msg("%s", f.e.msg);
	n->owner_text = "none:login";
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), -1);
}

/* ---- limits ------------------------------------------------------------------------------ */

static void every_limit(struct policy_limits *l)
{
	static char *io[] = { (char *)"/ 1000", (char *)"/srv 900" };

	l->memory_max.n = 1ULL << 30;
	l->memory_high.permyriad = 1000;
	l->swap_max.n = 0;
	l->tasks_max.n = 100;
	l->cpu_quota = 150;
	l->cpu_weight = 50;
	l->cpus = (char *)"0-1";
	l->io_weight = 50;
	for (size_t i = 0; i < POLICY_IO_KINDS; i++)
		l->io[i] = (struct strlist){ io, 2 };
}

/* Each setting as the kernel has it where there is no limit, and each left out. */
static void is_refused_without(struct plan_cgroup_setting *v, size_t *n)
{
	const size_t all = *n;

	assert_true(all >= LIMITS);
	for (size_t i = 0; i < all; i++) {
		const struct plan_cgroup_setting was = v[i];
		const struct limit *l = limit_find(was.key, strlen(was.key));
		const char *looser = l->kind == LIMIT_QUOTA    ? "1000000000"
				     : l->kind == LIMIT_WEIGHT ? "1000"
				     : l->kind == LIMIT_CPUS   ? "0-3"
				     : l->kind == LIMIT_SPEED  ? "8:0"
							       : "max";

		v[i].value = looser;
		if (plan_check(f.plan, &f.in, NULL, 0, &f.e) == 0)
			fail_msg("%s: %s is taken for %s", was.name, looser, was.value);
		assert_non_null(strstr(f.e.msg, "how high the limits are"));
		v[i] = was;
	}
	for (const struct limit *l = limits; l < limits + LIMITS; l++) {
		struct plan_cgroup_setting kept[64];

		memcpy(kept, v, all * sizeof(*v));
		*n = 0;
		for (size_t i = 0; i < all; i++)
			if (strcmp(kept[i].key, l->key) != 0)
				v[(*n)++] = kept[i];
		assert_true(*n < all);
		if (plan_check(f.plan, &f.in, NULL, 0, &f.e) == 0)
			fail_msg("without %s= it is taken", l->key);
		memcpy(v, kept, all * sizeof(*v));
		*n = all;
	}
}

static void is_refused(struct plan_cgroup_setting *s, const char *value)
{
	const char *was = s->value;

	s->value = value;
	if (plan_check(f.plan, &f.in, NULL, 0, &f.e) == 0)
		fail_msg("%s: %s is taken for %s", s->name, value, was);
	s->value = was;
}

/* A tenth of 8 GiB is 819.2 MiB; and what is written for a disk is at most 1000 there. */
static void a_part_is_no_more(struct plan_cgroup_setting *v, size_t n)
{
	size_t parts = 0;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(v[i].key, "MemoryHigh") == 0 &&
			strcmp(v[i].value, "858992640") == 0 && ++parts)
			is_refused(&v[i], "858996736");
		if (strcmp(v[i].value, "8:0 1000") == 0 && ++parts)
			is_refused(&v[i], "8:0 1001");
		if (strcmp(v[i].value, "8:0 rbps=1000") == 0 && ++parts)
			is_refused(&v[i], "8:0 rbps=1001");
	}
	assert_true(parts >= 2);
}

static void every_limit_is_the_configs(void **state)
{
	static const struct plan_block blocks[] = { { .path = "/", .device = "8:0" },
		{ .path = "/srv", .device = "8:16" } };

	(void)state;
	prepare();
	f.controller_names[2] = (char *)"blkio";
	for (int kind = PLAN_CGROUP_V1; kind <= PLAN_CGROUP_V2; kind++) {
		f.host.cgroup = (enum plan_cgroup_kind)kind;
		f.host.memory = 8ULL << 30;
		f.host.cpus = "0-7";
		f.host.blocks = (struct plan_block *)(uintptr_t)blocks;
		f.host.n_blocks = COUNT(blocks);
		f.policy.slice = (char *)"lab";
		every_limit(&f.policy.limits);
		every_limit(&f.policy.slice_limits);
		if (kind == PLAN_CGROUP_V2)
			f.controller_names[2] = (char *)"io";
		fixture_plan(&f);
		if (plan_check(f.plan, &f.in, NULL, 0, &f.e) < 0)
			fail_msg("%s", f.e.msg);
		a_part_is_no_more(f.plan->cgroup.settings, f.plan->cgroup.n_settings);
		is_refused_without(f.plan->cgroup.settings, &f.plan->cgroup.n_settings);
		is_refused_without(
			f.plan->cgroup.slice_settings, &f.plan->cgroup.n_slice_settings);
	}
}

/* A host without a pids controller has logins all the same, by the preset. */
static void a_preset_needs_no_controller(void **state)
{
	(void)state;
	prepare();
	f.policy.limits.tasks_max =
		(struct policy_amount){ .permyriad = 3300, .preset = true };
	f.host.tasks = 1000;
	fixture_plan(&f);
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), 0);
	f.controllers.n = 4;
	fixture_plan(&f);
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), 0);
	f.policy.limits.tasks_max.preset = false;
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), -1);
}

/* Whatever SystemCallFilter= and RestrictAddressFamilies= say, it is made once more. */
static void a_filter_of_many_words_is_the_configs(void **state)
{
	(void)state;
	prepare();
	f.policy.filter = LIST((char *)"default", (char *)"~uname", (char *)"@io_uring",
		(char *)"keyctl");
	f.policy.families = LIST((char *)"default", (char *)"AF_VSOCK");
	fixture_plan(&f);
	if (plan_check(f.plan, &f.in, NULL, 0, &f.e) < 0)
		fail_msg("%s", f.e.msg);
	f.policy.families.n = 1;
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), -1);
	f.policy.families.n = 2;
	f.policy.filter.n = 3;
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), -1);
	f.policy.filter.n = 4;
	f.policy.allow_user_namespaces = true;
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), -1);
}

/* What runs on the host is what the verdict had, form by form. */
static void a_host_command_is_the_configs(void **state)
{
	static const char *forms[] = { "-l" }, *more[] = { "<text>..." };
	static struct command entry = { .name = "at",
		.program = "/usr/bin/at",
		.service = "",
		.forms = forms,
		.n_forms = 1 };
	struct command *c;

	(void)state;
	fixture_path(&f, "/usr/bin/at", PLAN_PATH_FILE);
	fixture_path(&f, PATH_COMMAND, PLAN_PATH_FILE);
	f.policy.commands = (struct command_list){ .v = &entry, .n = 1 };
	prepare();
	if (plan_check(f.plan, &f.in, NULL, 0, &f.e) < 0)
		fail_msg("%s", f.e.msg);
	c = &f.plan->commands[0];
	assert_null(c->why);
	c->forms = more;
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), -1);
	assert_non_null(strstr(f.e.msg, "the host commands"));
	c->forms = forms;
	c->real = "/home/alice/at";
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), -1);
	c->real = "/usr/bin/at";
	c->service = "atd";
	assert_int_equal(plan_check(f.plan, &f.in, NULL, 0, &f.e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(the_truth_is_taken),
		STORY(each_lie_is_refused),
		STORY(state_that_is_there_is_hidden),
		STORY(state_is_hidden_where_it_would_show),
		STORY(every_limit_is_the_configs),
		STORY(a_preset_needs_no_controller),
		STORY(a_filter_of_many_words_is_the_configs),
		STORY(a_network_is_the_verdicts),
		STORY(a_host_command_is_the_configs),
	};

	return cmocka_run_group_tests_name("plan_check", tests, NULL, NULL);
}
