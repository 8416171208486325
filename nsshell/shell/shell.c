/* SPDX-License-Identifier: BSD-3-Clause */
#include "nsshell/shell/nsshell.h"

#include "core/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_SHELLS "/etc/shells"

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Whether /etc/shells, shells(5), has the line. */
static bool is_listed(const char *shell)
{
	char text[16384], *at = text, *line;

	if (io_read_text(AT_FDCWD, PATH_SHELLS, text, sizeof(text)) < 0)
		return false;
	while ((line = strsep(&at, "\n"))) {
		line[strcspn(line, "# \t\r")] = '\0';
		if (*line == '/' && strcmp(line, shell) == 0)
			return true;
	}
	return false;
}

/* By name, or by file under another name. */
static bool is_nsshell(const char *shell)
{
	return strcmp(base_of(shell), "nsshell") == 0 ||
	       strcmp(base_of(shell), "nsshell-door") == 0;
}

static bool is_good(const char *shell)
{
	return strlen(shell) < POLICY_SHELL_MAX && !is_nsshell(shell) && is_listed(shell);
}

int nsshell_shell(
	const char *wanted, const char *own, char ret[POLICY_SHELL_MAX], struct err *e)
{
	static const char *const usual[] = { "/bin/bash", "/usr/bin/bash" };
	const char *shell = "/bin/sh";

	if (*wanted) {
		if (!is_good(wanted))
			return err_set(e, 0,
				"Shell=%s of nsshell.conf isn't listed in %s", wanted,
				PATH_SHELLS);
		shell = wanted;
	} else if (own && *own && !is_nsshell(own)) {
		if (!is_good(own))
			return err_set(e, 0, "the shell %s isn't listed in %s", own,
				PATH_SHELLS);
		shell = own;
	} else {
		for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
			if (is_good(usual[i]) && access(usual[i], X_OK) == 0) {
				shell = usual[i];
				break;
			}
	}
	(void)snprintf(ret, POLICY_SHELL_MAX, "%s", shell);
	return 0;
}

void nsshell_shell_name(const char *shell, bool login, char ret[POLICY_SHELL_MAX])
{
	(void)snprintf(
		ret, POLICY_SHELL_MAX, "%s%.250s", login ? "-" : "", base_of(shell));
}
