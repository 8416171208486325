/* SPDX-License-Identifier: BSD-3-Clause */
/* What parts of a plan are called, in words and as JSON. */
#include "core/base/compat.h"
#include "core/plan/plan.h"

#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>

const char *const plan_op_names[] = {
	[PLAN_TMPFS] = "tmpfs",
	[PLAN_BIND] = "bind",
	[PLAN_DEVICE] = "device",
	[PLAN_TERMINAL] = "terminal",
	[PLAN_DIR] = "dir",
	[PLAN_FILE] = "file",
	[PLAN_SYMLINK] = "symlink",
	[PLAN_MASK] = "mask",
	[PLAN_SEAL] = "seal",
	[PLAN_PROC] = "proc",
	[PLAN_SYSCTL] = "sysctl",
	[PLAN_DEVPTS] = "devpts",
	[PLAN_MQUEUE] = "mqueue",
	[PLAN_CGROUP2] = "cgroup2",
	[PLAN_CGROUP1] = "cgroup",
	[PLAN_READONLY] = "readonly",
	[PLAN_HIDE] = "hide",
	[PLAN_COVER] = "cover",
};

const char *const plan_on_change_names[] = {
	[ON_CHANGE_KEEP] = "keep",
	[ON_CHANGE_RESET] = "reset",
	[ON_CHANGE_REFUSE] = "refuse",
};

const char *const plan_layer_names[] = {
	[PLAN_LAYER_WHITEOUT] = "whiteout",
	[PLAN_LAYER_SYMLINK] = "symlink",
	[PLAN_LAYER_DIR] = "dir",
	[PLAN_LAYER_FILE] = "file",
	[PLAN_LAYER_LINES] = "lines",
	[PLAN_LAYER_SHELL] = "shell",
	[PLAN_LAYER_COMMAND] = "command",
};

#define BIND      (1U << PLAN_BIND)
#define FLAG(...) offsetof(struct plan_op, __VA_ARGS__)

const struct plan_op_flag plan_op_flags[] = {
	{ "recursive", " recursive", FLAG(recursive), BIND },
	{ "follow", " follows-host", FLAG(follow), BIND },
	{ "as_user", " as-user", FLAG(as_user), BIND },
	{ "must_own", " must-own", FLAG(must_own), BIND },
	{ "optional", " if-there", FLAG(optional), ~0U },
	{ "own_file", " own-file", FLAG(own_file), BIND },
	{ "own_ids", " own-ids", FLAG(idmap), BIND },
	{ "account", " account's", FLAG(shared), BIND },
	{ "renew", " renewed", FLAG(renew), BIND | 1U << PLAN_MASK | 1U << PLAN_COVER },
	{ 0 },
};

const struct plan_bit plan_namespaces[] = {
	{ CLONE_NEWUSER, "user", "user" },
	{ CLONE_NEWNS, "mnt", "mnt" },
	{ CLONE_NEWPID, "pid", "pid" },
	{ CLONE_NEWUTS, "uts", "uts" },
	{ CLONE_NEWIPC, "ipc", "ipc" },
	{ CLONE_NEWCGROUP, "cgroup", "cgroup" },
	{ CLONE_NEWNET, "net", "net" },
	{ 0 },
};

const struct plan_bit plan_attrs[] = {
	{ MOUNT_ATTR_RDONLY, "rdonly", "ro" },
	{ MOUNT_ATTR_NOSUID, "nosuid", "nosuid" },
	{ MOUNT_ATTR_NODEV, "nodev", "nodev" },
	{ MOUNT_ATTR_NOEXEC, "noexec", "noexec" },
	{ MOUNT_ATTR_NOATIME, "noatime", "noatime" },
	{ MOUNT_ATTR_STRICTATIME, "strictatime", "strictatime" },
	{ MOUNT_ATTR_NODIRATIME, "nodiratime", "nodiratime" },
	{ MOUNT_ATTR_IDMAP, "idmap", "idmap" },
	{ MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow", "nosymfollow" },
	{ 0 },
};
