/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/planner/messages.h"

#include "core/base/compat.h"
#include "core/plan/plan_wire.h"

#include <errno.h>
#include <string.h>

/* ---- parts -------------------------------------------------------------------------- */

#define WIRE_OF struct account_told
static const struct wire_field account_fields[] = {
	WIRE_FIELD(TEXT, name),
	WIRE_FIELD(TEXT, home),
	WIRE_FIELD(TEXT, shell),
	WIRE_FIELD(NUMBER, uid),
	WIRE_FIELD(NUMBER, gid),
	WIRE_FIELD(NUMBERS, groups, WIRE_COUNT(n_groups)),
	WIRE_FIELD(TEXTS, names, WIRE_COUNT(n_names)),
};
#undef WIRE_OF
static const struct wire_record account = WIRE_TABLE(struct account_told, account_fields);

#define WIRE_OF struct err_told
static const struct wire_field err_fields[] = {
	WIRE_FIELD(NUMBER, num, .max = 4095),
	WIRE_FIELD(NUMBER, cause, .max = ERR_BY_IDS),
	WIRE_FIELD(TEXT, msg),
};
#undef WIRE_OF
static const struct wire_record err = WIRE_TABLE(struct err_told, err_fields);

#define WIRE_OF struct plan_path
static const struct wire_field path_fields[] = {
	WIRE_FIELD(TEXT, path),
	WIRE_FIELD(NUMBER, use, .max = PLAN_USE_TARGET),
	WIRE_FIELD(NUMBER, kind, .max = PLAN_PATH_FILE),
	WIRE_FIELD(MAYBE, real),
	WIRE_FIELD(MAYBE, refused),
	WIRE_FIELD(BOOL, by_root),
};
#undef WIRE_OF
static const struct wire_record path = WIRE_TABLE(struct plan_path, path_fields);

#define WIRE_OF struct id_range
static const struct wire_field range_fields[] = {
	WIRE_FIELD(NUMBER, start),
	WIRE_FIELD(NUMBER, count),
};
#undef WIRE_OF
static const struct wire_record range = WIRE_TABLE(struct id_range, range_fields);

#define WIRE_OF struct policy_network
static const struct wire_field network_fields[] = {
	WIRE_FIELD(NUMBER, kind, .max = NETWORK_USER),
	WIRE_FIELD(OWNED, name),
	WIRE_FIELD(NUMBER, uid),
	WIRE_FIELD(NUMBER, of, .max = NETWORK_USER),
};
#undef WIRE_OF
static const struct wire_record network =
	WIRE_TABLE(struct policy_network, network_fields);

#define WIRE_OF struct command_list
static const struct wire_field commands_fields[] = {
	WIRE_FIELD(RECORDS, v, WIRE_COUNT(n), .of = &plan_wire_command),
};
#undef WIRE_OF
static const struct wire_record commands =
	WIRE_TABLE(struct command_list, commands_fields);

#define WIRE_OF struct policy_amount
static const struct wire_field amount_fields[] = {
	WIRE_FIELD(NUMBER, n),
	WIRE_FIELD(NUMBER, permyriad, .max = 10000),
	WIRE_FIELD(BOOL, preset),
};
#undef WIRE_OF
static const struct wire_record amount = WIRE_TABLE(struct policy_amount, amount_fields);

#define WIRE_OF struct policy_limits
static const struct wire_field limits_fields[] = {
	WIRE_FIELD(RECORD, memory_max, .of = &amount),
	WIRE_FIELD(RECORD, memory_high, .of = &amount),
	WIRE_FIELD(RECORD, swap_max, .of = &amount),
	WIRE_FIELD(RECORD, tasks_max, .of = &amount),
	WIRE_FIELD(NUMBER, cpu_quota),
	WIRE_FIELD(NUMBER, cpu_weight),
	WIRE_FIELD(OWNED, cpus),
	WIRE_FIELD(NUMBER, io_weight),
	WIRE_FIELD(LIST, io[POLICY_IO_READ_BANDWIDTH]),
	WIRE_FIELD(LIST, io[POLICY_IO_WRITE_BANDWIDTH]),
	WIRE_FIELD(LIST, io[POLICY_IO_READ_IOPS]),
	WIRE_FIELD(LIST, io[POLICY_IO_WRITE_IOPS]),
};
#undef WIRE_OF
static const struct wire_record limits = WIRE_TABLE(struct policy_limits, limits_fields);

/* Of a policy, what the helper looks for, and holds the plan against. */
#define WIRE_OF struct policy
static const struct wire_field policy_fields[] = {
	WIRE_FIELD(LIST, services),
	WIRE_FIELD(BOOL, root),
	WIRE_FIELD(BOOL, allow_user_namespaces),
	WIRE_FIELD(LIST, filter),
	WIRE_FIELD(LIST, families),
	WIRE_FIELD(RECORD, limits, .of = &limits),
	WIRE_FIELD(RECORD, slice_limits, .of = &limits),
	WIRE_FIELD(OWNED, image),
	WIRE_FIELD(LIST, rootfs_allow),
	WIRE_FIELD(LIST, bind_paths),
	WIRE_FIELD(LIST, bind_ro_paths),
	WIRE_FIELD(LIST, volumes),
	WIRE_FIELD(BOOL, host_mounts),
	WIRE_FIELD(NUMBER, upper, .max = UPPER_DISK),
	WIRE_FIELD(NUMBER, on_change, .max = ON_CHANGE_REFUSE),
	WIRE_FIELD(NUMBER, upper_size),
	WIRE_FIELD(BOOL, upper_sized),
	WIRE_FIELD(OWNED, slice),
	WIRE_FIELD(NUMBER, sessions_max),
	WIRE_FIELD(NUMBER, linger_usec),
	WIRE_FIELD(LIST, inaccessible_paths),
	WIRE_FIELD(LIST, devices),
	WIRE_FIELD(LIST, sockets),
	WIRE_FIELD(RECORD, commands, .of = &commands),
	WIRE_FIELD(RECORD, network, .of = &network),
	WIRE_FIELD(NUMBER, network_share, .max = NETWORK_OF_LOGIN),
	WIRE_FIELD(OWNED, pool),
	WIRE_FIELD(NUMBER, connections_max),
	WIRE_FIELD(LIST, ip_allow),
	WIRE_FIELD(LIST, ip_deny),
	WIRE_FIELD(LIST, restrict_ports),
	WIRE_FIELD(LIST, publish),
	WIRE_FIELD(NUMBER, groups, .max = GROUPS_NONE),
};
#undef WIRE_OF
static const struct wire_record policy = WIRE_TABLE(struct policy, policy_fields);

/* ---- messages ----------------------------------------------------------------------- */

#define WIRE_OF struct ask
static const struct wire_field ask_fields[] = {
	WIRE_FIELD(MAYBE, config),
	WIRE_FIELD(TEXT, service),
	WIRE_FIELD(BOOL, listed),
	WIRE_FIELD(BOOL, gate),
	WIRE_FIELD(NUMBER, people_min),
	WIRE_FIELD(NUMBER, people_max),
	WIRE_FIELD(RECORD, account, .of = &account),
	WIRE_FIELD(TEXTS, overrides, WIRE_COUNT(n_overrides)),
};
#undef WIRE_OF
static const struct wire_record ask = WIRE_TABLE(struct ask, ask_fields);

#define WIRE_OF struct name_told
static const struct wire_field name_fields[] = {
	WIRE_FIELD(TEXT, name),
	WIRE_FIELD(BOOL, flag),
};
#undef WIRE_OF
static const struct wire_record name = WIRE_TABLE(struct name_told, name_fields);

#define WIRE_OF struct look_told
static const struct wire_field look_fields[] = {
	WIRE_FIELD(NUMBER, num, .max = 4095),
	WIRE_FIELD(NUMBER, mode),
	WIRE_FIELD(NUMBER, dev),
	WIRE_FIELD(NUMBER, rdev),
};
#undef WIRE_OF
static const struct wire_record look = WIRE_TABLE(struct look_told, look_fields);

#define WIRE_OF struct account_found
static const struct wire_field found_fields[] = {
	WIRE_FIELD(NUMBER, none, .max = 1),
	WIRE_FIELD(RECORD, e, .of = &err),
	WIRE_FIELD(RECORD, account, .of = &account),
};
#undef WIRE_OF
static const struct wire_record found = WIRE_TABLE(struct account_found, found_fields);

#define WIRE_OF struct verdict
static const struct wire_field verdict_fields[] = {
	WIRE_FIELD(NUMBER, kind, .max = VERDICT_OPEN),
	WIRE_FIELD(BOOL, allow),
	WIRE_FIELD(BOOL, passed),
	WIRE_FIELD(TEXT, shell),
	WIRE_FIELD(RECORD, e, .of = &err),
	WIRE_FIELD(RECORD, policy, .of = &policy),
	WIRE_FIELD(NUMBERS, guests, WIRE_COUNT(n_guests)),
};
#undef WIRE_OF
static const struct wire_record verdict = WIRE_TABLE(struct verdict, verdict_fields);

#define WIRE_OF struct matters
static const struct wire_field matters_fields[] = {
	WIRE_FIELD(TEXT, home),
	WIRE_FIELD(TEXT, shell),
	WIRE_FIELD(TEXT, id),
	WIRE_FIELD(TEXT, rhost),
	WIRE_FIELD(TEXT, tty),
	WIRE_FIELD(TEXT, tmpdir),
	WIRE_FIELD(TEXT, ticket),
	WIRE_FIELD(TEXT, said),
	WIRE_FIELD(MAYBE, image),
	WIRE_FIELD(RECORDS, paths, WIRE_COUNT(n_paths), .of = &path),
	WIRE_FIELD(MAYBE, image_text),
	WIRE_FIELD(MAYBE, image_lower),
	WIRE_FIELD(TEXTS, image_layers, WIRE_COUNT(n_image_layers)),
	WIRE_FIELD(TEXTS, image_environment, WIRE_COUNT(n_image_environment)),
	WIRE_FIELD(RECORDS, uids, WIRE_COUNT(n_uids), .of = &range),
	WIRE_FIELD(RECORDS, gids, WIRE_COUNT(n_gids), .of = &range),
	WIRE_FIELD(MAYBE, group),
	WIRE_FIELD(TEXTS, before, WIRE_COUNT(n_before)),
	WIRE_FIELD(NUMBER, number),
};
#undef WIRE_OF
static const struct wire_record matters = WIRE_TABLE(struct matters, matters_fields);

const struct wire_record *const message_wires[MESSAGES] = {
	[MESSAGE_ASK] = &ask,
	[MESSAGE_OPEN] = &name,
	[MESSAGE_OPENED] = &look,
	[MESSAGE_ACCOUNT] = &name,
	[MESSAGE_ACCOUNTED] = &found,
	[MESSAGE_VERDICT] = &verdict,
	[MESSAGE_MATTERS] = &matters,
	[MESSAGE_LOOK] = &name,
	[MESSAGE_LOOKED] = &look,
	[MESSAGE_LXCFS] = &name,
	[MESSAGE_ANSWERS] = &look,
	[MESSAGE_PLAN] = &plan_wire,
	[MESSAGE_FAILED] = &err,
};

/* ---- what isn't told as it is ---------------------------------------------------------- */

static const char *text(const char *s)
{
	return s ? s : "";
}

int account_tell(const struct account *from, struct arena *a, struct account_told *ret)
{
	const char **names = arena_alloc(a, (from->n_groups + 1) * sizeof(*names));

	if (!names)
		return -1;
	for (size_t i = 0; i < from->n_groups; i++)
		names[i] = text(from->group_names ? from->group_names[i] : NULL);
	*ret = (struct account_told){
		.name = text(from->name),
		.home = text(from->home),
		.shell = text(from->shell),
		.uid = from->uid,
		.gid = from->gid,
		.groups = from->groups,
		.n_groups = from->n_groups,
		.names = names,
		.n_names = from->n_groups,
	};
	return 0;
}

int account_hear(const struct account_told *from, struct arena *a, struct account *ret)
{
	char **names = arena_alloc(a, (from->n_groups + 1) * sizeof(*names));

	if (!names || from->n_names != from->n_groups)
		return -1;
	for (size_t i = 0; i < from->n_groups; i++)
		names[i] = *from->names[i] ? (char *)(uintptr_t)from->names[i] : NULL;
	*ret = (struct account){
		.name = (char *)(uintptr_t)from->name,
		.uid = from->uid,
		.gid = from->gid,
		.home = (char *)(uintptr_t)from->home,
		.shell = (char *)(uintptr_t)from->shell,
		.groups = (gid_t *)(uintptr_t)from->groups,
		.group_names = names,
		.n_groups = from->n_groups,
	};
	return 0;
}

void err_tell(const struct err *from, struct err_told *ret)
{
	*ret = (struct err_told){ (uint32_t)from->num, from->cause, from->msg };
}

int err_hear(const struct err_told *from, struct err *ret)
{
	(void)err_set(ret, 0, "%s", from->msg);
	ret->num = (int)from->num;
	ret->cause = from->cause;
	return -1;
}
