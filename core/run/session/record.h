/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Session records, PATH_SESSIONS/ID: root-only text, one "key=value" a line, written
 * whole to a temporary name and renamed. The supervisor holds an exclusive flock(2) on
 * its record as long as it lives; a record that can be locked is what a crash left.
 */
#pragma once

#include "core/base/account.h"
#include "core/base/err.h"
#include "core/plan/imagename.h"
#include "core/plan/plan.h"
#include "core/plan/volumename.h"
#include "core/run/mount/layers.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A process that a pid alone can't name: start time in clock ticks, proc_pid_stat(5)
 * field 22. */
struct record_process {
	pid_t pid; /* 0: none yet */
	uint64_t start;
};

/* Inode numbers of the session's namespaces; 0: not known yet, or shared with the host.
 */
struct record_namespaces {
	uint64_t user, pid, mnt, uts, ipc, cgroup, net;
};

enum record_state {
	RECORD_OPENING,
	RECORD_OPEN,
	RECORD_LINGERING, /* no lease left, processes live on */
	RECORD_CLOSING,
	RECORD_UNKNOWN, /* record_glimpse(): it may be listed and ended, and nothing else */
};

/* A terminal that was lent to the session, and how to give it back. */
struct record_tty {
	char path[64]; /* "" for none */
	uint64_t rdev; /* 0: it was given back */
	uint32_t uid, gid, mode;
};

struct record {
	char id[PLAN_ID_LEN + 1];
	char user[ACCOUNT_NAME_MAX];
	uid_t uid;
	char service[64];
	char rhost[256];
	char tty[64];
	uint64_t since;     /* seconds since 1970 */
	uint64_t home_born; /* kin_home_born(), as it began; 0: not known */
	enum record_state state;
	struct record_process caller;
	struct record_process supervisor;
	struct record_process init;
	struct record_namespaces ns;
	char network[POLICY_NETNS_MAX + 24]; /* plan_network.text, "" for the host's */
	char image[IMAGE_TEXT_MAX];          /* plan.image, "" over the host's root */
	char changed
		[LAYERS_CHANGED_MAX]; /* layers_open(): of what lies below its upper */
	char volumes[VOLUMES_TEXT];   /* names of Volumes=, blanks between */
	uint32_t number;              /* plan_network.number, 0 for none */
	char cgroup[256];             /* plan_cgroup.session, "" where there is none */
	uint64_t rootfs;              /* plan_rootfs_digest() */
	uint64_t tmp;                 /* PrivateTmp=account: plan_tmp_digest(); else 0 */
	uint64_t rules;               /* plan_rules_digest() */
	uint64_t
		holder; /* inode number of the rootfs' mount namespace, 0: it isn't shared, or
			   * not yet there */
	uint64_t upper;  /* Upper=tmpfs: inode number of held_upper(), 0: there is none */
	uint64_t filter; /* filter_open() has the session's program by it, 0: none */
	bool share;      /* Share=account: a login may join */
	bool no_new_privs; /* as its logins have it */
	bool scoped;       /* its logins have abstract sockets of their own */
	bool notify_join;  /* the user is told when an admin steps in */
	uint32_t leases;   /* logins in it */
	bool logged_in;    /* utmp has an entry of ours */
	char line[32];     /* its ut_line, "" without one */
	uint32_t pids;     /* where its process ids begin, pidstart.h */
	struct record_tty lent;
};

/* Room for the text of any record. */
#define RECORD_TEXT_MAX 4096

/*
 * Other versions read it. No key ever means something else than it did; a new one is absent where it says
 * nothing, and its name begins with this where a version that doesn't know it mustn't have anybody join.
 */
#define RECORD_KEY_CRITICAL '!'

bool record_id_is_valid(const char *id);

/**
 * record_format() - The text of a record
 *
 * A line break in a name would forge a key: control characters become '?'.
 *
 * Return: its length, or -1 with errno where @size is too small.
 */
int record_format(const struct record *r, char *buf, size_t size);

/* Parse the text of a record: keys that we don't know are passed over. Return: 0 or -1 with @e. */
int record_parse(const char *text, struct record *ret, struct err *e);

/*
 * The same of ID.more beside the record: what nearly every session has and the first versions refuse, for which a key
 * that they don't know is an error. Who has the record alone, as a user does, has 0 there.
 */
int record_format_aside(const struct record *r, char *buf, size_t size);
int record_parse_aside(const char *text, struct record *r, struct err *e);

/**
 * record_glimpse() - What can be had of a record that record_parse() refuses
 * @ret:	state RECORD_UNKNOWN; what isn't there is 0 or "", the user "?", the uid (uid_t)-1
 */
void record_glimpse(const char *id, const char *text, struct record *ret);

/**
 * record_read() - Read one record
 *
 * Return: 0; 1 when there is none of that id; 2 with @e when it can't be understood, as one of another
 * version of nsshell: @ret is record_glimpse()'s, and has the supervisor by its lock where it isn't
 * named; -1 with @e.
 */
int record_read(const char *id, struct record *ret, struct err *e);

/**
 * record_read_live() - Read the record of a session whose supervisor runs
 *
 * Return: 0; 1 when there is no such session; 2 with @e, as record_read(); -1 with @e when it can't be
 * told which.
 */
int record_read_live(const char *id, struct record *ret, struct err *e);

/* Write or replace the record of r->id, mode 0600. Return: 0 or -1 with @e. */
int record_write(const struct record *r, struct err *e);
int record_remove(const char *id, struct err *e);

/**
 * record_lock() - Own a record
 * @ms:		how long to wait for it; 0: not at all
 * @ret_fd:	O_CLOEXEC, to be kept open as long as the session lives. Not the record
 *		itself, which renames replace, but PATH_SESSIONS/ID.lock beside it.
 *
 * Return: 0; 1 with @e when somebody else has had it all that time; -1 with @e.
 */
int record_lock(const char *id, unsigned int ms, int *ret_fd, struct err *e);

/**
 * record_list() - All records, oldest first, by the start of their supervisors: in hundredths
 *		   of a second, and no matter what the clock on the wall has been set to
 * @ret:	an array to free(), of *ret_n records
 * Return: 0 or -1 with @e; *ret_bad of them are RECORD_UNKNOWN.
 */
int record_list(struct record **ret, size_t *ret_n, size_t *ret_bad, struct err *e);

/**
 * record_ids() - The ids of all records, which aren't read
 * @ret:	an array to free(), of *ret_n ids
 *
 * Return: 0 or -1 with @e.
 */
int record_ids(char (**ret)[PLAN_ID_LEN + 1], size_t *ret_n, struct err *e);

/* record_traces() - As record_ids(), with those that only a lock or the like is left of; one may come more than once */
int record_traces(char (**ret)[PLAN_ID_LEN + 1], size_t *ret_n, struct err *e);

/* The order of record_list(), for qsort(3). */
int record_by_age(const void *a, const void *b);

/* Whether the supervisor of that record holds its lock. Return: 1, 0, or -1 with @e. */
int record_is_alive(const char *id, struct err *e);

const char *record_state_name(enum record_state s);
