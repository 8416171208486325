/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/plan/plan_wire.h"

/* ---- rootfs and mounts -------------------------------------------------------------- */

#define WIRE_OF struct plan_overlay
static const struct wire_field overlay_fields[] = {
	WIRE_FIELD(TEXT, target),
	WIRE_FIELD(BOOL, live),
	WIRE_FIELD(TEXT, lower),
	WIRE_FIELD(TEXTS, layers, WIRE_COUNT(n_layers)),
	WIRE_FIELD(MAYBE, source),
	WIRE_FIELD(BOOL, idmap),
	WIRE_FIELD(BOOL, readonly),
	WIRE_FIELD(NUMBER, attr),
};
#undef WIRE_OF
static const struct wire_record overlay = WIRE_TABLE(struct plan_overlay, overlay_fields);

#define WIRE_OF struct plan_layer
static const struct wire_field layer_fields[] = {
	WIRE_FIELD(NUMBER, overlay),
	WIRE_FIELD(NUMBER, kind, .max = PLAN_LAYER_COMMAND),
	WIRE_FIELD(TEXT, path),
	WIRE_FIELD(MAYBE, target),
	WIRE_FIELD(MAYBE, content),
	WIRE_FIELD(NUMBER, mode),
	WIRE_FIELD(BOOL, if_missing),
};
#undef WIRE_OF
static const struct wire_record layer = WIRE_TABLE(struct plan_layer, layer_fields);

#define WIRE_OF struct plan_op
static const struct wire_field op_fields[] = {
	WIRE_FIELD(NUMBER, kind, .max = PLAN_COVER),
	WIRE_FIELD(MAYBE, source),
	WIRE_FIELD(TEXT, target),
	WIRE_FIELD(MAYBE, content),
	WIRE_FIELD(NUMBER, attr),
	WIRE_FIELD(NUMBER, size),
	WIRE_FIELD(NUMBER, inodes),
	WIRE_FIELD(NUMBER, mode),
	WIRE_FIELD(NUMBER, uid),
	WIRE_FIELD(NUMBER, gid),
	WIRE_FIELD(BOOL, recursive),
	WIRE_FIELD(NUMBER, use, .max = PLAN_USE_VOLUME),
	WIRE_FIELD(BOOL, follow),
	WIRE_FIELD(BOOL, as_user),
	WIRE_FIELD(BOOL, must_own),
	WIRE_FIELD(BOOL, optional),
	WIRE_FIELD(BOOL, own_file),
	WIRE_FIELD(BOOL, shared),
	WIRE_FIELD(BOOL, idmap),
	WIRE_FIELD(BOOL, renew),
};
#undef WIRE_OF
static const struct wire_record op = WIRE_TABLE(struct plan_op, op_fields);

/* ---- control groups ----------------------------------------------------------------- */

#define WIRE_OF struct plan_cgroup_setting
static const struct wire_field setting_fields[] = {
	WIRE_FIELD(TEXT, controller),
	WIRE_FIELD(TEXT, name),
	WIRE_FIELD(TEXT, value),
	WIRE_FIELD(TEXT, key),
};
#undef WIRE_OF
static const struct wire_record setting =
	WIRE_TABLE(struct plan_cgroup_setting, setting_fields);

#define WIRE_OF struct plan_cgroup
static const struct wire_field cgroup_fields[] = {
	WIRE_FIELD(NUMBER, kind, .max = PLAN_CGROUP_V2),
	WIRE_FIELD(BOOL, systemd),
	WIRE_FIELD(TEXT, scope),
	WIRE_FIELD(TEXT, scope_title),
	WIRE_FIELD(TEXT, slice_name),
	WIRE_FIELD(TEXT, slice),
	WIRE_FIELD(TEXT, account),
	WIRE_FIELD(TEXT, session),
	WIRE_FIELD(TEXT, supervise),
	WIRE_FIELD(TEXT, manager),
	WIRE_FIELD(NUMBER, manager_uid),
	WIRE_FIELD(NUMBER, manager_gid),
	WIRE_FIELD(TEXTS, controllers, WIRE_COUNT(n_controllers)),
	WIRE_FIELD(RECORDS, settings, WIRE_COUNT(n_settings), .of = &setting),
	WIRE_FIELD(RECORDS, slice_settings, WIRE_COUNT(n_slice_settings), .of = &setting),
	WIRE_FIELD(RECORDS, session_settings, WIRE_COUNT(n_session_settings),
		.of = &setting),
	WIRE_FIELD(RECORDS, lifted, WIRE_COUNT(n_lifted), .of = &setting),
	WIRE_FIELD(RECORDS, slice_lifted, WIRE_COUNT(n_slice_lifted), .of = &setting),
	WIRE_FIELD(TEXT, limits_text),
	WIRE_FIELD(TEXT, own_text),
};
#undef WIRE_OF
static const struct wire_record cgroup = WIRE_TABLE(struct plan_cgroup, cgroup_fields);

/* ---- ids, filter, network, commands ------------------------------------------------- */

#define WIRE_OF struct idmap_extent
static const struct wire_field extent_fields[] = {
	WIRE_FIELD(NUMBER, inside),
	WIRE_FIELD(NUMBER, outside),
	WIRE_FIELD(NUMBER, count),
};
#undef WIRE_OF
static const struct wire_record extent = WIRE_TABLE(struct idmap_extent, extent_fields);

#define WIRE_OF struct idmap
static const struct wire_field idmap_fields[] = {
	WIRE_FIELD(
		ARRAY, extents, WIRE_COUNT(n), .max = IDMAP_EXTENTS_MAX, .of = &extent),
	WIRE_FIELD(NUMBER, left_out),
};
#undef WIRE_OF
static const struct wire_record map = WIRE_TABLE(struct idmap, idmap_fields);

#define WIRE_OF struct filter_call
static const struct wire_field call_fields[] = {
	WIRE_FIELD(TEXT, name),
	WIRE_FIELD(NUMBER, error, .max = 4095),
	WIRE_FIELD(NUMBER, test, .max = FILTER_ABOVE),
	WIRE_FIELD(NUMBER, arg, .max = 5),
	WIRE_FIELD(NUMBER, value),
};
#undef WIRE_OF
static const struct wire_record call = WIRE_TABLE(struct filter_call, call_fields);

#define WIRE_OF struct plan_filter_rule
static const struct wire_field rule_fields[] = {
	WIRE_FIELD(RECORD, call, .of = &call),
	WIRE_FIELD(TEXT, group),
	WIRE_FIELD(BOOL, on),
};
#undef WIRE_OF
static const struct wire_record rule = WIRE_TABLE(struct plan_filter_rule, rule_fields);

#define WIRE_OF struct plan_filter
static const struct wire_field filter_fields[] = {
	WIRE_FIELD(RECORDS, rules, WIRE_COUNT(n_rules), .of = &rule),
};
#undef WIRE_OF
static const struct wire_record filter = WIRE_TABLE(struct plan_filter, filter_fields);

#define WIRE_OF struct plan_network
static const struct wire_field network_fields[] = {
	WIRE_FIELD(NUMBER, kind, .max = NETWORK_USER),
	WIRE_FIELD(TEXT, name),
	WIRE_FIELD(TEXT, text),
	WIRE_FIELD(BOOL, share),
	WIRE_FIELD(NUMBER, owner),
	WIRE_FIELD(TEXT, owner_text),
	WIRE_FIELD(NUMBERS, guests, WIRE_COUNT(n_guests)),
	WIRE_FIELD(TEXT, guest_text),
	WIRE_FIELD(NUMBER, number),
	WIRE_FIELD(NUMBER, connections),
	WIRE_FIELD(TEXT, pool4),
	WIRE_FIELD(TEXT, pool6),
	WIRE_FIELD(TEXT, link),
	WIRE_FIELD(TEXT, address4),
	WIRE_FIELD(TEXT, address6),
	WIRE_FIELD(TEXT, resolver),
	WIRE_FIELD(TEXT, resolv),
	WIRE_FIELD(TEXT, rules),
	WIRE_FIELD(TEXT, table),
};
#undef WIRE_OF
static const struct wire_record network = WIRE_TABLE(struct plan_network, network_fields);

#define WIRE_OF struct command
static const struct wire_field command_fields[] = {
	WIRE_FIELD(TEXT, name),
	WIRE_FIELD(MAYBE, program),
	WIRE_FIELD(TEXT, service),
	WIRE_FIELD(MAYBE, daemon),
	WIRE_FIELD(TEXTS, forms, WIRE_COUNT(n_forms)),
	WIRE_FIELD(TEXTS, env, WIRE_COUNT(n_env)),
	WIRE_FIELD(NUMBER, terminal, .max = COMMAND_TERMINAL_NO),
	WIRE_FIELD(BOOL, home),
	WIRE_FIELD(BOOL, sends),
	WIRE_FIELD(NUMBER, time_usec),
	WIRE_FIELD(NUMBER, input_max),
	WIRE_FIELD(NUMBER, output_max),
	WIRE_FIELD(MAYBE, real),
	WIRE_FIELD(MAYBE, why),
	WIRE_FIELD(BOOL, absent),
};
#undef WIRE_OF
const struct wire_record plan_wire_command = WIRE_TABLE(struct command, command_fields);

/* ---- the whole ---------------------------------------------------------------------- */

#define WIRE_OF struct plan
static const struct wire_field fields[] = {
	WIRE_FIELD(STAYS, arena),
	WIRE_FIELD(TEXT, id),
	WIRE_FIELD(TEXT, service),
	WIRE_FIELD(TEXT, rhost),
	WIRE_FIELD(TEXT, tty),
	WIRE_FIELD(TEXT, user),
	WIRE_FIELD(TEXT, home),
	WIRE_FIELD(TEXT, shell),
	WIRE_FIELD(TEXT, door_shell),
	WIRE_FIELD(NUMBER, uid),
	WIRE_FIELD(NUMBER, gid),
	WIRE_FIELD(TEXT, hostname),
	WIRE_FIELD(TEXT, runtime_dir),
	WIRE_FIELD(TEXT, ticket),
	WIRE_FIELD(RECORD, uids, .of = &map),
	WIRE_FIELD(RECORD, gids, .of = &map),
	WIRE_FIELD(NUMBERS, groups, WIRE_COUNT(n_groups)),
	WIRE_FIELD(TEXT, image),
	WIRE_FIELD(TEXT, said),
	WIRE_FIELD(TEXTS, environment, WIRE_COUNT(n_environment)),
	WIRE_FIELD(TEXTS, environment_left, WIRE_COUNT(n_environment_left)),
	WIRE_FIELD(NUMBER, namespaces),
	WIRE_FIELD(RECORD, network, .of = &network),
	WIRE_FIELD(RECORDS, overlays, WIRE_COUNT(n_overlays), .of = &overlay),
	WIRE_FIELD(RECORDS, layers, WIRE_COUNT(n_layers), .of = &layer),
	WIRE_FIELD(NUMBER, upper, .max = UPPER_DISK),
	WIRE_FIELD(NUMBER, upper_size),
	WIRE_FIELD(NUMBER, on_change, .max = ON_CHANGE_REFUSE),
	WIRE_FIELD(NUMBER, upper_inodes),
	WIRE_FIELD(RECORDS, ops, WIRE_COUNT(n_ops), .of = &op),
	WIRE_FIELD(RECORD, cgroup, .of = &cgroup),
	WIRE_FIELD(RECORDS, commands, WIRE_COUNT(n_commands), .of = &plan_wire_command),
	WIRE_FIELD(TEXTS, inside, WIRE_COUNT(n_inside)),
	WIRE_FIELD(TEXTS, login_caps, WIRE_COUNT(n_login_caps)),
	WIRE_FIELD(TEXTS, init_caps, WIRE_COUNT(n_init_caps)),
	WIRE_FIELD(BOOL, no_new_privs),
	WIRE_FIELD(BOOL, scope_sockets),
	WIRE_FIELD(RECORD, filter, .of = &filter),
	WIRE_FIELD(MAYBE, families),
	WIRE_FIELD(BOOL, keys_usable),
	WIRE_FIELD(BOOL, notify_join),
	WIRE_FIELD(TEXT, user_manager),
	WIRE_FIELD(BOOL, share_account),
	WIRE_FIELD(BOOL, share_tmp),
	WIRE_FIELD(NUMBER, sessions_max),
	WIRE_FIELD(NUMBER, linger_usec),
	WIRE_FIELD(TEXTS, notes, WIRE_COUNT(n_notes)),
};
#undef WIRE_OF
const struct wire_record plan_wire = WIRE_TABLE(struct plan, fields);

const struct wire_record *const plan_wires[] = { &plan_wire, &overlay, &layer, &op,
	&setting, &cgroup, &extent, &map, &call, &rule, &filter, &network,
	&plan_wire_command, NULL };
