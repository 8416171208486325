/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of nsshell(1): through the door, and the shell itself. */
#pragma once

#include "nsshell/door/door.h"

#include <stdbool.h>

struct nsshell_call {
	bool login;
	char **command; /* COMMAND [NAME [ARGUMENT...]], NULL for none */
	int argc;
	pid_t agent; /* agent.h: who listens at SSH_AUTH_SOCK, or 0 */
};

/**
 * nsshell_here() - The shell where no door is needed: inside already, or root's
 *
 * Where the box's config has Record=yes, a terminal becomes one that can be looked at: the shell
 * gets a pty of its own, and this process stays in front of it. If that fails, it gets the
 * terminal as it is: who works here doesn't wait for who might look.
 *
 * Return: an exit status, where the shell can't be run or has ended.
 */
int nsshell_here(const struct nsshell_call *c);

/**
 * nsshell_shell() - Choose the real shell
 * @wanted:	Shell=, or ""
 * @own:	the account's, or $SHELL inside; nsshell itself and NULL count as none
 *
 * Should:   see files that only root writes: /etc/shells names what may be run
 * Mustn't:  give nsshell itself, which would only come here again
 *
 * Without either it's bash, else sh. Return: 0 or -1 with @e.
 */
int nsshell_shell(
	const char *wanted, const char *own, char ret[POLICY_SHELL_MAX], struct err *e);

/* argv[0] for a shell: "bash", or "-bash" for a login. */
void nsshell_shell_name(const char *shell, bool login, char ret[POLICY_SHELL_MAX]);

/**
 * nsshell_there() - The shell in a session that the door has had opened
 *
 * Return: an exit status.
 */
int nsshell_there(const struct nsshell_call *c, const struct door_answer *a);

/* Execute the shell. Return: an exit status, where it can't be. */
int nsshell_plain(const char *shell, const struct nsshell_call *c);
