/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What nsshell-command does by itself, in place of programs that are setuid or setgid on the host: the own
 * sessions do it, core/run/session/session_socket.h, and nothing is run outside.
 */
#pragma once

#include <stdbool.h>

/* The program of that name, "newgrp", or NULL. Each returns an exit status. */
int (*command_inside(const char *name))(int argc, char **argv);

/* newgrp(1) and sg(1) of shadow. */
int command_newgrp(int argc, char **argv);

/* wall(1) and write(1) of util-linux, to own sessions. */
int command_wall(int argc, char **argv);
int command_write(int argc, char **argv);

/* The terminal that we are on, behind "/dev/"; NULL: none. */
const char *command_terminal_name(void);
