/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/run/enter/seccomp.h"

#include "core/base/cleanup.h"
#include "core/base/paths.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int filter_open(uint64_t key, int *ret_fd, struct err *e)
{
	char path[sizeof(PATH_FILTERS) + 20];

	*ret_fd = -EBADF;
	if (key == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%016" PRIx64, PATH_FILTERS, key);
	*ret_fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(e, errno, "open the system call filter %s", path)
			   : 0;
}

int filter_map(int fd, struct filter *ret, struct err *e)
{
	struct stat st;
	void *code;

	*ret = (struct filter){ NULL, 0 };
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "read the system call filter");
	if (st.st_size <= 0 || st.st_size % (off_t)sizeof(struct sock_filter) != 0 ||
		st.st_size > (off_t)(BPF_MAXINSNS * sizeof(struct sock_filter)))
		return err_set(e, EBADMSG, "read the system call filter");
	code = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (code == MAP_FAILED)
		return err_set(e, errno, "read the system call filter");
	*ret = (struct filter){ code, (size_t)st.st_size };
	return 0;
}

void filter_unmap(struct filter *f)
{
	if (f->code)
		(void)munmap(f->code, f->size);
	*f = (struct filter){ NULL, 0 };
}

int filter_map_key(uint64_t key, struct filter *ret, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;

	*ret = (struct filter){ NULL, 0 };
	return filter_open(key, &fd, e) < 0 ? -1 : filter_map(fd, ret, e);
}

int filter_install(const struct filter *f, struct err *e)
{
	const struct sock_fprog program = {
		.len = (unsigned short)(f->size / sizeof(struct sock_filter)),
		.filter = f->code,
	};

	if (!f->code)
		return 0;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0
		       ? err_set(e, errno, "install the system call filter")
		       : 0;
}
