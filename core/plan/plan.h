/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plan: every operation that opening a session will perform, as plain data. Making it is
 * pure: account + policy + login + what the host has -> const struct plan. No system call is
 * made here; core/run/ does as the plan says and decides nothing.
 */
#pragma once

#include "core/base/account.h"
#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/plan/filter.h"
#include "core/plan/idmap.h"
#include "core/plan/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define PLAN_ID_LEN       12 /* a session id: lower-case letters and digits */
#define PLAN_TTY_GID      5  /* of terminals: tty, on every distribution */
#define PLAN_HOSTNAME_MAX 64 /* HOST_NAME_MAX, uname(2) */

/* ---- what the planner is given ---------------------------------------------------------- */

struct plan_login {
	const char *id;      /* PLAN_ID_LEN characters */
	const char *service; /* PAM service */
	const char *rhost;   /* "" where it comes from nowhere */
	const char *tty; /* the terminal handed down: a path below /dev, "" for none */
	/* TMPDIR= and KRB5CCNAME= as PAM's environment has them; NULL or "": not set */
	const char *tmpdir, *ticket;
	const char *
		said; /* what the user is to be told of their choice of an image; NULL or "": nothing */
};

/* One line of the host's mount table, in the table's order. */
struct plan_host_mount {
	const char *target; /* mount point */
	const char *source; /* "/dev/vda1", "server:/export", "tmpfs" */
	const char *root;   /* the part of the file system that is mounted, "/" mostly */
	const char *fstype;
	bool readonly;
	bool file; /* a single file was mounted there, and no directory */
	dev_t dev; /* of the file system; 0: not known */
};

enum plan_path_kind {
	PLAN_PATH_ABSENT,
	PLAN_PATH_DIR,
	PLAN_PATH_FILE, /* anything that isn't a directory: file, socket, device */
};

/* What a path is for: by that it is looked at, and must be of a type. core/run/mount/resolve.h */
enum plan_use {
	PLAN_USE_ANY, /* built in */
	PLAN_USE_HIDE,
	PLAN_USE_HOME,
	PLAN_USE_BIND,
	PLAN_USE_SOCKET,
	PLAN_USE_DEVICE,
	PLAN_USE_TARGET, /* a place inside */
	PLAN_USE_VOLUME, /* of Volumes=: nothing that is looked at; core/run/mount/volumes.h */
};

/* A path that the config or a built-in list names, looked at by the caller. */
struct plan_path {
	const char *path;
	enum plan_use use;
	enum plan_path_kind kind;
	/* the same place without symlinks on the way; NULL: path is that */
	const char *real;
	const char *refused; /* why nothing is to be had there; NULL: it isn't */
	bool by_root; /* that it is absent nobody but root can have brought about */
};

enum plan_cgroup_kind {
	PLAN_CGROUP_NONE,
	PLAN_CGROUP_V1, /* v1 and hybrid */
	PLAN_CGROUP_V2,
};

/* A path that IOReadBandwidthMax= and its like name, and the disk that its files lie on. */
struct plan_block {
	const char *path;
	const char *device; /* the whole disk, "8:0"; NULL: there is none */
	const char *why;    /* there is none: "isn't there" */
};

/* What RootFS=image:NAME stands for now, as the store has it. */
struct plan_image {
	const char *text; /* "NAME:TAG@sha256:HEX" */
	const char *
		lower; /* directory of all layers; NULL: it may not be looked into, by who isn't root */
	char *const *layers; /* below that in "l", lowest first */
	size_t n_layers;
	char *const *environment; /* of its config, NAME=VALUE; nobody vouches for it */
	size_t n_environment;
};

struct plan_host {
	const char *hostname;
	const struct plan_image *image; /* with RootFS=image:NAME alone */
	const char *hosts;              /* the text of its /etc/hosts, NULL: none */
	bool hosts_too_large;           /* it has one, above 8 MiB */
	const struct plan_host_mount *mounts;
	size_t n_mounts;
	/* Every path of policy and of the built-in lists, each once, patterns expanded. */
	const struct plan_path *paths;
	size_t n_paths;
	/* With Network=private alone: it has IPv6, and passes packets on. */
	bool ipv6, forwards4, forwards6;
	bool idmapped_lower; /* overlay takes idmapped layers: Linux 5.19 */
	bool scopes; /* abstract sockets can be scoped: Linux 6.12, with Landlock */
	const char
		*user_manager; /* systemd's program, or NULL where it isn't installed */
	const char *lxcfs;     /* where lxcfs(1) is mounted and answers, or NULL */
	bool lxcfs_dead;       /* it is mounted and doesn't */
	enum plan_cgroup_kind cgroup;
	bool systemd; /* it runs this host, and is the one writer of control groups */
	/* as the kernel names them: memory, pids, cpu, ...; on v1 name=systemd and unified, too */
	const struct strlist *controllers;
	/* Limit files that groups are known not to have here: "io.weight"; NULL: none */
	const struct strlist *lacking;
	/* PAM services, of those that commands name, whose file has nsshell's line; NULL: none */
	const struct strlist *guarded;
	bool weighs_io;  /* some disk's scheduler heeds IOWeight= */
	uint64_t memory; /* bytes of RAM, 0: not known */
	uint64_t tasks;  /* processes and threads there may be at all, 0: not known */
	/* With Network=private alone: its resolv.conf(5), that of systemd-resolved's own resolvers; NULL:
	 * none */
	const char *resolv, *resolv_uplink;
	const char *cpus; /* those that are online, "0-7"; NULL: not known */
	const struct plan_block
		*blocks; /* of every path of the policy's limits, each once */
	size_t n_blocks;
};

struct plan_input {
	const struct account *account;
	const struct policy *policy;
	const struct plan_login *login;
	const struct plan_host *host;
	const struct id_range *uid_ranges;
	size_t n_uid_ranges;
	const struct id_range *gid_ranges;
	size_t n_gid_ranges;
	/* The account's group where it has sessions, "nsshell/1000"; NULL: it has none. */
	const char *account_group;
	/* The limits that these were given, as plan_cgroup.limits_text has them; NULL: none. */
	const struct strlist *limits_before;
	uint32_t number; /* of the account with Network=private; 0: not known yet */
};

/* Files that lxcfs(1) has and a box shows, ended by NULL: below its mount point as below "/". */
extern const char *const plan_lxcfs_files[];

/* Built-in lists, ended by NULL. Patterns as in glob(7); all are left out where not there. */
extern const char *const plan_system_dirs[];
extern const char *const plan_live_trees[]; /* plan_path.real tells where one is a link */
extern const char *const plan_default_inaccessible[];
extern const char *const plan_default_sockets[];
extern const char *const plan_default_devices[];
/* Of the host's, what a box over an image has, too: looked at with RootFS=image: alone. */
extern const char *const plan_image_wants[];

/* What a box asks its own sessions for, and runs nothing of outside: newgrp(1), wall(1). */
#define PLAN_INSIDE_PROGRAMS 4
extern const char *const plan_inside_programs[PLAN_INSIDE_PROGRAMS + 1];
bool plan_inside_has(const char *name);

/* Capabilities of a box with Root=yes, ended by NULL: nobody in it has others, nor gets them. */
extern const char *const plan_root_caps[];
/* What the login process keeps without that, and init. */
extern const char *const plan_login_caps[], *const plan_init_caps[];

/* Whether a program is, by its name, a shell that holds its user to nothing. */
bool plan_is_shell(const char *path);

/* Whether a box has something of its own at a path, and nothing of the host's. */
bool plan_is_own_place(const char *path);

/* ---- the plan --------------------------------------------------------------------------- */

/*
 * One overlay of the rootfs, or a tree of the host's as it is. Parents come before children. With
 * Upper=disk the account's sessions share them.
 */
struct plan_overlay {
	const char *target; /* inside: "/", "/usr", "/var" */
	const char *lower;  /* host mount point that is cloned, not recursively */
	/* Of an image: directories below the lower, highest first. None: the lower is the only one. */
	const char **layers;
	size_t n_layers;
	const char *source; /* what is mounted there: "/dev/vda1", "server:/export" */
	bool live; /* no overlay: the clone itself, in which nothing is hidden or mounted */
	bool idmap; /* the clone is idmapped by a user namespace with the plan's maps */
	bool readonly; /* no upper: Upper=none, or the lower was read-only on the host */
	/* MOUNT_ATTR_* of the merged mount, MOUNT_ATTR_RDONLY with readonly */
	uint64_t attr;
};

enum plan_layer_kind {
	PLAN_LAYER_WHITEOUT, /* hides what the lower has there */
	PLAN_LAYER_SYMLINK,
	PLAN_LAYER_DIR,  /* a mount point, or on the way to one; 0755, root's */
	PLAN_LAYER_FILE, /* the same, 0644 */
	/* over an image: its own file of lines of words between colons, with content in it */
	PLAN_LAYER_LINES,
	/* over an image: what runs target, where it has no program at path, and has one there */
	PLAN_LAYER_SHELL,
	/* over an image: a link to target, in the place of whatever that has at path */
	PLAN_LAYER_COMMAND,
};

/* One entry of the init layer, which lies between upper and lower and is never committed. */
struct plan_layer {
	size_t overlay; /* index in plan.overlays */
	enum plan_layer_kind kind;
	const char *path; /* inside, absolute */
	const char
		*target; /* of a symlink; of LINES, the text where the image has none */
	const char *content;
	uint32_t mode;   /* of LINES */
	bool if_missing; /* a symlink: only where the lower has nothing there */
};

/*
 * Mount points: what lies in a tmpfs of the plan has a DIR or FILE before it, what may be missing in
 * an overlay is in the init layer; everything else is there. DEVICE and TERMINAL make their own, an empty file.
 * HIDE, READONLY and what is `optional` are left out where the target isn't there.
 */
enum plan_op_kind {
	/* done in the staging mount namespace, owned by the host: locked inside */
	PLAN_TMPFS,  /* size, inodes, mode, uid, gid */
	PLAN_BIND,   /* source; recursive, follow, as_user, must_own, optional, renew */
	PLAN_DEVICE, /* a node like the host's source, with its mode and owner */
	/* bind the terminal that is handed down (source), which is given mode, uid, gid */
	PLAN_TERMINAL,
	PLAN_DIR,     /* mode, uid, gid; existing ones are left as they are */
	PLAN_FILE,    /* content (NULL: empty), mode, uid, gid; as with PLAN_DIR */
	PLAN_SYMLINK, /* source is what it says */
	/* cover what is the host's source with an empty directory or file that nobody may open; renew */
	PLAN_MASK,
	PLAN_SEAL, /* set attr on the mount at target, its content being complete */
	/* done by init, in the session's own namespaces */
	PLAN_PROC,
	/* write content below /proc/sys, before that is covered; optional: leave what isn't
	 * there, or isn't the box's to write */
	PLAN_SYSCTL,
	PLAN_DEVPTS, /* inodes, mode and gid of its terminals */
	PLAN_MQUEUE,
	PLAN_CGROUP2, /* the session's own cgroup; owners and modes decide who writes */
	PLAN_CGROUP1, /* the same in the hierarchy of the controller that target ends with */
	PLAN_READONLY, /* bind target onto itself, read-only */
	/* cover with an empty tmpfs if a directory, else with /dev/null (and then no nodev) */
	PLAN_HIDE,
	PLAN_COVER, /* cover a file with the host's source; optional, both of them */
};

struct plan_op {
	enum plan_op_kind kind;
	const char *source; /* host path */
	const char *target; /* path inside, absolute */
	const char *content;
	uint64_t attr;   /* MOUNT_ATTR_* of mount_setattr(2); never MS_* here */
	uint64_t size;   /* bytes, tmpfs only, 0: no limit */
	uint64_t inodes; /* of a tmpfs, 0: the kernel's default; terminals of a devpts */
	uint32_t mode;
	uint32_t uid; /* as seen inside */
	uint32_t gid;
	bool recursive;
	enum plan_use use; /* of source */
	bool follow; /* what the host mounts or unmounts below source later shows inside */
	bool as_user; /* resolve source with the account's file system ids */
	bool must_own; /* source must be a directory that the account owns, and no symlink */
	bool optional; /* leave out where source isn't there */
	/* optional, too, where it isn't a file that the account owns, or target isn't one */
	bool own_file;
	bool shared; /* a tmpfs: the one of the account's other sessions, where there are any */
	/* no id of the box's that stands for another one can be written there */
	bool idmap;
	/*
	 * a bind: what the host puts at source later, of the same type, takes its place (renew.h). Init
	 * mounts it: it isn't locked, so that it can be taken away, by nobody inside. A mask: what the
	 * host puts there later is covered, too. A cover: once the host has replaced what it lies on
	 */
	bool renew;
};

/*
 * One value to write, and to read back, in a group. A value for one of many devices begins with
 * it, "8:0 rbps=1000" (v2) or "8:0 1000" (v1); the file then has a line for each.
 */
struct plan_cgroup_setting {
	const char *controller; /* "memory" */
	const char *name;       /* "memory.max" */
	const char *value;      /* as the kernel takes and shows it */
	const char *key;        /* "MemoryMax", for messages */
};

/* Begins a value that is for every device that the file has a line for. */
#define PLAN_ANY_DISK "* "

struct plan_cgroup {
	enum plan_cgroup_kind kind;
	/* Who makes the slice's and the account's group, with the limits as properties:
	 * systemd, or nsshell. Below the account's, nsshell does. */
	bool systemd;
	const char *scope; /* the unit whose group is the account's, "" without systemd */
	const char *scope_title; /* what systemctl says it is */
	const char *slice_name;  /* Slice=, "" without it */
	const char *slice;       /* "nsshell/customer1.slice", "" without Slice= */
	const char
		*account; /* "nsshell/1000", in a slice SLICE/1000: the limits are here */
	const char *session;   /* "nsshell/1000/ID" */
	const char *supervise; /* "nsshell/1000/supervise": the account's supervisors */
	/* "nsshell/1000/ID/user": the account's own, for its user manager; "" without */
	const char *manager;
	uid_t manager_uid; /* who owns it, as the host sees it */
	gid_t manager_gid;
	const char **controllers;
	size_t n_controllers;
	struct plan_cgroup_setting *settings; /* of the account's group */
	size_t n_settings;
	struct plan_cgroup_setting
		*slice_settings; /* of the slice's, from [Slice NAME] */
	size_t n_slice_settings;
	struct plan_cgroup_setting *session_settings; /* of the session's own */
	size_t n_session_settings;
	/* Of limits that the account, or its slice, has and isn't to have any more. */
	struct plan_cgroup_setting *lifted, *slice_lifted;
	size_t n_lifted, n_slice_lifted;
	/* All of them as "KEY=VALUE" lines, those of a slice below its "[Slice NAME]" */
	const char *limits_text;
	/* And what a session has for itself and isn't changed: sizes, Linger=. */
	const char *own_text;
};

/* A system call that is refused. */
struct plan_filter_rule {
	struct filter_call call;
	const char *group; /* "@clock"; "": the policy added it */
	bool on;           /* while planning; afterwards all are */
};

/* The group of the rules that RestrictAddressFamilies= makes. */
#define PLAN_FILTER_FAMILIES "families"

struct plan_filter {
	struct plan_filter_rule *rules; /* none: no filter at all */
	size_t n_rules;
};

/* How the note begins that names file systems of the host which the box doesn't have. */
#define PLAN_NOTE_MISSED "not in the box: "

/* Where a session's network namespace comes from. The host's user namespace owns it: nobody inside
 * has a capability over it. */
struct plan_network {
	enum policy_network_kind kind;
	const char *name; /* NETWORK_NETNS, NETWORK_USER */
	/* "none", "none:login", "private 100.64.0.5", "netns:lab": what another session's must say to be
	 * shared; "" for the host's */
	const char *text;
	bool share; /* the account's sessions have one */
	/* NETWORK_USER: whose sessions have it, and what they must say; else "" */
	uid_t owner;
	const char *owner_text;
	/* Others whose sessions may have it, too, and what these say then */
	const uid_t *guests;
	size_t n_guests;
	const char *guest_text;
	/* NETWORK_PRIVATE; texts are "" where there is none */
	uint32_t
		number; /* of the account: by it nsshell-net makes all below, netpool.h */
	uint32_t connections;            /* at once, of each such network */
	const char *pool4, *pool6;       /* "100.64.0.0/16" */
	const char *link;                /* of the host's: "nssh5" */
	const char *address4, *address6; /* inside */
	const char *
		resolver; /* of the host's loopback, which the gateway's port 53 leads to */
	const char *resolv; /* text of resolv.conf(5) inside */
	const char *rules;  /* of the account alone: text of netrules.h */
	const char *table;  /* of nftables, which all of these networks share */
};

struct plan {
	struct arena arena;
	const char *id, *service, *rhost, *tty;
	const char *user, *home, *shell;
	const char *door_shell; /* Shell=, "" where it isn't set */
	uid_t uid;
	gid_t gid;
	const char *hostname;    /* expanded */
	const char *runtime_dir; /* "/run/user/1000" */
	/* a Kerberos credentials cache that is taken in from the host, "" for none */
	const char *ticket;
	struct idmap uids, gids;
	/* supplementary groups kept, the primary one among them */
	const uint32_t *groups;
	size_t n_groups;
	const char *image; /* "NAME:TAG@sha256:HEX", "" over the host's root */
	const char *said;  /* plan_login.said, "" for nothing */
	/* NAME=VALUE, each variable once: the image's and over it Environment= */
	const char **environment;
	size_t n_environment;
	const char **environment_left; /* names that an image mayn't give: sessionenv.h */
	size_t n_environment_left;
	uint64_t namespaces; /* CLONE_NEW*; CLONE_NEWNET: of network */
	struct plan_network network;
	struct plan_overlay *overlays;
	size_t n_overlays;
	struct plan_layer *layers;
	size_t n_layers;
	enum policy_upper upper;
	uint64_t upper_size;
	enum policy_on_change on_change; /* with UPPER_DISK */
	uint64_t
		upper_inodes; /* as many as upper_size has room for; 0: no limit of ours */
	struct plan_op *ops;
	size_t n_ops;
	struct plan_cgroup cgroup;
	/* Of HostCommands=, in its order; also those that the box doesn't have, and why */
	struct command *commands;
	size_t n_commands;
	/* real paths of plan_inside_programs that the box has nsshell-command for */
	const char **inside;
	size_t n_inside;
	const char **login_caps; /* what the login process keeps: "cap_setuid", ... */
	size_t n_login_caps;
	const char **init_caps;
	size_t n_init_caps;
	bool no_new_privs;
	bool scope_sockets; /* abstract ones are each login's own */
	struct plan_filter filter;
	const char
		*families; /* of sockets that may be opened, "AF_UNIX ..."; NULL: any */
	bool keys_usable;  /* keyctl(2) and its like aren't all refused */
	bool notify_join;  /* the user is told when an admin steps in */
	const char *user_manager; /* the program to run with --user, "" for none */
	bool share_account;
	bool share_tmp;        /* some op is shared */
	uint64_t sessions_max; /* of the account, at once; PARSE_INFINITY: no limit */
	uint64_t linger_usec;
	const char **notes; /* what an admin should know: fallbacks taken */
	size_t n_notes;
};

/**
 * plan_make() - Decide everything about a session
 * @ret:	on success a plan that stands on its own; free with plan_free()
 *
 * Errors name the account or the key, what is wrong and what to do: no home ("" or "/"), more
 * groups than a map can hold, a limit that this host has no controller for, a bind source that
 * isn't there and isn't marked with '-', Root=yes.
 *
 * Return: 0 or -1 with @e.
 */
int plan_make(const struct plan_input *in, struct plan **ret, struct err *e);
void plan_free(struct plan *p);

/**
 * plan_limits_check() - Whether this host can give the limits of a policy
 * @ret:	on success a plan with nothing but its control groups and notes; plan_free()
 *
 * Return: 0 or -1 with @e, as plan_make().
 */
int plan_limits_check(const struct plan_host *host, const struct policy *policy,
	struct plan **ret, struct err *e);

/* The maps of p->uid and p->groups, for who makes a plan and who looks at one. Return: 0 or -1 with @e. */
int plan_maps(const struct plan_input *in, const struct plan *p, struct idmap *uids,
	struct idmap *gids, struct err *e);

/**
 * plan_account_check() - Whether an account's ids, its home and the paths of its policy can be had
 * @ret:	on success a plan with nothing but its notes; plan_free()
 *
 * Return: 0 or -1 with @e, as plan_make().
 */
int plan_account_check(const struct plan_host *host, const struct account *account,
	const struct policy *policy, struct plan **ret, struct err *e);

/* The command of that name that the box has, or NULL. */
const struct command *plan_command(const struct plan *p, const char *name);
/* Whether it has any. */
bool plan_has_commands(const struct plan *p);

/* ---- plan_names.c: what is printed of it, in words and as JSON --------------------------- */

extern const char *const plan_op_names[];        /* by enum plan_op_kind */
extern const char *const plan_on_change_names[]; /* by enum policy_on_change */
extern const char *const plan_layer_names[];     /* by enum plan_layer_kind */

/* A bool of struct plan_op. The lists below end with a row without a name. */
struct plan_op_flag {
	const char *name, *word; /* in JSON; in words */
	size_t offset;
	uint32_t kinds; /* that have it, 1 << kind each */
};
extern const struct plan_op_flag plan_op_flags[];

struct plan_bit {
	uint64_t bit;
	const char *name, *word; /* in JSON; in words */
};
extern const struct plan_bit plan_namespaces[], plan_attrs[];

/* The whole plan in words, for people and golden files. */
void plan_print(const struct plan *p, FILE *out);

/**
 * plan_rules_digest() - A number for what makes two logins of an account want the same box
 *
 * Its groups, what is bound, masked and mounted, the filter and the privileges; not what differs
 * from login to login, nor which of the host's daemons run at the moment. As plan_rootfs_digest().
 */
uint64_t plan_rules_digest(const struct plan *p);

/* The same of what is mounted in the places that an account's sessions share; 0 where it has its own. */
uint64_t plan_tmp_digest(const struct plan *p);

/**
 * plan_rootfs_digest() - A number for what a rootfs is made of
 *
 * Two plans with the same digest (FNV-1a over overlays, layers, upper and id maps) can share
 * one rootfs. Not cryptographic.
 */
uint64_t plan_rootfs_digest(const struct plan *p);

/* The same for the rules of a filter; never 0. */
uint64_t plan_filter_digest(const struct plan_filter *f);
