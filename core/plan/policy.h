/* SPDX-License-Identifier: BSD-3-Clause */
/* What the config says for one account: plain data, filled by config/, read by plan/. */
#pragma once

#include "core/base/account.h"
#include "core/base/parse.h"
#include "core/base/strlist.h"
#include "core/plan/command.h"

#include <stdbool.h>
#include <stdint.h>

/* Members of this group are never isolated, whatever the config says and however broken
 * it is. */
#define POLICY_BREAK_GLASS_GROUP "nsshell-exempt"

/* Whom Isolate=yes in [Default] doesn't mean (core/base/people.h), and no other section isolates. */
enum policy_passed {
	PASSED_NOT,
	PASSED_SYSTEM, /* an account of the system's, nobody among them */
	PASSED_ABOVE, /* above UID_MAX: as a directory service or systemd-homed gives them */
};

enum policy_share {
	SHARE_LOGIN,   /* each login its own session */
	SHARE_ACCOUNT, /* a second login joins the first one's session */
};

enum policy_upper {
	UPPER_NONE,  /* the box's file system is read-only */
	UPPER_TMPFS, /* gone with the account's last session */
	UPPER_DISK,  /* kept below the state directory */
};

/* What becomes of what was written with Upper=disk when another lower is beneath it. */
enum policy_on_change {
	ON_CHANGE_KEEP,
	ON_CHANGE_RESET,  /* it is set aside, and the account begins anew */
	ON_CHANGE_REFUSE, /* no login, until an admin decides */
};

enum policy_tmp {
	TMP_LOGIN, /* each session its own */
	TMP_ACCOUNT,
};

enum policy_abstract {
	ABSTRACT_PRIVATE, /* scoped, where the kernel can */
	ABSTRACT_SHARED,
};

enum policy_network_kind {
	NETWORK_HOST,    /* the host's own */
	NETWORK_NONE,    /* a loopback, and nothing else */
	NETWORK_PRIVATE, /* an address of its own, and a way out */
	NETWORK_NETNS,   /* one that the admin made: ip-netns(8) */
	NETWORK_USER,    /* that of another account's sessions */
};

#define POLICY_NETNS_MAX 64 /* with the 0 */

struct policy_network {
	enum policy_network_kind kind;
	char *name; /* NETWORK_NETNS: below /run/netns; NETWORK_USER: whose; else NULL */
	/* NETWORK_USER, where the config of both allows it: that account, and what it has */
	uid_t uid;
	enum policy_network_kind of;
};

/* Whose a network other than the host's is. */
enum policy_network_share {
	NETWORK_OF_ACCOUNT, /* all of its sessions have one */
	NETWORK_OF_LOGIN,   /* each session its own */
};

enum policy_on_error {
	ON_ERROR_DENY,
	ON_ERROR_ALLOW,
};

enum policy_groups {
	GROUPS_KEEP, /* every supplementary group of the account maps to itself */
	GROUPS_NONE, /* only the primary one */
};

enum policy_oom {
	OOM_CONTINUE, /* the kernel kills one process */
	OOM_KILL,     /* and all others of its session */
};

#define POLICY_SHELL_MAX 256 /* with the 0 */
#define POLICY_SLICE_MAX 32  /* with the 0 */

/* A number, or a part of what the machine has. */
struct policy_amount {
	uint64_t n; /* PARSE_INFINITY: no limit */
	/* hundredths of a percent of the machine's, 1 to 10000, in place of n; 0: it is n */
	uint32_t permyriad;
	bool preset; /* no section says so: given up where the host can't */
};

enum policy_io {
	POLICY_IO_READ_BANDWIDTH,
	POLICY_IO_WRITE_BANDWIDTH,
	POLICY_IO_READ_IOPS,
	POLICY_IO_WRITE_IOPS,
	POLICY_IO_KINDS,
};

#define POLICY_IO_MAX 16 /* paths for each of them */

/* Limits of an account or of a slice. No limit at all is policy_limits_init()'s, not zeros. */
struct policy_limits {
	struct policy_amount memory_max;  /* MemoryMax=, bytes */
	struct policy_amount memory_high; /* MemoryHigh=, bytes */
	struct policy_amount swap_max;    /* MemorySwapMax=, bytes */
	struct policy_amount tasks_max;   /* TasksMax= */
	uint32_t cpu_quota;               /* CPUQuota=, percent of one CPU; 0: no quota */
	uint32_t cpu_weight;              /* CPUWeight=, 1 to 10000; 0: not set */
	char *cpus;         /* AllowedCPUs= as cpulist_format() has it; NULL: all */
	uint32_t io_weight; /* IOWeight=, 1 to 10000; 0: not set */
	/* IOReadBandwidthMax= and so on: "PATH NUMBER" or "PATH infinity", each path once */
	struct strlist io[POLICY_IO_KINDS];
};

struct policy {
	bool isolate;               /* Isolate= */
	enum policy_passed passed;  /* by Isolate=yes in [Default], which means people */
	struct strlist services;    /* Services=, PAM service names */
	enum policy_share share;    /* Share= */
	enum policy_tmp tmp;        /* PrivateTmp= */
	uint64_t sessions_max;      /* SessionsMax=; PARSE_INFINITY: no limit */
	uint64_t linger_usec;       /* Linger=: 0 is no, PARSE_INFINITY is yes */
	char *hostname;             /* Hostname=, with %u %h %s not yet expanded */
	bool root;                  /* Root= */
	bool allow_user_namespaces; /* AllowUserNamespaces= */
	bool upper_sized; /* UpperSize= is in the section that has Upper=, or in a later one */
	/* SystemCallFilter=: "no" or "default" at most as the first word; names of calls and
	 * groups to allow, or with "~" to refuse */
	struct strlist filter;
	struct strlist families; /* RestrictAddressFamilies=, see families.h */
	char *image;             /* RootFS=image:NAME; NULL is the host's root */
	/* RootFSAllow=: "NAME:TAG" each, or "host", among which the account may choose */
	struct strlist rootfs_allow;
	enum policy_upper upper;         /* Upper= */
	enum policy_on_change on_change; /* UpperOnChange= */
	uint64_t upper_size; /* UpperSize=, bytes; PARSE_INFINITY: no limit of ours */
	uint64_t tmp_size;   /* TmpSize=, bytes, each of /tmp, /var/tmp, /dev/shm */
	/* Lists of absolute paths; a '-' before one means: leave it out where it isn't
	 * there. A bind may be SOURCE:TARGET. */
	struct strlist bind_paths;    /* BindPaths= */
	struct strlist bind_ro_paths; /* BindReadOnlyPaths= */
	struct strlist volumes;       /* Volumes=, NAME:TARGET each; each name once */
	bool host_mounts; /* HostMounts=: other file systems of the host come along */
	/* InaccessiblePaths=, beside the built-in list */
	struct strlist inaccessible_paths;
	struct strlist devices; /* Devices=, beside null zero full random urandom tty */
	struct strlist sockets; /* Sockets=, beside the built-in list */
	struct strlist environment; /* Environment=, NAME=VALUE each; a later one wins */
	struct strlist host_commands; /* HostCommands=, names of entries */
	struct command_list commands; /* and these, once the policy is whole */
	struct policy_limits limits;
	char *slice;                             /* Slice=; NULL: none */
	struct policy_limits slice_limits;       /* from its [Slice NAME] */
	enum policy_oom oom;                     /* OOMPolicy= */
	enum policy_abstract abstract;           /* AbstractSockets= */
	struct policy_network network;           /* Network= */
	enum policy_network_share network_share; /* NetworkShare= */
	struct strlist network_users; /* NetworkAllowUsers=: who may share it, */
	uid_t *guests;                /* and those of them that there are */
	size_t n_guests;
	/* IPAddressAllow=, IPAddressDeny=, RestrictPorts=: words of netrules.h */
	struct strlist ip_allow, ip_deny, restrict_ports, publish;
	char *pool;               /* Pool= of [Network], as netpool_parse() takes it */
	uint64_t connections_max; /* ConnectionsMax= of [Network] */
	struct strlist dns;       /* DNS= of [Network], addresses; empty: as the host */
	enum policy_on_error on_error; /* OnError= */
	enum policy_groups groups;     /* SupplementaryGroups= */
	bool notify_join;  /* NotifyJoin=: the user is told when an admin steps in */
	bool user_manager; /* UserManager=: systemd --user inside */
	bool record;       /* Record=: nsshell(1) inside makes its terminals observable */
	char *shell; /* Shell=: behind nsshell(1) as a login shell; NULL: the account's */
};

/* No limit at all. */
void policy_limits_init(struct policy_limits *l);
/* Free what they own; there is no limit afterwards. */
void policy_limits_clear(struct policy_limits *l);

/* Free what the policy owns; it is all zeros afterwards. */
void policy_clear(struct policy *p);

/* Whether it has an address in Pool=, its own or that of whose network it shares. */
bool policy_has_address(const struct policy *p);

/**
 * policy_is_exempt() - Whether an account is never isolated, whatever the config says
 *
 * True for uid 0 and for members of POLICY_BREAK_GLASS_GROUP. Ask before the config is
 * loaded: the answer must not hang on a config that can be read.
 */
bool policy_is_exempt(const struct account *account);
