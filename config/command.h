/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entries of HostCommands=, nsshell-commands(5): NAME.conf in the directory "commands" beside nsshell.conf, or
 * else in PATH_COMMANDS. Lines of KEY=VALUE without sections, few enough to be read by what is here alone; opened
 * as nsshell.conf is.
 */
#pragma once

#include "config/config.h"
#include "core/plan/command.h"

/**
 * command_entries() - Read the entries of these names
 * @config:	path of nsshell.conf
 * @ret:	one for each name, in their order; one that can't be used says why. Free its arena
 *
 * Return: 0 or -1 with @e (no memory).
 */
int command_entries(const char *config, const struct strlist *names,
	struct command_list *ret, struct err *e);

/* The names of all entries there are, each once, added to @ret. Return: 0 or -1 with @e. */
int command_names(const char *config, struct strlist *ret, struct err *e);
