/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nsshell-command: what a box has in the place of a program that is run on the host, nsshell-commands(5). It has
 * no rights: it asks the own session, and copies. Which program is meant is the name that it is called by.
 */
#pragma once

#include "core/base/err.h"

#define COMMAND_FAILED 125 /* of our own failures, as env(1) and its friends have it */

/**
 * command_run() - Have it run, and copy until it has ended
 * @words:	its name and arguments, ended by NULL
 *
 * Should:   be called with nothing else left to do in this process: proxy_run()
 *
 * Return: its exit status as a shell has it, or COMMAND_FAILED, and has said why.
 */
int command_run(const char *const *words);

/* crontab -e: the editor is the box's, what it leaves is handed over. Return: an exit status. */
int command_edit(char **argv);

/* at and batch: a job begins as it does outside. Return: an exit status. */
int command_at(char **argv);
