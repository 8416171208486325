/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of config/ share. How a file is parsed:
 *
 *   file.c     opens it, refuses what others can write, reads it whole
 *   section.c  sections by their titles
 *   lines.c    finds sections, keys and values with their lines; each value is tried with its key's parser
 *   keys.c     the table of keys, parse_*.c their parsers
 *   slice.c    [Slice NAME]
 *   rules.c    keys that contradict each other
 *   merge.c    the policy of one account
 */
#pragma once

#include "config/config.h"
#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_KEYS_MAX     64
#define CONFIG_FILE_MAX     (1024U * 1024U)
#define CONFIG_LINE_MAX     4096 /* bytes */
#define CONFIG_PROBLEMS_MAX 1000

/* ---- keys --------------------------------------------------------------------------- */

struct config_key;

/**
 * config_parse_fn - Parse one value
 * @field:	the policy's member; scalars are replaced, a list is added to
 * @why:	what is wrong, where the row's hint doesn't say it; "" on entry
 *
 * Return: 0; -EINVAL for a bad value, with *field as it was; -ENOMEM.
 */
typedef int config_parse_fn(const struct config_key *key, const char *value, void *field,
	char *why, size_t why_size);

/* One key of the config: everything about it is in its row. */
struct config_key {
	const char *name;
	config_parse_fn *parse;
	size_t offset;       /* in struct policy */
	const char *initial; /* what holds where no section says anything; NULL: unset */
	const char *hint;    /* what a good value looks like, after "takes " */
	uint64_t min;        /* the smallest number */
	uint64_t max;        /* the largest number, 0: any */
	const char *const *words; /* of an enum, in its order, ended by NULL */
	bool list;                /* may be repeated; an empty value clears it */
	bool limit;               /* stands in [Slice NAME], too */
	bool network;             /* stands in [Network], and nowhere else */
	bool quoted;              /* words may have quotes, and blanks and '#' in them */
};

extern const struct config_key config_keys[];
extern const size_t config_n_keys;

/* The row of that name, or NULL. */
const struct config_key *config_key_find(const char *name, size_t len);
/* The name of a key that looks like this one, or NULL. */
const char *config_key_resembling(const char *name, size_t len);
size_t config_key_index(const struct config_key *key);

/**
 * config_key_apply() - Parse a value into a policy
 * @why:	on -EINVAL what would be right: "takes ..." and more
 *
 * Return: 0, -EINVAL, -ENOMEM.
 */
int config_key_apply(const struct config_key *key, const char *value, struct policy *p,
	char *why, size_t why_size);

config_parse_fn config_parse_bool, config_parse_word, config_parse_size,
	config_parse_quota, config_parse_count, config_parse_weight, config_parse_linger,
	config_parse_hostname, config_parse_rootfs, config_parse_services,
	config_parse_amount, config_parse_tasks, config_parse_cpus, config_parse_io,
	config_parse_slice, config_parse_shell, config_parse_binds, config_parse_paths,
	config_parse_devices, config_parse_filter, config_parse_families,
	config_parse_network, config_parse_commands, config_parse_pool, config_parse_dns,
	config_parse_addresses, config_parse_ports, config_parse_users,
	config_parse_publish, config_parse_volumes, config_parse_environment,
	config_parse_rootfs_allow;

/*
 * Quotes, and a '#' within them, as bytes that no config has (find_binary() of lines.c): what is left then is
 * none, or begins a comment. And back.
 */
void config_quotes_mask(char *value);
void config_quotes_unmask(char *value);

/* Where a list entry "[-]SOURCE[:TARGET]" appears inside. */
const char *config_bind_target(const char *entry);

/* What the sections that hold for an account give together: config_policy() without what others'
 * sections or files say. */
int config_policy_merged(const struct config *c, const struct account *account,
	struct policy *ret, struct err *e);

/**
 * config_network_peers() - Whose network is shared, and with whom
 *
 * Looks accounts up. Return: 0, or -1 with @e where the other's config doesn't allow it.
 */
int config_network_peers(
	const struct config *c, const struct account *a, struct policy *p, struct err *e);

/* ---- sections, entries, the whole --------------------------------------------------- */

enum config_kind {
	CONFIG_DEFAULT,
	CONFIG_GROUP,
	CONFIG_USER,
	CONFIG_SLICE,   /* concerns those whose Slice= names it */
	CONFIG_NETWORK, /* concerns those with Network=private */
	CONFIG_UNKNOWN, /* concerns everybody */
};

/* A value that a section gives. */
struct config_entry {
	const struct config_key *key;
	uint64_t line;
	bool ok;           /* value is good */
	const char *value; /* without comment and blanks around it */
	struct config_entry *next;
};

/* One section of one file, with all that follows its header, also where that is repeated.
 */
struct config_section {
	enum config_kind kind;
	const char *title; /* "User bob" */
	const char *name;  /* "bob", "" in [Default] */
	const char *file;
	uint64_t seen[CONFIG_KEYS_MAX]; /* line of each key's first appearance, or 0 */
	struct config_entry *entries, **entries_end;
	bool first;                  /* of its title */
	struct config_section *same; /* the next one of that title, in a later file */
	struct config_section *same_hash; /* older ones of this hash */
	struct config_section *next;
};

#define CONFIG_BUCKETS 256

struct config {
	struct arena arena;
	const char *path;     /* of nsshell.conf; NULL: the compiled-in one */
	struct people people; /* whom Isolate= in [Default] means */
	struct config_problem *problems;
	size_t n_problems;
	int failed; /* with what the system refused to have one looked at or read, which is a problem too; 0: it didn't */
	struct config_section *sections,
		**sections_end; /* in the order of files and lines */
	struct config_section *buckets[CONFIG_BUCKETS]; /* by title, newest first */
};

/* What a title names; *ret_name points into it. */
enum config_kind config_title_parse(const char *title, const char **ret_name);

/* The section of that title and file; a new one where there is none. NULL: no memory. */
struct config_section *config_section_enter(
	struct config *c, const char *path, const char *title);

/* Keep a problem; the strings are copied. Return: 0 or -1 with @e (no memory). */
int config_problem_add(struct config *c, const char *file, uint64_t line,
	const char *section, const char *key, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 7, 8)));

int config_no_memory(struct err *e);

/* ---- parsing ----------------------------------------------------------------------- */

/**
 * config_file_read() - Read one file that only root can write
 * @dir_fd:	its directory; @dir is that directory's path, for messages
 * @ret:	the text with a 0 behind, to free(); NULL where the file isn't there or
 * was refused
 *
 * Root, and where this isn't root the reading user, may own files. Symlinks are refused.
 *
 * Return: 0 or -1 with @e.
 */
int config_file_read(struct config *c, int dir_fd, const char *path, char **ret,
	size_t *ret_size, struct err *e);

/**
 * config_directory_open() - Open a directory and check that only root can write it
 * @ret_fd:	-EBADF where it isn't there or can't be opened
 *
 * Return: 0 or -1 with @e.
 */
int config_directory_open(struct config *c, const char *path, int *ret_fd, struct err *e);

/**
 * config_lines_read() - Keep what a file says, and what is wrong with it
 * @path:	lives in the config's arena
 * @text:	@size bytes and a 0; changed
 *
 * Return: 0 or -1 with @e.
 */
int config_lines_read(
	struct config *c, const char *path, char *text, size_t size, struct err *e);

/* Contradictions that show without an account: within a section, and of it with
 * [Default]. */
int config_rules_check(struct config *c, struct err *e);

/**
 * config_rules_broken() - The first contradiction of a merged policy
 * @ret_a, @ret_b:	rows of the two keys; b is NULL where one key is enough
 *
 * Return: 1 with @why, or 0.
 */
int config_rules_broken(const struct policy *p, const struct config_key **ret_a,
	const struct config_key **ret_b, char *why, size_t why_size);

/* What is wrong with a slice's name, or NULL. */
const char *config_slice_name_wrong(const char *name);
/* Fill slice_limits from the sections of the policy's slice. Return: 0 or -1 with @e. */
int config_slice_limits(const struct config *c, struct policy *p, struct err *e);
/* Every Slice= has its section. Return: 0 or -1 with @e (no memory). */
int config_slices_check(struct config *c, struct err *e);

/* The built-in values. Return: 0 or -1 with @e. */
int config_policy_initial(struct policy *ret, struct err *e);
/* Put a section's good values over what is there. Return: 0 or -1 with @e. */
int config_policy_add(const struct config_section *s, struct policy *p, struct err *e);
