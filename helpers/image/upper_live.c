/* SPDX-License-Identifier: BSD-3-Clause */
/* Upper=tmpfs: what a running session has written, by the fd that its supervisor keeps of it. */
#include "helpers/image/upper.h"

#include "core/base/cleanup.h"
#include "core/base/io.h"
#include "core/run/mount/imagestore.h"
#include "core/run/session/held.h"

#include <fcntl.h>
#include <libmount/libmount.h>
#include <string.h>

/* In the stage's root, as the kernel tells it of each overlay: core/run/mount/rootfs.c. */
#define UPPERS "/upper/"

/* Return: whether it is one of the rootfs', and writable. */
static bool take(struct libmnt_fs *fs, struct upper *ret)
{
	const char *options = mnt_fs_get_fs_options(fs), *target = mnt_fs_get_target(fs);
	char *value = NULL;
	size_t len = 0;

	if (!options || !target || strcmp(mnt_fs_get_fstype(fs), "overlay") != 0 ||
		mnt_optstr_get_option(options, "upperdir", &value, &len) != 0 ||
		len <= strlen(UPPERS) || strncmp(value, UPPERS, strlen(UPPERS)) != 0 ||
		len - strlen(UPPERS) >= sizeof(ret->layer) ||
		strlen(target) >= sizeof(ret->target))
		return false;
	(void)snprintf(ret->layer, sizeof(ret->layer), "%.*s",
		(int)(len - strlen(UPPERS)), value + strlen(UPPERS));
	(void)snprintf(ret->target, sizeof(ret->target), "%s", target);
	return ret->layer[strspn(ret->layer, "0123456789")] == '\0';
}

static int of_table(const struct record *r, const char *path, struct upper u,
	struct upper **all, size_t *n, struct err *e)
{
	struct libmnt_table *table = mnt_new_table_from_file(path);
	struct libmnt_iter *at = mnt_new_iter(MNT_ITER_FORWARD);
	struct libmnt_fs *fs;
	int status = 0;

	if (!table || !at)
		status = err_set(e, errno, "read the mounts of session %s", r->id);
	while (status == 0 && mnt_table_next_fs(table, at, &fs) == 0)
		if (take(fs, &u))
			status = upper_add(all, n, &u, e);
	mnt_free_iter(at);
	mnt_unref_table(table);
	return status;
}

/* Nobody in a box mounts anything in init's mount namespace: what is there is the plan's. */
static int of_host(const struct record *r, const struct upper *u, struct upper **all,
	size_t *n, struct err *e)
{
	char path[48];
	uint64_t start;

	(void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)r->init.pid);
	if (of_table(r, path, *u, all, n, e) < 0)
		return -1;
	/* That was init, and not who has its pid by now. */
	return io_process_start(r->init.pid, &start) < 0 || start != r->init.start
		       ? err_set(e, ESRCH, "read the mounts of session %s", r->id)
		       : 0;
}

int upper_list_live(const struct record *r, struct upper **all, size_t *n, struct err *e)
{
	struct upper u = { .layer = "0", .target = "/" };

	if (r->upper == 0)
		return 0;
	(void)snprintf(u.session, sizeof(u.session), "%s", r->id);
	if (!*r->image)
		return of_host(r, &u, all, n, e);
	if (image_text_parse(r->image, u.image, u.hex) < 0)
		return err_set(e, 0, "session %s lies on \"%.80s\", which is no image",
			r->id, r->image);
	return upper_add(all, n, &u, e);
}

int upper_open_live(const struct upper *u, struct err *e)
{
	_cleanup_close_ int dir = -EBADF;
	struct record r;
	int fd, found = record_read_live(u->session, &r, e);

	if (found < 0)
		return -1;
	found = found == 0 ? held_upper(&r, &dir, e) : 0;
	if (found <= 0)
		return found < 0
			       ? -1
			       : err_set(e, 0,
					 "session %s is over, and what it wrote is gone",
					 u->session);
	fd = openat(dir, u->layer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open what session %s has written", u->session)
		      : fd;
}
