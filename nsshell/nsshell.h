/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of nsshell(1): through the door, and the shell itself. */
#pragma once

#include "nsshell/door.h"

struct nsshell_call {
	bool login;
	char **command; /* COMMAND [NAME [ARGUMENT...]], NULL for none */
	int argc;
	pid_t agent; /* nsshell_agent.h: who listens at SSH_AUTH_SOCK, or 0 */
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

/* Execute the shell. Return: an exit status, where it can't be. */
int nsshell_plain(const char *shell, const struct nsshell_call *c);
