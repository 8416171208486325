/* SPDX-License-Identifier: BSD-3-Clause */
#include "nsshell/command/inside.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} programs[] = {
	{ "newgrp", command_newgrp },
	{ "sg", command_newgrp },
	{ "wall", command_wall },
	{ "write", command_write },
};

int (*command_inside(const char *name))(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		if (strcmp(programs[i].name, name) == 0)
			return programs[i].run;
	return NULL;
}

const char *command_terminal_name(void)
{
	for (int fd = 0; fd < 3; fd++) {
		const char *name = ttyname(fd);

		if (name && strncmp(name, "/dev/", 5) == 0)
			return name + 5;
	}
	return NULL;
}
