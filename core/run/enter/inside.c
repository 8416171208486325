/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/enter/inside.h"

#include "core/base/io.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

bool inside_session(void)
{
	struct stat st;

	return lstat(PATH_RUN_SESSION, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0;
}

void inside_session_id(char *id, size_t size)
{
	if (!inside_session() || io_read_text(AT_FDCWD, PATH_RUN_SESSION, id, size) < 0)
		id[0] = '\0';
	id[strcspn(id, "\n")] = '\0';
}

bool inside_is(const char *id)
{
	char own[64];

	inside_session_id(own, sizeof(own));
	return own[0] && strcmp(own, id) == 0;
}

int inside_no_way(struct err *e)
{
	char id[64];

	inside_session_id(id, sizeof(id));
	return err_set(e, 0,
		"this is inside session %s, from where nobody's sessions can be reached but one's "
		"own: \"nsctl status\" tells of this one, see nsshell(7)",
		id);
}
