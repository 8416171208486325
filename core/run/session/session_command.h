/* SPDX-License-Identifier: BSD-3-Clause */
/* The command of a SESSION_RUN as it comes in a memfd: a head, and strings behind it, the last one optional. */
#pragma once

#include "core/base/err.h"
#include "core/run/terminal/pty.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

/* Of all of it in bytes, and of its words: the kernel takes no more of one exec (execve(2)). */
#define SESSION_COMMAND_MAX   (6U << 20)
#define SESSION_COMMAND_WORDS 131072U

struct session_command_head {
	uint32_t on_pty; /* bit N: fd N is the pty; 0: no pty at all */
	uint32_t given;  /* bit N: fd N came with the request; all others are pipes */
	uint32_t directory_must, observed, agent, mask;
	uint32_t
		login; /* what a login is there for, and nobody steps in: no line of the log, no notice */
	uint32_t n_argv, n_env;
	uint64_t slack; /* of timers, in ns; 0: as usual */
	struct pty_manner manner;
	struct rlimit limits[RLIMIT_NLIMITS]; /* of who asks: the command gets no more */
};

/*
 * What it stands for; strings are the buffer's, arrays of them end with NULL. It starts in @directory, or
 * with !directory_must in @home where that can't be entered, or in "/". With @observed and a pty there is a
 * socket for nsjoin --observe. With @agent it gets a socket that ends outside, named by SSH_AUTH_SOCK;
 * that and SSH_TTY get their values inside, where env has them. With @group it has that group of the
 * account's as its first one, newgrp(1); what takes no group refuses the whole.
 */
struct session_command {
	struct session_command_head head;
	const char *directory, *home, *file;
	const char **argv, **env; /* one allocation: free argv */
	const char *
		group; /* of newgrp(1): its name, "" for that of the passwd entry; or NULL */
};

/* What the answer's value says of the fds that come with it, after those of stdio. */
#define SESSION_RUN_OBSERVED 1 /* one listens for observers */
#define SESSION_RUN_AGENT    2 /* one will listen at SSH_AUTH_SOCK inside */

/* Limits as our own are. */
void session_command_own_limits(struct session_command *c);

/* Into a memfd. Return: it, the caller's; -1 with @e. */
int session_command_pack(const struct session_command *c, struct err *e);

/**
 * session_command_read() - Take one apart that nobody vouches for
 * @ret_text:	free() it after @ret->argv
 *
 * The file is read once: what its owner does to it later is nothing to us. Return: 0 or -1 with @e.
 */
int session_command_read(
	int fd, struct session_command *ret, char **ret_text, struct err *e);

/* The same of what was read: @text of @size bytes. */
int session_command_parse(
	const char *text, size_t size, struct session_command *ret, struct err *e);
void session_command_clear(struct session_command *c);
