/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/inside.h"

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

int inside_no_way(struct err *e)
{
	char id[64] = "";

	if (io_read_text(AT_FDCWD, PATH_RUN_SESSION, id, sizeof(id)) < 0)
		id[0] = '\0';
	id[strcspn(id, "\n")] = '\0';
	return err_set(e, 0,
		"this is inside session %s, from where no session can be reached, your own "
		"ones neither: \"nsctl status\" tells of this one, see nsshell(7)",
		id);
}
