/* SPDX-License-Identifier: BSD-3-Clause */
/* Files beside the config's drop-ins that somebody may take for one. */
#include "nsshell/nsctl/check/check_internal.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>

/* A drop-in, what is hidden, and what editors and packages leave. */
static const char *const usual[] = { "*.conf", ".*", "*~", "*.bak", "*.old", "*.orig",
	"*.dpkg-*", "*.rpm*", "*.ucf-*", "README*" };

static bool is_usual(const char *name)
{
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (fnmatch(usual[i], name, 0) == 0)
			return true;
	return false;
}

void check_dropins(const char *config, struct findings *f)
{
	_cleanup_dir_ DIR *dir = NULL;
	char path[PATH_MAX];
	const struct dirent *d;

	(void)snprintf(path, sizeof(path), "%s.d", config ? config : PATH_CONF);
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		if (!is_usual(d->d_name))
			findings_add(f, FINDING_NOTE, "whoever is meant by what is in it",
				"give it a name that ends in .conf, or take it away",
				"%s/%s isn't read: its name doesn't end in .conf", path,
				d->d_name);
}
