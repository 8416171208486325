/* SPDX-License-Identifier: BSD-3-Clause */
#include "helpers/opener/programs.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"
#include "helpers/init/left.h"
#include "helpers/planner/messages.h"

#include <fcntl.h>
#include <sys/stat.h>

#define ABOVE INIT_LEFT_FD
_Static_assert(ABOVE >= PLANNER_FD, "what is started finds its fd free");

static int open_above(const char *path)
{
	_cleanup_close_ int low = open(path, O_PATH | O_CLOEXEC);
	int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, ABOVE + 1);

	return fd < 0 ? -errno : fd;
}

/* Whether another program than this one is in this one's place: who became it can't find itself replaced for ever. */
static bool is_replaced(void)
{
	struct stat now, self;

	return stat(PATH_HELPER, &now) == 0 && stat("/proc/self/exe", &self) == 0 &&
	       (now.st_dev != self.st_dev || now.st_ino != self.st_ino);
}

struct programs programs_open(char *const argv[])
{
	char *const nothing[] = { NULL };
	struct programs p = {
		.planner = open_above(PATH_PLANNER),
		.init = open_above(PATH_INIT),
		.supervisor = open_above(PATH_SUPERVISOR),
		.worker = open_above(PATH_WORKER),
	};

	if ((p.planner == -ENOENT || p.init == -ENOENT || p.supervisor == -ENOENT ||
		    p.worker == -ENOENT) &&
		is_replaced())
		(void)execve(PATH_HELPER, argv, nothing);
	return p;
}
