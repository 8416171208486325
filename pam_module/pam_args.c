/* SPDX-License-Identifier: BSD-3-Clause */
#include "pam_module/pam_args.h"

#include "core/base/paths.h"

#include <string.h>

static bool take_file(const char *arg, const char *key, const char **ret)
{
	size_t len = strlen(key);

	if (strncmp(arg, key, len) != 0 || arg[len] != '/')
		return false;
	*ret = arg + len;
	return true;
}

void pam_args_parse(int argc, const char **argv, struct pam_args *ret)
{
	*ret = (struct pam_args){ .helper = PATH_HELPER };
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "gate") == 0)
			ret->gate = true;
		else if (strcmp(argv[i], "debug") == 0)
			ret->debug = true;
		else if (!take_file(argv[i], "config=", &ret->config) &&
			 !take_file(argv[i], "helper=", &ret->helper) && !ret->unknown)
			ret->unknown = argv[i];
	}
}
