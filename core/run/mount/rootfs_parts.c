/* SPDX-License-Identifier: BSD-3-Clause */
/* What is needed of a rootfs without building one. */
#include "core/base/cleanup.h"
#include "core/base/sys.h"
#include "core/run/mount/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

int rootfs_tmpfs(uint64_t size, uint64_t inodes, uint32_t mode, uint32_t uid,
	uint32_t gid, uint64_t attr)
{
	const struct {
		const char *key;
		uint64_t value;
		bool octal, set;
	} options[] = {
		{ "size", size, false, size > 0 },
		{ "nr_inodes", inodes, false, inodes > 0 },
		{ "mode", mode, true, true },
		{ "uid", uid, false, true },
		{ "gid", gid, false, true },
	};
	_cleanup_close_ int fs = sys_fs_open("tmpfs");
	char value[32];

	if (fs < 0)
		return -1;
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
		(void)snprintf(value, sizeof(value),
			options[i].octal ? "%" PRIo64 : "%" PRIu64, options[i].value);
		if (options[i].set && sys_fs_set(fs, options[i].key, value) < 0)
			return -1;
	}
	return sys_fs_mount(fs, attr);
}

int rootfs_masks(struct err *e)
{
	_cleanup_close_ int mount = rootfs_tmpfs(
		65536, 16, 0700, 0, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	_cleanup_close_ int file = -EBADF;

	if (mount >= 0 && mkdirat(mount, ROOTFS_MASK_DIR, 0) == 0)
		file = openat(mount, ROOTFS_MASK_FILE,
			O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	return file < 0 ? err_set(e, errno, "make the mask") : take_fd(&mount);
}

void rootfs_lower(size_t overlay, char ret[ROOTFS_LOWER_LEN])
{
	(void)snprintf(ret, ROOTFS_LOWER_LEN, "/lower/%zu", overlay);
}

int rootfs_open_lower(size_t overlay)
{
	char path[ROOTFS_LOWER_LEN];

	rootfs_lower(overlay, path);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int rootfs_attach(int mount, const char *path, struct err *e)
{
	_cleanup_close_ int place = -EBADF;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "make %s of the rootfs", path);
	place = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (place < 0 || sys_attach(mount, place) < 0)
		return err_set(e, errno, "attach %s of the rootfs", path);
	return 0;
}
