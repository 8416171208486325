/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The keys that are limits: which files of a control group they are written to, and what.
 * Percentages and devices are resolved here, with what the host has.
 */
#pragma once

#include "core/plan/plan.h"

#include <stdbool.h>
#include <stddef.h>

enum limit_id {
#define LIMIT(id, ...) LIMIT_##id,
#include "core/plan/limits_rows.h"
	LIMITS
};

/* What a limit is a limit of, and with it the type of its member in struct policy_limits. */
enum limit_kind {
	LIMIT_MEMORY, /* bytes: struct policy_amount */
	LIMIT_SWAP,   /* the same */
	LIMIT_TASKS,  /* struct policy_amount */
	LIMIT_QUOTA,  /* percent of one CPU: uint32_t, 0 is none */
	LIMIT_WEIGHT, /* uint32_t, 0 is none */
	LIMIT_CPUS,   /* char *, NULL is all */
	LIMIT_SPEED,  /* struct strlist, a device each */
};

/* What a file counts in, where that isn't what the key does. */
enum limit_scale {
	LIMIT_AS_IT_IS,
	LIMIT_IN_PERIODS, /* microseconds in each of so many: "150000 100000" */
	LIMIT_IN_SHARES,  /* 1024 for 100 */
	LIMIT_IN_BFQ,     /* BFQ's 1 to 1000, 100 for 100 */
	LIMIT_IN_CFQ,     /* CFQ's 10 to 1000, 500 for 100 */
};

/* A file of a group. */
struct limit_place {
	const char *file; /* NULL: there is none */
	/* what it says where there is no limit, of each device behind PLAN_ANY_DISK; NULL: it only
	 * says what the one before is meant by */
	const char *none;
	bool systemd; /* writes it, for the key's property: where property_is_managed() */
	enum limit_scale scale;
};

#define LIMIT_PLACES 2

/* A row of limits_rows.h. */
struct limit {
	const char *key; /* "MemoryMax" */
	enum limit_kind kind;
	bool shown; /* programs size themselves by it, reading it from the group that they are in */
	size_t offset; /* in struct policy_limits */
	struct {
		const char *controller; /* "memory"; NULL: there is no such limit */
		struct limit_place places[LIMIT_PLACES];
	} on[PLAN_CGROUP_V2 + 1];
	const char
		*property; /* its name in systemd.resource-control(5); NULL: as the key */
	const char *metric; /* its name in `nsctl metrics`; NULL: it isn't there */
};

extern const struct limit limits[LIMITS];

/* The row of that name, or NULL. */
const struct limit *limit_find(const char *key, size_t len);
/* Whether that is the name of one that is shown. */
bool limit_is_shown(const char *key);
bool limit_is_amount(const struct limit *l); /* struct policy_amount */
bool limit_is_bytes(const struct limit *l);

/* One value for one file of a group, as struct plan_cgroup_setting has it. */
struct limit_file {
	const char *key;        /* "MemoryMax" */
	const char *controller; /* "memory" */
	const char *file;       /* "memory.max" */
	char value[512];
};

#define LIMIT_FILES_MAX POLICY_IO_MAX

/**
 * limit_files() - What a key is written to
 * @ret:	in the order of writing; no limit is the kernel's word for that
 * @ret_n:	how many; 0 where there is no limit, and nothing to write it to
 *
 * Return: 0, or -1 with @e: a limit that this host can't give, and what to do about it.
 */
int limit_files(const struct plan_host *host, const struct limit *l,
	const struct policy_limits *of, struct limit_file ret[LIMIT_FILES_MAX],
	size_t *ret_n, struct err *e);

/* ---- limits_value.c: what a policy says, and what a file says ------------------------ */

/* Whether anything is limited by that key. */
bool limit_is_set(const struct limit *l, const struct policy_limits *of);

/* What the host has of what a limit is an amount of, 0 where it doesn't tell; and how much an amount
 * is then. */
uint64_t limit_all(const struct limit *l, const struct plan_host *host);
uint64_t limit_amount(const struct policy_amount *a, uint64_t all);

/**
 * limit_text() - A limit as the config could have it
 * @host:	whose part a percentage is; NULL: that is told as it is
 * @i:		from 0 on: a key of devices has several
 * @buf:	may get the text
 *
 * Return: the text, or NULL: there are no more.
 */
const char *limit_text(const struct limit *l, const struct policy_limits *of,
	const struct plan_host *host, size_t i, char buf[32]);

/* A weight as the file counts it. */
uint32_t limit_scaled(const struct limit_place *p, uint32_t weight);

/**
 * limit_read() - The key's number from a file's text
 * @ret:	PARSE_INFINITY: no limit
 *
 * Return: 0, or -1: it says no number.
 */
int limit_read(const struct limit_place *p, const char *text, uint64_t *ret);

/* What a file takes of a device, "8:0 1000" or "8:0 rbps=1000". */
void limit_put_speed(const struct limit_place *p, const char *device, uint64_t speed,
	char *buf, size_t size);
/* And where in that, or in the file's line of the device, the number begins; NULL: the line says
 * nothing of what is limited here. */
const char *limit_speed(const struct limit_place *p, const char *line);
