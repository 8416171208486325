/* SPDX-License-Identifier: BSD-3-Clause */
/* nsctl image: a program of its own, which links what reads archives. */
#include "nsshell/nsctl/nsctl.h"

#include "core/base/paths.h"

#include <errno.h>
#include <unistd.h>

int nsctl_image(int argc, char **argv)
{
	struct err e;

	(void)argc;
	(void)execv(PATH_IMAGE, argv);
	(void)err_set(&e, errno, "start %s", PATH_IMAGE);
	return nsctl_failed(argv[0], &e);
}
