/* SPDX-License-Identifier: BSD-3-Clause */
/* The looks of nsctl check beyond config, kernel and PAM: ways to run as an account outside of
 * its box, and what makes boxes leak or fail. */
#pragma once

#include "config/config.h"
#include "core/base/account.h"
#include "core/plan/pamstack.h"
#include "nsshell/nsctl/check/findings.h"

/* An isolated account, and what holds for it. */
struct check_account {
	const struct account *account;
	const struct policy *policy;
	bool cron, at; /* its crontab and at jobs land in a box */
};

/**
 * check_accounts() - Look at each isolated account there is
 *
 * Accounts that NSS lists, and those that a section names. Homes are looked at with the
 * account's own ids, never with root's; without root, homes and spools are left out.
 *
 * Return: 0 or -1 with @e (no memory).
 */
int check_accounts(const struct config *c, const struct pamstack_dir *d,
	struct findings *f, struct err *e);

/**
 * check_services() - What of check_accounts() is about PAM services, and takes no look at homes
 *
 * Return: 0 or -1 with @e (no memory).
 */
int check_services(const struct config *c, const struct pamstack_dir *d,
	struct findings *f, struct err *e);

/* Accounts that [Default] passes over, above UID_MAX and below UID_MIN. */
struct check_passed {
	struct strlist above, system;
};

/* Keep one that has a login shell. Return: 0 or -1, for want of memory. */
int check_passed_add(
	const struct account *a, const struct policy *policy, struct check_passed *ret);
/* Who logged in here, as wtmp(5) has it: a directory service doesn't list its accounts. */
int check_passed_names(struct strlist *names, size_t max);
/* Tell of them. */
void check_passed_tell(
	const struct check_passed *p, const struct people *people, struct findings *f);

/* File systems that plans don't have: the notes that were told, and how many plans were made. */
struct check_mounts {
	struct strlist told;
	size_t looks;
};

void check_mounts(
	const struct check_account *a, struct check_mounts *m, struct findings *f);

/* Directories that accounts may write outside; start it as { 0 }. */
struct check_shared {
	struct strlist paths; /* by their modes */
	struct strlist told;
	size_t looks;
};

/**
 * check_shared() - Directories that an account may write outside, and that its box hasn't bound
 *
 * Three levels deep; others than those that each box has of its own, and homes. Each is told once.
 */
void check_shared(
	const struct check_account *a, struct check_shared *s, struct findings *f);

/**
 * check_sshd() - What sshd_config(5) says that isolated accounts can't have, or that leaves them without a box
 * @by_pam:	names of those whose logins by ssh are isolated by PAM, and by nothing else
 */
void check_sshd(const struct strlist *by_pam, struct findings *f);

/* Services that open sessions without nsshell, by which isolated accounts have no box. */
void check_doors(
	const struct pamstack_dir *d, const struct strlist *isolated, struct findings *f);

/* Linger, user units, .forward, CGI, crontab and at jobs, shell of one account. */
void check_ways_out(const struct check_account *a, struct findings *f);

/**
 * check_limits() - Limits of an account that this host can't give
 * @seen:	what other accounts' limits have been looked at, and what was told of them
 */
void check_limits(
	const struct check_account *a, struct strlist *seen, struct findings *f);

/**
 * check_paths() - Paths that the config names for an account, and its home, as a login finds them
 * @told:	what was told of others: the same isn't said again
 */
void check_paths(const struct check_account *a, struct strlist *told, struct findings *f);

/* Whether nothing limits the memory of an account that keeps its changes there. */
bool check_memory_is_open(const struct check_account *a);
/* Tell of those accounts. */
void check_memory(const struct strlist *open, struct findings *f);

/* Whether 32-bit programs, which this host can run, can open no socket in an account's box. */
bool check_is_socketless(const struct check_account *a);
/* Tell of those accounts. */
void check_socketless(const struct strlist *accounts, struct findings *f);

/* Whether ping(8), where the host has it, can do nothing in an account's box. */
bool check_is_pingless(const struct check_account *a);
/* Tell of those accounts. */
void check_pingless(const struct strlist *accounts, struct findings *f);

/* Whether it has a host command that sends something, in a box with another network than the host's. */
bool check_is_sending(const struct check_account *a);

void check_sending(const struct strlist *accounts, struct findings *f);

/* Whether an account has to change its password, and no passwd in its box. Without root: false. */
bool check_is_expired(const struct check_account *a);
/* Tell of those accounts. */
void check_expired(const struct strlist *accounts, struct findings *f);

/* That no account is isolated: a warning where logins are to be, by PAM's files. */
void check_nobody(
	const struct config *c, const struct pamstack_dir *d, struct findings *f);

/* Whether an account's /tmp or upper in memory may become larger than its MemoryMax=. */
bool check_tmp_is_large(const struct check_account *a);
/* Tell of those accounts. */
void check_tmp(const struct strlist *large, struct findings *f);

/**
 * check_disk_is_open() - Whether nothing limits what an account's upper takes on disk
 *
 * With Upper=disk and no UpperSize= of its own. What limits is a quota, of bytes and one of files, of the user or of the
 * project that the account's directory belongs to (quotactl(2)). Without root: false.
 */
bool check_disk_is_open(const struct check_account *a);
/* The same of Volumes=, for which there is no size. */
bool check_volumes_are_open(const struct check_account *a);
/* Whether logins can have an UpperSize= with Upper=disk. */
void check_disk_size(const struct check_account *a, struct findings *f);
/* Tell of those accounts, and by which key it is. */
void check_disk(const struct strlist *open, const char *key, struct findings *f);

/**
 * check_subids() - Ranges that two accounts share, or that hold an account's own id
 * @path:	"/etc/subuid", for the messages and to be read
 * @uids:	whether it is uids that are subordinate there
 */
void check_subids(const char *path, bool uids, struct findings *f);

/* resolv.conf, lxcfs, abstract sockets, directories above state and config. */
void check_host(const char *config, struct findings *f);

/* "alice, bob": as many names as there is room for, 40 bytes at least. */
void check_names(const struct strlist *l, char *ret, size_t size);

/* Files in the directory of drop-ins of @config (NULL: the installed one) that aren't read. */
void check_dropins(const char *config, struct findings *f);

/* Entries of host commands. */
void check_commands(const char *config, struct findings *f);

/* Sessions, layers and ranges whose account is gone, renamed or renumbered, and sessions that can't be understood; with root
 * only. */
void check_gone(struct findings *f);

/* Files in which ranges and numbers are given out, and that can't be read; with root only. */
void check_ledgers(struct findings *f);

/* Every directory above a path must be root's alone. */
void check_chain(const char *path, const char *whom, struct findings *f);
