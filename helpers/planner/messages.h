/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What nsshell-helper, which is root, and nsshell-planner, which has no right, say to each other over one socket:
 *
 *	helper                      planner
 *	ASK      ---------------->
 *	         <----------------  OPEN, ACCOUNT   any number
 *	OPENED, ACCOUNTED ------->
 *	         <----------------  VERDICT         what the config says
 *	MATTERS  ---------------->                  where it is to be a box
 *	         <----------------  LOOK, LXCFS     any number
 *	LOOKED, ANSWERS --------->
 *	         <----------------  PLAN or FAILED
 *
 * The verdict, and all that the helper looks up for it, is given before the planner has seen a byte that an account
 * could have made: until then it gets root's files, and the name and groups that NSS has.
 */
#pragma once

#include "core/base/people.h"
#include "core/base/wire.h"
#include "core/plan/plan.h"

/* The planner's socket, and all that it has open. */
#define PLANNER_FD 3

enum message {
	MESSAGE_ASK = 1,
	MESSAGE_OPEN,
	MESSAGE_OPENED, /* with an fd, where number is 0 */
	MESSAGE_ACCOUNT,
	MESSAGE_ACCOUNTED,
	MESSAGE_VERDICT,
	MESSAGE_MATTERS,
	MESSAGE_LOOK,
	MESSAGE_LOOKED,
	MESSAGE_LXCFS,
	MESSAGE_ANSWERS,
	MESSAGE_PLAN, /* plan_wire */
	MESSAGE_FAILED,
	MESSAGES
};

/* An account, group names that there aren't being "". */
struct account_told {
	const char *name, *home, *shell; /* the last two "" before the verdict */
	uint32_t uid, gid;
	const uint32_t *groups;
	size_t n_groups;
	const char **names;
	size_t n_names;
};

struct err_told {
	uint32_t num;
	uint32_t cause;
	const char *msg; /* "": there is no error */
};

struct ask {
	const char *config; /* path of nsshell.conf, or NULL */
	const char *service;
	bool listed; /* the service needs no Services= */
	bool gate;
	uint32_t people_min, people_max;
	struct account_told account;
	const char **overrides;
	size_t n_overrides;
};

/* OPEN, LOOK, LXCFS, ACCOUNT: a path, or a name. */
struct name_told {
	const char *name;
	bool flag; /* a directory; a link is followed */
};

/* OPENED, LOOKED, ANSWERS. */
struct look_told {
	uint32_t num; /* errno, 0: it was had; of ANSWERS 0: it does */
	uint32_t mode;
	uint64_t dev, rdev;
};

struct account_found {
	uint32_t none; /* as account_read() returns 1 */
	struct err_told e;
	struct account_told account;
};

enum verdict_kind {
	VERDICT_FAILED,
	VERDICT_IGNORE,
	VERDICT_ISOLATED, /* and that was the question */
	VERDICT_OPEN,
};

struct verdict {
	enum verdict_kind kind;
	bool allow;        /* OnError=allow */
	bool passed;       /* a uid above those of people's: worth a word */
	const char *shell; /* Shell=, "" where it isn't set */
	struct err_told e;
	/* Of OPEN, as far as the helper has to look for it: what it names is for plan_check() to hold the plan against. */
	struct policy policy; /* policy_clear() */
	const uint32_t *guests;
	size_t n_guests;
};

struct matters {
	const char *home, *shell;
	const char *id, *rhost, *tty, *tmpdir, *ticket, *said;
	const char *image; /* that the account chose, or the config says */
	const struct plan_path *paths;
	size_t n_paths;
	const char *image_text, *image_lower; /* NULL: over the host's root */
	const char **image_layers, **image_environment;
	size_t n_image_layers, n_image_environment;
	const struct id_range *uids, *gids;
	size_t n_uids, n_gids;
	const char *group; /* of the account's sessions that there are, or NULL */
	const char **before;
	size_t n_before;
	uint32_t number;
};

extern const struct wire_record *const message_wires[MESSAGES];

/* @ret points into @from. Return: 0 or -1 (no memory). */
int account_tell(const struct account *from, struct arena *a, struct account_told *ret);
int account_hear(const struct account_told *from, struct arena *a, struct account *ret);
void err_tell(const struct err *from, struct err_told *ret);
/* Return: -1. */
int err_hear(const struct err_told *from, struct err *ret);

/* All that one of them may say: a plan, and what is asked and answered on the way. */
#define TALK_MAX (2UL * WIRE_MAX)

struct talk {
	int sock;        /* SOCK_SEQPACKET */
	int patience_ms; /* what is left to wait for the other end, in all; -1: any time */
	size_t heard;    /* bytes that came, in all: no more than TALK_MAX */
	struct arena arena; /* of what came */
};

/* What may come. */
union heard {
	struct ask ask;
	struct name_told name;
	struct look_told look;
	struct account_found account;
	struct verdict verdict;
	struct matters matters;
	struct plan plan;
	struct err_told failed;
};

/* One message, with an fd or -1. Return: 0 or -1 with @e. */
int talk_say(struct talk *t, enum message kind, const void *what, int fd, struct err *e);

/**
 * talk_hear() - The next message
 * @ret:	of its kind; what texts and lists take is in @t's arena
 * @ret_fd:	one that came along, or -EBADF
 *
 * Return: its kind; 0 where the other end is closed; -1 with @e, whose num is ETIMEDOUT where nothing came.
 */
int talk_hear(struct talk *t, union heard *ret, int *ret_fd, struct err *e);
