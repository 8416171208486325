/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/io.h"

#include "core/base/cleanup.h"

#include <fcntl.h>
#include <unistd.h>

int io_null_stdio(void)
{
	_cleanup_close_ int null = -EBADF;

	if (io_fill_stdio() < 0)
		return -1;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return -1;
	return 0;
}
